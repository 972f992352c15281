"""The use-case behind ``harmful``: likely label errors and outliers, by influence and by a second opinion.

What takes long is stored and belongs to an influence run: what models trained without a fold say of it, each group
of trainings as a part, and every sample's self-influence. Rankings are made of it at once, for any classes.
"""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from app.workflow.arithmetic import keep_parts_of
from app.workflow.calibrated import calibrated_study
from app.workflow.harmful_view import all_rows, checked_ranking, judged_rankings, precision_told, rows_of
from app.workflow.influence import fold_counts, fold_rows, influence_run, stored_influence
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, harmful_key
from cache.parts import OPINIONS, read_opinions
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.classes import class_indices
from engine.data import StudyData, known_label_errors, load_data
from engine.device import resolve_device
from engine.errors import RefusedInput
from engine.experiments.harm_ranking import FOLDS, RANKINGS, suspects
from engine.experiments.label_quality import NONE, FoldTrainings, label_opinion, small_classes
from engine.frontier import pool_folds
from engine.influence import Horizon, prepare_influence, self_influence
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import NextEpoch
from engine.whole_files import write_whole

_FOLDS, _SELF_INFLUENCE = "folds-{:05d}.parquet", "self-influence.parquet"
"""Parts: what the models of a group of trainings say of their folds; self-influence."""
LIMIT = 20


def harmful(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Ranks the training samples by how likely they do harm or are labelled wrong.

    Args:
        study: the study.
        store: where runs are kept.
        options: ``classes`` (whose harm counts, names or indices; all by default), ``ranking`` (``combined``,
            ``influence`` or ``label_quality``), ``limit``, ``out`` (a CSV file of all samples in their order) and
            ``overwrite``. None of them computes anything anew.
        progress: called after every step; may raise to cancel.

    Returns:
        The object that ``harmful --json`` prints. Of each sample: ``quality`` (probability of its label by a model
        that has not seen it), ``suggested`` (another label, or null), ``harm`` (in multiples of an average sample's
        influence on a class, mean over the chosen classes; positive: harms), ``joint`` (harms each of them),
        ``self_influence``, ``influence`` (on each of them). ``precision`` is null where no wrong labels are known.

    Raises:
        RefusedInput: if an option, the data, the checkpoint or the settings cannot be used.
        Cancelled: when ``progress`` raises it; finished parts are kept.
    """
    ranking = checked_ranking(options.get("ranking") or RANKINGS[0])
    limit = LIMIT if options.get("limit") is None else int(options["limit"])
    if limit < 1:
        raise RefusedInput(f"--limit is {limit}", "a number of at least 1", "Ask for at least one sample")
    out = None if options.get("out") is None else _free(Path(options["out"]), bool(options.get("overwrite")))
    # Asked before the long work, and again of the class names that the run tells.
    folder, influence, cached = harmful_run(study, store, progress, options.get("classes"))
    manifest = folder.manifest()
    names = manifest["class_names"]
    classes = sorted(class_indices(options.get("classes") or names, names))
    opinions = read_opinions(folder)
    # As the cache keeps them, so that the page ranks alike to the last bit.
    vectors = pool_folds(fold_rows(influence, "ceiling"), fold_counts(influence)).astype(np.float32)
    found = suspects(vectors, opinions.quality, classes, ranking)
    told = influence.read_table("samples.parquet").sort_by("index").to_pandas()
    if out is not None:
        _write_csv(out, all_rows(told, vectors, found, opinions, names).to_csv)
    judged = judged_rankings(vectors, opinions, classes, limit)
    errors = 0 if opinions.errors is None else len(opinions.errors)
    rows = rows_of(told.iloc[found.order[:limit]], found, opinions, names)
    return {
        "run": folder.key,
        "cached": cached,
        "ranking": ranking,
        "classes": classes,
        "class_names": names,
        "samples": [
            {
                "index": int(row.index),
                "source": row.source,
                "label": row.label,
                "suggested": row.suggested or None,
                "suggested_probability": _known(opinions.suggested_probability[row.index]),
                "quality": float(row.label_quality),
                "harm": float(row.harm),
                "joint": bool(row.joint_negative),
                "self_influence": float(row.self_influence),
                "influence": vectors[row.index, classes].tolist(),
            }
            for row in rows.itertuples(index=False)
        ],
        "precision": None if judged is None else precision_told(judged, errors, min(limit, len(vectors))),
        "trainings": manifest["trainings"],
        "suggested": manifest["suggested"],
        "file": None if out is None else str(out),
        "notices": manifest["notices"],
    }


def harmful_run(
    study: Study, store: Store, progress: Progress = silent, classes: Any = None
) -> tuple[RunFolder, RunFolder, bool]:
    """Returns the finished run, the influence run that it stands beside, and whether the former was there already.

    Args:
        study: the study.
        store: where runs are kept.
        progress: called after every step; may raise to cancel.
        classes: that will be asked for: refused now where the study lacks one.

    Raises:
        RefusedInput: if data, checkpoint, settings or classes cannot be used, if a training diverges, or if files
            change meanwhile.
        Cancelled: when ``progress`` raises it; finished parts are kept.
    """
    influence = stored_influence(study, store)
    folder = store.run(harmful_key(influence.key))
    if influence.is_finished and folder.is_finished:
        return folder, influence, True
    # Read before the run has a folder: what is refused here leaves nothing behind.
    data = load_data(study, progress)
    class_indices(classes or (), data.class_names)
    errors = known_label_errors(study)
    influence, _ = influence_run(study, store, progress, data)
    if folder.is_finished:
        return folder, influence, True
    with folder.lock():
        if not folder.is_finished:
            manifest = _computed(study, store, folder, data, errors, progress)
            finish_unchanged(
                folder,
                {**manifest, "influence": influence.key},
                influence.key,
                lambda: stored_influence(study, store).key,
                "the data or the checkpoint changed while the labels were judged",
            )
    return folder, influence, False


def _computed(
    study: Study,
    store: Store,
    folder: RunFolder,
    data: StudyData,
    errors: NDArray[np.int64] | None,
    progress: Progress,
) -> dict[str, Any]:
    device = resolve_device(study.compute)
    keep_parts_of(folder, {"device": device.type})
    labels = data.train.labels.numpy()
    trainings = FoldTrainings(study, data)
    names = [_FOLDS.format(number) for number in range(len(trainings.groups))]
    missing = [number for number, name in enumerate(names) if name not in folder.parts]
    for number, part in trainings.run(missing, progress):
        flat = pa.array(part.probabilities.ravel())
        probabilities = pa.FixedSizeListArray.from_arrays(flat, data.num_classes)
        folder.write_table(names[number], pa.table({"index": pa.array(part.index, pa.int32()), "out": probabilities}))
    if _SELF_INFLUENCE not in folder.parts:
        next_epoch = NextEpoch.from_study(study, data, chosen_checkpoint(study)[0])
        horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
        calibrated = calibrated_study(study, store, data, progress)
        prepared = prepare_influence(calibrated, data, next_epoch.start, horizon, progress)
        folder.write_table(_SELF_INFLUENCE, pa.table({"self_influence": self_influence(prepared, data, progress)}))
    suggested = _write_opinions(folder, labels, data.num_classes, errors)
    return {
        "kind": "harmful",
        "study": {"name": study.name},
        "class_names": list(data.class_names),
        "samples": len(labels),
        "trainings": FOLDS,
        "suggested": suggested,
        "known_errors": None if errors is None else len(errors),
        "notices": [*data.notices, *small_classes(labels, data.class_names)],
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": {"threads": torch.get_num_threads(), "torch": torch.__version__, "device": device.type},
    }


def _write_opinions(
    folder: RunFolder, labels: NDArray[np.int64], classes: int, errors: NDArray[np.int64] | None
) -> int:
    """Writes what is said of each sample, made from the other parts; returns for how many a label is suggested."""
    stored = folder.read_table(_FOLDS.format(0).replace("00000", "*")).sort_by("index")
    flat = stored.column("out").combine_chunks().flatten()
    probabilities = flat.to_numpy(zero_copy_only=False).reshape(len(labels), classes)
    opinion = label_opinion(labels, probabilities)
    is_suggested = opinion.suggested != NONE
    wrong: NDArray[np.bool_] | list[None] = [None] * len(labels)
    if errors is not None:
        wrong = np.isin(np.arange(len(labels)), errors)
    beside = probabilities[np.arange(len(labels)), opinion.suggested]
    table = {
        "index": pa.array(np.arange(len(labels)), pa.int32()),
        "label": pa.array(labels, pa.int16()),
        "quality": pa.array(opinion.quality, pa.float32()),
        "suggested": pa.array(opinion.suggested, pa.int16(), mask=~is_suggested),
        "suggested_probability": pa.array(beside, pa.float32(), mask=~is_suggested),
        "self_influence": folder.read_table(_SELF_INFLUENCE).column("self_influence"),
        "wrong": pa.array(wrong, pa.bool_()),
    }
    folder.write_table(OPINIONS, pa.table(table))
    return int(is_suggested.sum())


def _free(file: Path, overwrite: bool) -> Path:
    if file.is_dir() or (file.exists() and not overwrite):
        raise RefusedInput(
            f"--out {file} is {'a folder' if file.is_dir() else 'there already'}",
            "the name of a CSV file that is free",
            "Give another one" + ("" if file.is_dir() else ", or --overwrite to replace it"),
        )
    return file


def _write_csv(file: Path, to_csv: Any) -> None:
    text = StringIO()
    to_csv(text, index=False)
    try:
        write_whole(file, text.getvalue().encode())
    except OSError as error:
        raise RefusedInput(
            f"{file} cannot be written: {error.strerror}",
            "a file in a folder that has room and may be written",
            "Give another one with --out",
        ) from error


def _known(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)
