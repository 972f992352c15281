"""How the outcomes of several trainings are stored: a row a training, in it a list over the samples of a split."""

import numpy as np
import pyarrow as pa

from cache.run_folder import RunFolder
from engine.reweight.all_classes import Outcomes

_TYPES = {"values": pa.float32(), "losses": pa.float32(), "correct": pa.bool_()}


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
