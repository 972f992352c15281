"""Outcomes of several trainings on a split, and how they are stored: a row a training, in it a list over samples."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from torch import nn

from cache.run_folder import RunFolder
from engine.data import Samples, StudyData
from engine.judged_by import DEFAULT, Measurement
from engine.progress import Progress, silent
from engine.reweight.all_classes import Outcomes
from engine.training import evaluate

_TYPES = {"values": pa.float32(), "losses": pa.float32(), "correct": pa.bool_()}


def outcomes_of(
    models: Sequence[nn.Module],
    samples: Samples,
    data: StudyData,
    measurement: Measurement = DEFAULT,
    progress: Progress = silent,
) -> Outcomes:
    """Returns what each of S models makes of the samples of a split.

    Args:
        models: on one device.
        samples: of the split, or some of them.
        data: of the study: its classes and its transform.
        measurement: what samples are judged by.
        progress: called after every batch; may raise to stop.
    """
    device = next(models[0].parameters()).device
    found = [
        evaluate(model, samples, data.transform, data.num_classes, device, measurement=measurement, progress=progress)
        for model in models
    ]
    return Outcomes(*(np.stack([getattr(one, name) for one in found]) for name in _TYPES))


def write_outcomes(folder: RunFolder, name: str, outcomes: Outcomes) -> None:
    """Writes outcomes as a part, without rounding: what is read again is equal.

    Raises:
        RefusedInput: if the folder is shipped, or the disk is full or closed to writing.
    """
    columns = {column: pa.array(list(getattr(outcomes, column)), pa.list_(kind)) for column, kind in _TYPES.items()}
    folder.write_table(name, pa.table(columns))


def read_outcomes(folder: RunFolder, name: str) -> Outcomes:
    """Returns the outcomes of a part.

    Raises:
        RefusedInput: if it is missing or damaged.
    """
    table = folder.read_table(name)

    def rows(column: str) -> np.ndarray:
        return np.stack([row.values.to_numpy(zero_copy_only=False) for row in table.column(column)])

    return Outcomes(values=rows("values"), losses=rows("losses"), correct=rows("correct"))
