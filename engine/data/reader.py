"""The one shape of all readers: labels first, then the inputs of the rows that are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

RowsDone = Callable[[int], None]
"""Called with the number of rows that were just read."""


@dataclass(frozen=True, eq=False)
class RawLabels:
    """Labels as a file has them.

    Args:
        values: ``(N,)``, int64 or strings.
        names: what the file itself calls the classes 0, 1, ..., or None.
    """

    values: np.ndarray
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, and the sizes that they had.

    Args:
        pixels: ``(n, C, H, W)`` uint8.
        sizes: width and height of each as stored, in pixels, ``(n, 2)`` int32.
    """

    pixels: Tensor
    sizes: NDArray[np.int32]


class Reader(Protocol):
    """One split's file or folder, opened and found to hold what the study names."""

    @property
    def file(self) -> str:
        """How messages call it."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """The columns or the array of the inputs, in order; they must agree between the splits."""

    def labels(self) -> RawLabels:
        """Reads all labels and no input.

        Raises:
            RefusedInput: if a label is missing or the file cannot be read.
        """

    def inputs(self, rows: np.ndarray, done: RowsDone) -> Tensor:
        """Reads the inputs of the sorted ``rows``, ``(n, C, H, W)`` uint8 or ``(n, D)`` float32.

        Raises:
            RefusedInput: if one of these rows cannot be used; the row is told.
        """

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns where each of ``rows`` comes from, in words a user can look up."""


class PictureReader(Reader, Protocol):
    """A reader of pictures that are encoded, each with a size of its own."""

    def pictures(self, rows: np.ndarray, done: RowsDone) -> Pictures:
        """Reads the pictures of the sorted ``rows``.

        Raises:
            RefusedInput: if one of them cannot be used; the row is told.
        """


class TextReader(Reader, Protocol):
    """A reader of a file that has a column of texts."""

    def texts(self, rows: np.ndarray, done: RowsDone) -> tuple[str, ...]:
        """Reads the texts of the sorted ``rows``.

        Raises:
            RefusedInput: if one of them is missing; the row is told.
        """


def numbered_sources(file: str, rows: np.ndarray) -> tuple[str, ...]:
    """Returns ``"train.csv#17"`` for row 17, counted from 0, of ``train.csv``."""
    return tuple(f"{file}#{row}" for row in rows)
