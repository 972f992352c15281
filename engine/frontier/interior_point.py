r"""Linear programmes of few dense rows over many weights, by a primal-dual interior-point method.

.. math::
    \max_{\delta, t} \; q^\top \delta + r t \quad \text{so that} \quad a_k^\top \delta \ge e t \;\; (k = 1..K),
    \quad l \le \delta \le u, \quad \sum_j \delta_j = 0 \text{ where that is asked for,}

with :math:`e = r = 1` for the largest smallest gain and :math:`e = r = 0` for one objective. Each
Newton step of Mehrotra's predictor-corrector scheme (SIAM J. Optimization 2(4), 1992) is reduced to
a system of K + 2 unknowns, ``A diag(d) Aᵀ`` and a border: N K² multiplications in one dense
product, and some fifteen steps whatever the solution is like. A solver for sparse matrices, which
does not know of that form, takes ten times as long for N = 50,000 (docs/verdict.md).

Nothing here has to be trusted: :mod:`engine.frontier.certificate` recomputes both sides of the
duality from what is returned.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, lstsq

Floats = NDArray[np.float64]

STEPS = 100
"""Newton steps after which the best point so far is returned."""
TOLERANCE = 1e-9
"""Relative gap and residuals at which the search ends."""
_BACK = 0.995
"""Share of the way to the border that a step goes."""


@dataclass(frozen=True)
class _Point:
    """A strictly feasible point for every inequality: primal, multipliers, and slack."""

    delta: Floats
    slack: Floats
    """``a_k δ - e t``, positive, ``(K,)``."""
    smallest: float
    """t."""
    prices: Floats
    """Multipliers of the K rows, positive."""
    level: float
    """Multiplier of Σδ = 0."""
    below: Floats
    """Multipliers of δ ≥ l, positive, ``(N,)``."""
    above: Floats
    """Multipliers of δ ≤ u."""


@dataclass(frozen=True)
class Optimum:
    """What the search ended with; nearly optimal, and nearly feasible.

    Attributes:
        delta: ``(N,)``, strictly within its bounds.
        prices: multipliers of the rows, ``(K,)``, positive.
        steps: Newton steps taken.
    """

    delta: Floats
    prices: Floats
    steps: int


def maximise(rows: Floats, lower: Floats, upper: Floats, balanced: bool, objective: Floats | None = None) -> Optimum:
    """Solves the programme above.

    Args:
        rows: ``a_k``, shape ``(K, N)``, of order 1.
        lower: l, shape ``(N,)``, not positive.
        upper: u, shape ``(N,)``, not negative, and above ``lower``.
        balanced: whether Σδ = 0.
        objective: q, shape ``(N,)``, with ``a_k δ ≥ 0``; by default the smallest ``a_k δ`` is maximised.
    """
    programme = _Programme(rows, lower, upper, balanced, objective)
    point = programme.start()
    steps = 0
    # Bad condition shows near the end, as the gap closes; what came out is judged by the caller.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        while steps < STEPS and not programme.is_solved(point):
            following = programme.step(point)
            if following is None:
                break
            point, steps = following, steps + 1
    return Optimum(point.delta, point.prices, steps)


class _Programme:
    def __init__(self, rows: Floats, lower: Floats, upper: Floats, balanced: bool, objective: Floats | None) -> None:
        self._rows, self._lower, self._upper, self._balanced = rows, lower, upper, balanced
        self._objective = np.zeros(rows.shape[1]) if objective is None else objective
        # 1 where t takes part.
        self._free = float(objective is None)
        self._pairs = 2 * rows.shape[1] + len(rows)

    def start(self) -> _Point:
        count, samples = self._rows.shape
        width = self._upper - self._lower
        delta = np.clip(np.zeros(samples), self._lower + 0.1 * width, self._upper - 0.1 * width)
        prices = np.full(count, 1 / max(count, 1))
        size = max(float(np.abs(self._objective + prices @ self._rows).mean()), 1e-12)
        pull = np.full(samples, size)
        return _Point(delta, np.ones(count), 0.0, prices, 0.0, pull, pull)

    def is_solved(self, point: _Point) -> bool:
        gap = self._complementarity(point) * self._pairs
        reached = abs(float(self._objective @ point.delta) + self._free * point.smallest)
        primal = np.abs(self._primal_residual(point)).max(initial=abs(self._imbalance(point)))
        dual = np.abs(self._dual_residual(point)).max(initial=abs(self._price_residual(point)))
        samples = self._rows.shape[1]
        return bool(gap < TOLERANCE * (1 + reached) and primal < TOLERANCE * samples and dual < TOLERANCE)

    def step(self, point: _Point) -> _Point | None:
        """Returns the point after one predictor-corrector step, None where rounding leaves no direction."""
        low, high = point.delta - self._lower, self._upper - point.delta
        gap = self._complementarity(point)
        newton = _Newton(self, point, low, high)
        try:
            affine = newton.direction(-point.below * low, -point.above * high, -point.prices * point.slack)
            ahead = newton.moved(affine, 1.0)
            target = (self._complementarity(ahead) / gap) ** 3 * gap
            direction = newton.direction(
                target - point.below * low - affine.delta * affine.below,
                target - point.above * high + affine.delta * affine.above,
                target - point.prices * point.slack - affine.prices * affine.slack,
            )
        except (LinAlgError, ValueError):
            return None
        following = newton.moved(direction, _BACK)
        finite = np.isfinite(following.delta).all() and np.isfinite(following.prices).all()
        return following if finite else None

    def _complementarity(self, point: _Point) -> float:
        products = (
            point.below @ (point.delta - self._lower)
            + point.above @ (self._upper - point.delta)
            + point.prices @ point.slack
        )
        return float(products) / self._pairs

    def _primal_residual(self, point: _Point) -> Floats:
        return self._rows @ point.delta - point.slack - self._free * point.smallest

    def _dual_residual(self, point: _Point) -> Floats:
        return self._objective + point.prices @ self._rows - point.level + point.below - point.above

    def _price_residual(self, point: _Point) -> float:
        return self._free * (1 - float(point.prices.sum()))

    def _imbalance(self, point: _Point) -> float:
        return float(point.delta.sum()) if self._balanced else 0.0


class _Newton:
    """The linear system at one point: factored once a step, solved for two right-hand sides."""

    def __init__(self, programme: _Programme, point: _Point, low: Floats, high: Floats) -> None:
        self._programme, self._point, self._low, self._high = programme, point, low, high
        rows = programme._rows
        count = len(rows)
        self._inverse = 1 / (point.below / low + point.above / high)
        weighted = rows * self._inverse
        system = np.zeros((count + 2, count + 2))
        system[:count, :count] = weighted @ rows.T
        system[np.arange(count), np.arange(count)] += point.slack / point.prices
        if programme._balanced:
            system[:count, count] = system[count, :count] = -weighted.sum(axis=1)
            system[count, count] = self._inverse.sum()
        else:
            system[count, count] = 1.0
        if programme._free:
            system[:count, count + 1] = system[count + 1, :count] = -1.0
        else:
            system[count + 1, count + 1] = 1.0
        self._system = system

    def direction(self, below: Floats, above: Floats, slack: Floats) -> _Point:
        """Returns the change that brings the three complementarity products by these amounts to their aims."""
        programme, point = self._programme, self._point
        count = len(programme._rows)
        pull = programme._dual_residual(point) + below / self._low - above / self._high
        shift = self._inverse * pull
        right = np.zeros(count + 2)
        right[:count] = -programme._primal_residual(point) - programme._rows @ shift + slack / point.prices
        if programme._balanced:
            right[count] = programme._imbalance(point) + shift.sum()
        if programme._free:
            right[count + 1] = -programme._price_residual(point)
        # Least squares: near t* = 0 the system is singular within rounding.
        solved = lstsq(self._system, right, lapack_driver="gelsy", check_finite=True)[0]
        prices, level, smallest = solved[:count], float(solved[count]), float(solved[count + 1])
        delta = self._inverse * (pull + prices @ programme._rows - level)
        return _Point(
            delta=delta,
            slack=(slack - point.slack * prices) / point.prices,
            smallest=smallest,
            prices=prices,
            level=level,
            below=(below - point.below * delta) / self._low,
            above=(above + point.above * delta) / self._high,
        )

    def moved(self, direction: _Point, share: float) -> _Point:
        """Returns the point ``share`` of the way to the first border, at most the whole step."""
        point = self._point
        primal = min(
            _longest(self._low, direction.delta),
            _longest(self._high, -direction.delta),
            _longest(point.slack, direction.slack),
        )
        dual = min(
            _longest(point.below, direction.below),
            _longest(point.above, direction.above),
            _longest(point.prices, direction.prices),
        )
        primal, dual = min(1.0, share * primal), min(1.0, share * dual)
        return _Point(
            delta=point.delta + primal * direction.delta,
            slack=point.slack + primal * direction.slack,
            smallest=point.smallest + primal * direction.smallest,
            prices=point.prices + dual * direction.prices,
            level=point.level + dual * direction.level,
            below=point.below + dual * direction.below,
            above=point.above + dual * direction.above,
        )


def _longest(values: Floats, change: Floats) -> float:
    """Returns how far one can go until a positive value is zero."""
    shrinking = change < 0
    return float((values[shrinking] / -change[shrinking]).min(initial=np.inf))
