"""What pages have read by another process (:mod:`app.jobs.read_apart`), by name: files that may come from anywhere."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.jobs import lock
from app.workflow.data_columns import columns_of
from cache.shown_samples import ShownSamples, ShownTexts
from cache.store import Store
from engine.errors import RefusedInput, first_line
from engine.progress import Progress

_LOOK_AGAIN = 0.2


def read_head(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Returns the fields of :class:`app.workflow.data_columns.Columns` for ``path``, ``format`` and ``delimiter``.

    Raises:
        RefusedInput: as :func:`app.workflow.data_columns.columns_of`.
    """
    return asdict(columns_of(Path(asked["path"]), asked["format"], asked["delimiter"]))


def read_folder(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Looks at ``folder``, and answers the form of a new study with what that tells.

    Returns:
        ``answers`` (by field), ``without`` (keys that have no field), ``inferred`` and ``unknown`` as ``init --json``
        has them.

    Raises:
        RefusedInput: if it is no folder, or has nothing that can be read as data.
    """
    from app.workflow.init_study import look_at_folder
    from app.workflow.init_study_answers import answers_of

    folder = Path(asked["folder"])
    findings = look_at_folder(folder)
    answers, without = answers_of(findings, folder)
    return {"answers": answers, "without": without, **findings.told()}


def read_samples(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Keeps the training samples of an influence run for pages, unless they are kept already.

    Args:
        asked: ``study``: path of the study file; ``options``: with which the run is found; ``key`` of the run;
            ``store`` and ``shipped``: as :class:`cache.store.Store` takes them; ``samples``: how many there are.
        progress: called while they are read.

    Returns:
        Nothing: they are in the store's folder for them.

    Raises:
        RefusedInput: if the data cannot be read, are not those of the run any more, or cannot be kept.
    """
    store = Store(Path(asked["store"]), Path(asked["shipped"]) if asked["shipped"] else None)
    store.shown_folder.mkdir(parents=True, exist_ok=True)
    # One at a time, so that many who look hold the samples of one study in memory, and read them once.
    while (descriptor := lock.acquire(store.shown_folder / "lock")) is None:
        progress("waiting", 0, 0)
        time.sleep(_LOOK_AGAIN)
    try:
        _keep_samples(store, asked, progress)
    except OSError as error:
        raise RefusedInput(
            f"the samples cannot be kept in {store.shown_folder}: {error.strerror or first_line(error)}",
            "a store that has room and may be written",
            "Free some space, or mend its permissions",
        ) from error
    finally:
        lock.release(descriptor)
    return {}


def _keep_samples(store: Store, asked: dict[str, Any], progress: Progress) -> None:
    from app.workflow.options import study_with_options
    from app.workflow.study_roots import refuse_file_outside, refuse_outside
    from cache.fingerprints import influence_key
    from engine.checkpoints import chosen_checkpoint
    from engine.data import load_data
    from engine.data.kept_features import features_kept_in
    from engine.study import load_study

    path = Path(asked["study"])
    refuse_file_outside(path, store)
    study = study_with_options(load_study(path), asked["options"])
    refuse_outside(study, store)
    folder = store.shown_folder / asked["key"]
    if ShownSamples.opened(folder, study.data.modality, asked["samples"]) is not None:
        return
    with features_kept_in(store.features_folder):
        data = load_data(study, progress)
    # After the reading: files that change in its middle are not kept as those of the run.
    if influence_key(study, chosen_checkpoint(study)[1]) != asked["key"]:
        raise RefusedInput(
            "the data or settings of the study have changed since this run",
            "the data that the run was computed on",
            "Bring them back, or look at the study's own run",
        )
    shown_of(data).write(folder)


def shown_of(data: Any) -> ShownSamples:
    """Returns the training samples of :class:`engine.data.samples.StudyData` as pages show them."""
    import pyarrow as pa

    train = data.train
    if train.texts is not None:
        texts = train.texts
        values = pa.array(texts.values, pa.large_string())
        return ShownSamples.of_texts(ShownTexts(values, texts.lengths, texts.unit, texts.most))
    return ShownSamples(train.inputs.numpy(), train.sizes, columns=data.columns)


READS: Mapping[str, Callable[[dict[str, Any], Progress], dict[str, Any]]] = {
    "head": read_head,
    "folder": read_folder,
    "samples": read_samples,
}
