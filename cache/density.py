"""A pair of classes as a picture of densities, where there are more samples than can be drawn as points.

The two columns of a pair are read once; a view of them, its bins and its farthest
samples are then arithmetic, which a new view asks for again without the database.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from cache.pairs import Box
from cache.queries import Vectors
from engine.errors import RefusedInput
from engine.frontier import REGIONS

BINS = 200
_SEEN_SHARE = 0.9995
"""Of the samples, the part that the whole view shows: single outliers must not set its scale."""


@dataclass(frozen=True)
class PairPoints:
    """All samples of a run as points of a pair, in no order that matters.

    Attributes:
        index: of the samples, ``(N,)`` int32.
        x: influence on the first class, ``(N,)`` float32.
        y: influence on the second.
    """

    index: NDArray[np.int32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]

    @property
    def whole_view(self) -> Box:
        """A square about the origin that holds all samples but single outliers."""
        distance = np.maximum(np.abs(self.x), np.abs(self.y))
        rank = int(_SEEN_SHARE * (len(distance) - 1))
        limit = float(min(1.1 * np.partition(distance, rank)[rank], distance.max())) or float(distance.max()) or 1.0
        return -limit, limit, -limit, limit

    @property
    def region_counts(self) -> dict[str, int]:
        """How many samples lie in each region."""
        positive = int(np.count_nonzero((self.x > 0) & (self.y > 0)))
        negative = int(np.count_nonzero((self.x < 0) & (self.y < 0)))
        return dict(zip(REGIONS, (positive, negative, len(self.x) - positive - negative), strict=True))

    @property
    def trade_offs_above(self) -> int:
        """How many samples are trade-offs and lie above the line y = x."""
        joint = ((self.x > 0) & (self.y > 0)) | ((self.x < 0) & (self.y < 0))
        return int(np.count_nonzero(~joint & (self.y > self.x)))

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """Says which samples lie inside a box, its edges included, ``(N,)``."""
        x_low, x_high, y_low, y_high = box
        return (self.x >= x_low) & (self.x <= x_high) & (self.y >= y_low) & (self.y <= y_high)

    def density(self, box: Box, bins: int = BINS) -> NDArray[np.int64]:
        """Counts the samples inside a box by bins of its two axes; one on an edge between two goes to the upper.

        Args:
            box: the view; its edges are inside.
            bins: on each axis.

        Returns:
            Counts ``(bins, bins)``; rows go up with y, columns to the right with x.

        Raises:
            RefusedInput: if the box has no area.
        """
        x_low, x_high, y_low, y_high = box
        if not (x_low < x_high and y_low < y_high):
            raise RefusedInput(f"the view is {box}", "x_low < x_high and y_low < y_high", "Draw the box again")
        inside = self.inside(box)
        columns = _bins(self.x[inside], x_low, x_high, bins)
        rows = _bins(self.y[inside], y_low, y_high, bins)
        return np.bincount(rows * bins + columns, minlength=bins * bins).reshape(bins, bins)

    def farthest(self, box: Box, most: int) -> NDArray[np.int32]:
        """Returns the indices of the samples inside a box that lie farthest from the origin, sorted."""
        inside = np.flatnonzero(self.inside(box))
        distance = np.maximum(np.abs(self.x[inside]), np.abs(self.y[inside]))
        if len(inside) > most:
            inside = inside[np.argpartition(-distance, most)[:most]]
        return np.sort(self.index[inside])


def pair_points(cursor: duckdb.DuckDBPyConnection, source: Vectors, a: int, b: int) -> PairPoints:
    """Reads all samples as points: x is the influence on class ``a``, y that on class ``b``.

    Raises:
        RefusedInput: if a class is not one.
    """
    columns = cursor.execute(
        f"SELECT idx, {source.value(a)} AS x, {source.value(b)} AS y FROM {source.table} WHERE run = ?", [source.run]
    ).fetchnumpy()
    return PairPoints(*(np.asarray(columns[name]) for name in ("idx", "x", "y")))


def _bins(values: NDArray[np.float32], low: float, high: float, bins: int) -> NDArray[np.int64]:
    return np.minimum((values.astype(np.float64) - low) * (bins / (high - low)), bins - 1).astype(np.int64)
