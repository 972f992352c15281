"""The use-case behind ``epochs``: every checkpoint of a study evaluated, and the epochs that cost a class something.

Each checkpoint is a part of the run folder, so a stopped run goes on with the next. Which drop is more than noise is
decided in :mod:`engine.training.detrimental`.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from app.workflow.arithmetic import keep_parts_of
from app.workflow.epochs_view import compared_checkpoints, skipped_notice
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, epochs_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import Samples, StudyData, load_data
from engine.device import resolve_device
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import evaluate, trained_model
from engine.training.detrimental import detrimental_epochs, epoch_changes

_PART = "epoch-{:05d}.parquet"
"""Part of a checkpoint: a row a split, in it whether each sample is predicted right, and what loading had to say."""


def judge_epochs(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Evaluates every checkpoint and finds the epochs after which a class is worse by more than noise.

    Args:
        study: the study; its checkpoints are all that is in the folder.
        store: where runs are kept.
        options: none are known.
        progress: called after every batch; may raise to cancel.

    Returns:
        The object that ``epochs --json`` prints. ``accuracy`` is a list over ``epochs`` of shares per class;
        ``detrimental`` has, worst first, the classes by index and what they lost as shares on validation samples;
        ``judged`` has the p-values of all classes for every epoch that has one before it.

    Raises:
        RefusedInput: if data or a checkpoint cannot be used, or no two are of consecutive epochs.
        Cancelled: when ``progress`` raises it; finished checkpoints are kept.
    """
    folder, cached = epochs_run(study, store, progress)
    told = {key: value for key, value in folder.manifest().items() if key not in ("kind", "result_version", "key")}
    return {"run": folder.key, "cached": cached, **told}


def epochs_run(study: Study, store: Store, progress: Progress = silent) -> tuple[RunFolder, bool]:
    """Returns the finished evaluation of a study's checkpoints, and whether it was there already.

    Raises:
        RefusedInput: if data or a checkpoint cannot be used, or no two are of consecutive epochs.
        Cancelled: when ``progress`` raises it.
    """
    checkpoints = compared_checkpoints(study)
    folder = store.run(epochs_key(study, checkpoints.values()))
    if folder.is_finished:
        return folder, True
    # Read before the run has a folder: what is refused here leaves nothing behind.
    data = load_data(study, progress)
    with folder.lock():
        if not folder.is_finished:
            manifest = _judged(study, folder, data, list(checkpoints), progress)
            finish_unchanged(
                folder,
                manifest,
                folder.key,
                lambda: epochs_key(study, compared_checkpoints(study).values()),
                "the data or the checkpoints changed while they were evaluated",
            )
    return folder, False


def _judged(study: Study, folder: RunFolder, data: StudyData, epochs: list[int], progress: Progress) -> dict[str, Any]:
    device = resolve_device(study.compute)
    keep_parts_of(folder, {"device": device.type})
    splits = {"validation": data.validation} | ({"test": data.test} if data.test is not None else {})
    for number, epoch in enumerate(epochs):

        def report(stage: str, done: int, total: int, note: str = "", number: int = number, epoch: int = epoch) -> None:
            # In checkpoints, since a bar that begins anew with each tells no time that is left.
            progress("evaluating checkpoints", number, len(epochs), f"epoch {epoch}, {done:,} of {total:,} samples")

        if _PART.format(epoch) not in folder.parts:
            _evaluate(study, folder, data, splits, epoch, device, report)
    progress("evaluating checkpoints", len(epochs), len(epochs))
    tables = [folder.read_table(_PART.format(epoch)) for epoch in epochs]
    correct = {split: np.stack([_row(table, row) for table in tables]) for row, split in enumerate(splits)}
    labels = {split: samples.labels.numpy() for split, samples in splits.items()}
    changes = epoch_changes(correct["validation"], labels["validation"], data.num_classes, epochs)
    told = dict[str, str]()
    for notice in (notice for table in tables for notice in table.column("notices")[0].as_py()):
        # Behind the file's name most say the same of every checkpoint.
        told.setdefault(notice.partition(": ")[2], notice)
    skipped = skipped_notice(epochs)
    return {
        "kind": "epochs",
        "study": {"name": study.name},
        "class_names": list(data.class_names),
        "epochs": epochs,
        "accuracy": _by_split(
            {split: _accuracy(right, labels[split], data.num_classes) for split, right in correct.items()}
        ),
        "counts": _by_split(
            {split: np.bincount(members, minlength=data.num_classes) for split, members in labels.items()}
        ),
        "detrimental": [asdict(found) for found in detrimental_epochs(changes)],
        "judged": [{"epoch": change.epoch, "p_values": change.p_values} for change in changes],
        "notices": [*data.notices, *told.values(), *([skipped] if skipped else [])],
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": {"threads": torch.get_num_threads(), "torch": torch.__version__, "device": device.type},
    }


def _evaluate(
    study: Study,
    folder: RunFolder,
    data: StudyData,
    splits: dict[str, Samples],
    epoch: int,
    device: torch.device,
    progress: Progress,
) -> None:
    """Writes the part of one checkpoint."""
    model, notices = trained_model(study, data, epoch)
    model = model.to(device)
    correct = [
        evaluate(model, samples, data.transform, data.num_classes, device, progress=progress).correct
        for samples in splits.values()
    ]
    rows = {
        "split": pa.array(list(splits)),
        "correct": pa.array(correct, pa.list_(pa.bool_())),
        "notices": pa.array([list(notices)] * len(splits), pa.list_(pa.string())),
    }
    folder.write_table(_PART.format(epoch), pa.table(rows))


def _row(table: pa.Table, row: int) -> NDArray[np.bool_]:
    return table.column("correct")[row].values.to_numpy(zero_copy_only=False)


def _accuracy(correct: NDArray[np.bool_], labels: NDArray[np.int64], num_classes: int) -> NDArray[np.float64]:
    """Returns the share of right predictions by epoch and class, ``(E, K)``; NaN for a class without samples."""
    counts = np.bincount(labels, minlength=num_classes)
    right = np.stack([np.bincount(labels[row], minlength=num_classes) for row in correct])
    return np.divide(right, counts, out=np.full(right.shape, np.nan), where=counts > 0)


def _by_split(values: dict[str, Any]) -> dict[str, Any]:
    """Returns values by split as manifests have them: a study without test samples has null."""
    return {**values, "test": values.get("test")}
