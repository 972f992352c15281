"""What is drawn over the plot of a pair: a box, a lasso, or a whole region; written in a few characters.

The text is what the address of a page and a slice hold, and it is the truth: its
numbers have four significant digits, and what lies inside is decided by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import RefusedInput
from engine.frontier import REGIONS

MOST_VERTICES = 60
_OUTSIDE = {"joint_positive": (0.0, np.inf, 0.0, np.inf), "joint_negative": (-np.inf, 0.0, -np.inf, 0.0)}


@dataclass(frozen=True)
class Shape:
    """A part of the plane of a pair: x is the influence on its first class, y on its second.

    Attributes:
        kind: ``box`` (its edges included), ``lasso`` (a closed line, which may cross itself) or ``region``.
        points: two opposite corners of a box, the vertices of a lasso; none of a region.
        region: one of REGIONS; empty for what is drawn.
    """

    kind: Literal["box", "lasso", "region"]
    points: tuple[tuple[float, float], ...] = ()
    region: str = ""

    @classmethod
    def box(cls, x_low: float, x_high: float, y_low: float, y_high: float) -> Self:
        """Returns the box between two values on each axis, in whichever order they come."""
        (left, right), (low, high) = sorted((x_low, x_high)), sorted((y_low, y_high))
        return cls("box", ((_rounded(left), _rounded(low)), (_rounded(right), _rounded(high))))

    @classmethod
    def lasso(cls, x: Sequence[float], y: Sequence[float]) -> Self:
        """Returns the lasso through some vertices; of many, some are left out evenly.

        Raises:
            RefusedInput: if they are fewer than three.
        """
        kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_VERTICES)).astype(int))
        if len(kept) < 3:
            raise _refusal(f"a lasso of {len(x)} points")
        return cls("lasso", tuple((_rounded(x[place]), _rounded(y[place])) for place in kept))

    @classmethod
    def of_region(cls, region: str) -> Self:
        """Returns all of one region.

        Raises:
            RefusedInput: if there is no such region.
        """
        if region not in REGIONS:
            raise _refusal(f"region '{region}'")
        return cls("region", (), region)

    @classmethod
    def read(cls, text: str) -> Self:
        """Returns the shape that a text describes.

        Raises:
            RefusedInput: if it describes none.
        """
        kind, _, rest = text.partition(":")
        try:
            if kind == "region":
                return cls.of_region(rest)
            rows = [tuple(float(number) for number in part.split(",")) for part in rest.split(";")]
            if not np.isfinite(np.concatenate(rows)).all():
                raise ValueError(rest)
            if kind == "box":
                ((x_low, x_high, y_low, y_high),) = rows
                return cls.box(x_low, x_high, y_low, y_high)
            if kind == "lasso" and len(rows) <= MOST_VERTICES:
                x, y = zip(*((x, y) for x, y in rows), strict=True)
                return cls.lasso(x, y)
        except (ValueError, TypeError) as error:
            raise _refusal(f"'{text[:60]}'") from error
        raise _refusal(f"'{text[:60]}'")

    @property
    def text(self) -> str:
        """What :meth:`read` takes."""
        if self.kind == "region":
            return f"region:{self.region}"
        if self.kind == "box":
            x_low, x_high, y_low, y_high = self.bounds
            return f"box:{x_low:.4g},{x_high:.4g},{y_low:.4g},{y_high:.4g}"
        return "lasso:" + ";".join(f"{x:.4g},{y:.4g}" for x, y in self.points)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest box around it: ``(x_low, x_high, y_low, y_high)``."""
        if self.kind == "region":
            return _OUTSIDE.get(self.region, (-np.inf, np.inf, -np.inf, np.inf))
        x, y = zip(*self.points, strict=True)
        return min(x), max(x), min(y), max(y)

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Says which points lie inside; of a lasso that crosses itself, by the even-odd rule.

        Args:
            x: influence on the first class, ``(n,)``.
            y: influence on the second, ``(n,)``.
        """
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if self.kind == "region":
            helps, harms = (x > 0) & (y > 0), (x < 0) & (y < 0)
            return {"joint_positive": helps, "joint_negative": harms}.get(self.region, ~(helps | harms))
        x_low, x_high, y_low, y_high = self.bounds
        inside = (x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high)
        return inside if self.kind == "box" else inside & _within(self.points, x, y)


def _within(
    vertices: tuple[tuple[float, float], ...], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Says for which points a line to the right crosses the polygon an odd number of times."""
    inside = np.zeros(len(x), dtype=bool)
    for (x1, y1), (x2, y2) in zip(vertices, (*vertices[1:], vertices[0]), strict=True):
        beside = np.flatnonzero((y1 > y) != (y2 > y))
        crossing = x1 + (y[beside] - y1) * (x2 - x1) / (y2 - y1 or 1.0)
        inside[beside] ^= x[beside] < crossing
    return inside


def _rounded(value: float) -> float:
    return float(f"{float(value):.4g}")


def _refusal(problem: str) -> RefusedInput:
    return RefusedInput(
        f"{problem} is no selection", "a box, a lasso of at least three points or a region", "Draw the selection again"
    )
