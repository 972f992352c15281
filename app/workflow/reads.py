"""What pages have read by another process (:mod:`app.jobs.read_apart`), by name: files that may come from anywhere."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.jobs import lock
from app.jobs.read_apart import WAITING
from app.workflow.catalogue import run_keys
from app.workflow.data_columns import columns_of
from app.workflow.disk_room import refuse_without_room
from cache.shown_samples import ShownSamples, ShownTexts
from cache.store import SHOWN_LOCK, Store
from engine.errors import RefusedInput, first_line
from engine.progress import Progress
from engine.whole_files import PARTIAL

if TYPE_CHECKING:
    from engine.data import StudyData

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
    """Keeps the training samples of an influence run for pages, in place of any that are kept already.

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
    own, *_ = store.shown(asked["key"])
    with _disk_told(store):
        store.shown_folder.mkdir(parents=True, exist_ok=True)
        locked = store.shown_folder / SHOWN_LOCK.format(key=asked["key"])
        # Only a reader that outlived its server can have it.
        while (descriptor := lock.acquire(locked)) is None:
            progress(WAITING, 0, 0)
            time.sleep(_LOOK_AGAIN)
    try:
        for left in store.shown_folder.glob(f"{PARTIAL}*-{own.name}"):  # of a reader that was killed as it wrote
            shutil.rmtree(left, ignore_errors=True)
        shown = shown_of(_data_of_run(asked, store, progress))
        with _disk_told(store):
            refuse_without_room(store.shown_folder, shown.bytes, "the samples take", "Free some space")
            shown.write(own)
    finally:
        lock.release(descriptor)
    return {}


def _data_of_run(asked: dict[str, Any], store: Store, progress: Progress) -> "StudyData":
    """Reads the training samples of a run; of the other splits no more than it takes."""
    from app.workflow.options import study_with_options
    from app.workflow.study_roots import allowed_study
    from engine.data import load_excerpt
    from engine.data.kept_features import features_kept_in

    study = study_with_options(allowed_study(Path(asked["study"]), store), asked["options"])
    with features_kept_in(store.features_folder):
        data = load_excerpt(study, {"train": asked["samples"], "validation": 1}, progress).data
    # After the reading: files that change in its middle are not kept as those of the run.
    if run_keys(study).influence != asked["key"]:
        raise RefusedInput(
            "the data or settings of the study have changed since this run",
            "the data that the run was computed on",
            "Bring them back, or look at the study's own run",
        )
    return data


def shown_of(data: "StudyData") -> ShownSamples:
    """Returns the training samples of a study as pages show them."""
    train = data.train
    if train.texts is None:
        return ShownSamples(train.inputs.numpy(), train.sizes, columns=data.columns)
    texts = train.texts
    return ShownSamples.of_texts(ShownTexts(texts.values, texts.lengths, texts.unit, texts.most))


@contextmanager
def _disk_told(store: Store) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RefusedInput(
            f"the samples cannot be kept in {store.shown_folder}: {error.strerror or first_line(error)}",
            "a store that has room and may be written",
            "Free some space, or mend its permissions",
        ) from error


READS: Mapping[str, Callable[[dict[str, Any], Progress], dict[str, Any]]] = {
    "head": read_head,
    "folder": read_folder,
    "samples": read_samples,
}
