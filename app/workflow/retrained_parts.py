"""Trainings from scratch as parts of a run: what a stop leaves is kept, and what is missing is trained."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cache.run_folder import RunFolder
from engine.data import StudyData
from engine.progress import Progress
from engine.study import Study
from engine.training.retraining import ClassMeans, Retrainings, WeightsOf

_PART = "{}-{:05d}.parquet"
_FIGURES = ("accuracy", "value")


def retrained(
    folder: RunFolder,
    name: str,
    study: Study,
    data: StudyData,
    seeds: Sequence[int],
    weights: WeightsOf,
    progress: Progress,
) -> dict[str, ClassMeans]:
    """Returns what M trainings come to on validation and test samples; each group is stored as it ends.

    Args:
        folder: of a run whose lock is held; groups that it has are not trained again.
        name: of its parts, before their number.
        study: what is trained, and how.
        data: its samples.
        seeds: of each training, M.
        weights: of the training samples in some of the trainings, by number.
        progress: told how many of the M are done; may raise to stop.

    Returns:
        By split, ``(M, K)`` each.

    Raises:
        RefusedInput: if a training diverges.
        Cancelled: when ``progress`` raises it; finished groups are kept.
    """
    splits = ["validation", *(["test"] if data.test is not None else [])]
    trainings = Retrainings(study, data, splits, seeds, weights)
    names = [_PART.format(name, number) for number in range(len(trainings.groups))]
    missing = [number for number, part in enumerate(names) if part not in folder.parts]
    for number, found in trainings.run(missing, progress):
        columns = {
            f"{split}_{figure}": pa.array(list(getattr(means, figure)), pa.list_(pa.float64()))
            for split, means in found.items()
            for figure in _FIGURES
        }
        folder.write_table(names[number], pa.table(columns))
    stored = folder.read_table(_PART.format(name, 0).replace("00000", "*"))
    return {
        split: ClassMeans(*(np.array(stored.column(f"{split}_{figure}").to_pylist()) for figure in _FIGURES))
        for split in splits
    }
