"""Training labels that are known to be wrong: planted ones, or ones that somebody has checked.

A training file in NumPy's format may hold an array ``flipped`` beside inputs and labels: the rows, counted from 0,
whose label is wrong. Nothing is trained or ranked by it; it tells how good a ranking of label errors is.
"""

import numpy as np
from numpy.typing import NDArray

from engine.data.locations import split_location
from engine.data.npz import NpzReader
from engine.errors import RefusedInput
from engine.study import Study

ARRAY = "flipped"


def known_label_errors(study: Study) -> NDArray[np.int64] | None:
    """Returns the training samples whose label is known to be wrong.

    Args:
        study: its training file is looked at.

    Returns:
        Indices of training samples, sorted; none are wrong where it is empty. ``None`` where nothing is known: the
        file is of another format or has no such array, or the study uses a part of its rows, so that rows of
        the file are not its samples.

    Raises:
        RefusedInput: if the file cannot be read, or the array is not one of distinct rows.
    """
    data = study.data
    if data.format != "npz" or data.limit.train is not None or isinstance(data.validation, float):
        return None
    reader = NpzReader(split_location(study, "train"), data)
    rows = reader.beside(ARRAY)
    if rows is None:
        return None
    count = len(reader.labels().values)
    expected = f"row numbers from 0 to {count - 1}, each once"
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise _refusal(reader.file, f"has the type {rows.dtype} and the shape {rows.shape}", expected)
    distinct = np.unique(rows)
    if len(distinct) and (distinct[0] < 0 or distinct[-1] >= count):
        outside = distinct[0] if distinct[0] < 0 else distinct[-1]
        raise _refusal(reader.file, f"names row {outside} of {count} rows", expected)
    if len(distinct) < len(rows):
        raise _refusal(reader.file, f"names {len(rows) - len(distinct)} rows twice", expected)
    return distinct.astype(np.int64)


def _refusal(file: str, problem: str, expected: str) -> RefusedInput:
    return RefusedInput(
        f"{file}: '{ARRAY}', which tells the wrong labels, {problem}",
        expected,
        "Mend the array, or give it another name if it means something else",
    )
