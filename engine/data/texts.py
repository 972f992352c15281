"""The texts of a split beside the numbers that a model sees of them, and how long they are to it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

from engine.data.table import text_list
from engine.errors import RefusedInput


@dataclass(frozen=True, eq=False)
class Texts:
    """N texts as they were read.

    Args:
        values: the texts.
        lengths: how many ``unit`` each has before anything is cut, ``(N,)`` int32.
        unit: what is counted: tokens of a transformer, or the words that TF-IDF knows.
        most: how many of them are used at most; None: all.
    """

    values: tuple[str, ...]
    lengths: NDArray[np.int32]
    unit: Literal["tokens", "words"]
    most: int | None = None

    def __len__(self) -> int:
        """Returns N."""
        return len(self.values)

    def take(self, indices: NDArray[np.int64]) -> "Texts":
        """Returns the texts at ``indices``, in that order."""
        return Texts(tuple(self.values[int(index)] for index in indices), self.lengths[indices], self.unit, self.most)

    @property
    def cut(self) -> NDArray[np.bool_]:
        """Which texts are longer than what is used of them, ``(N,)``."""
        return np.zeros(len(self), dtype=bool) if self.most is None else self.lengths > self.most


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds texts."""
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def text_values(column: pa.ChunkedArray, rows: NDArray[np.int64], name: str, file: str) -> tuple[str, ...]:
    """Returns a column of texts; an empty text is one, a missing one is not.

    Args:
        column: the n chosen rows.
        rows: ``(n,)``, the number of each row in the file, for the messages.
        name: of the column.
        file: for the messages.

    Raises:
        RefusedInput: if the column holds no texts or one is missing.
    """
    check_text_column(column.type, name, file)
    if column.null_count:
        row = rows[int(np.flatnonzero(column.is_null().to_numpy())[0])]
        raise RefusedInput(f"{file}: row {row} has no text", "a text in every row", "Fill the gap or take the row out")
    return tuple(text_list(column, file))


def check_text_column(kind: pa.DataType, name: str, file: str) -> None:
    """Checks that a column is of text.

    Raises:
        RefusedInput: if it is not.
    """
    if not is_text(kind):
        raise RefusedInput(
            f"{file}: column '{name}' is of the type {kind}",
            "a column of text",
            "Name the column of the texts as input in [data], or set modality = 'tabular' for columns of numbers",
        )
