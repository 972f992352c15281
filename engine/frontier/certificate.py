r"""Some reweighting improves every class to first order, or none does: the certificate, proven from both sides.

With weights ``w = w0 + δ``, ``lo ≤ w ≤ hi``, and :math:`s_k = \sum_j |P_{jk}|`:

.. math::
    t^* = \max_\delta \min_k \frac{1}{s_k} \sum_j \delta_j P_{jk}
        = \min_{\lambda \ge 0, \sum \lambda = 1, \mu} \sum_j u_j (c_j - \mu)_+ + l_j (\mu - c_j)_+ ,
    \quad c_j = \sum_k \lambda_k P_{jk} / s_k

with :math:`u_j = hi - w0_j`, :math:`l_j = w0_j - lo`, and μ = 0 where the mean weight is free. By
Gordan's alternative t* > 0 exactly if some reweighting improves every class, and λ > 0 with t* = 0
is a normal of the trade-off hyperplane that the influence vectors lie on. Any δ bounds t* from below
and any λ from above, so a solution needs no trust in the solver: both are recomputed here, and
where they do not meet, HiGHS solves the programme again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import RefusedInput
from engine.frontier import interior_point, sparse_solver
from engine.frontier.interior_point import Floats
from engine.reweight_settings import Reweight

GAP = 1e-6
"""How near the two sides must come, in units of t*."""


@dataclass(frozen=True)
class WeightRange:
    """What a reweighting may do.

    ``(0, 1)`` removes only, ``(1, hi)`` upweights only; neither can keep the mean weight, so it is
    free for them.

    Attributes:
        lowest: of all weights, at most 1.
        highest: at least 1, and above ``lowest``.
        mean_preserving: whether the mean weight stays what it is.
    """

    lowest: float = 0.5
    highest: float = 1.5
    mean_preserving: bool = True

    def __post_init__(self) -> None:
        """Checks the bounds."""
        if not 0 <= self.lowest <= 1 <= self.highest < np.inf or self.lowest == self.highest:
            raise RefusedInput(
                f"weights between {self.lowest} and {self.highest}",
                "0 <= lowest <= 1 <= highest, not both 1",
                "Change weight_bounds",
            )

    @classmethod
    def from_study(cls, reweight: Reweight) -> "WeightRange":
        """Returns the range of a study's ``[reweight]`` table."""
        return cls(*reweight.weight_bounds, reweight.mean_preserving)

    @property
    def balanced(self) -> bool:
        """Whether Σδ = 0 is imposed."""
        return self.mean_preserving and self.lowest < 1 < self.highest

    def room(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns how far each of the weights ``(N,)`` may change: lower and upper bounds of δ."""
        return np.minimum(self.lowest - weights, 0.0), np.maximum(self.highest - weights, 0.0)


@dataclass(frozen=True)
class Certificate:
    """The largest gain that all classes can have at once, to first order.

    Attributes:
        value: t*, what the weights reach, as a share of ``s_k``; at most ``hi - lo``.
        bound: what no weights exceed, from the prices; above ``value`` by rounding only.
        weights: w, shape ``(N,)``.
        prices: λ, shape ``(K,)``, of the classes in ``s_k`` units, in sum 1; 0 for a class that was left out.
    """

    value: float
    bound: float
    weights: Floats
    prices: Floats


def certificate(
    vectors: NDArray[np.floating],
    weight_range: WeightRange,
    classes: Sequence[int] | None = None,
    start: Floats | None = None,
) -> Certificate:
    """Finds the weights that raise the smallest gain of the classes the most.

    Args:
        vectors: influence vectors P, shape ``(N, K)``; higher = its presence helps class k.
        weight_range: what weights may be.
        classes: which of the K must gain; by default all.
        start: w0, shape ``(N,)``, the weights of the training that P was computed after; by default 1.

    Raises:
        RefusedInput: if P is not finite, or a chosen class is not influenced at all.
    """
    chosen = list(range(vectors.shape[1])) if classes is None else list(classes)
    rows, _ = scaled_rows(vectors, chosen)
    weights = np.ones(len(vectors)) if start is None else start
    lower, upper = weight_range.room(weights)
    found = solved(rows, lower, upper, weight_range.balanced)
    prices = np.zeros(vectors.shape[1])
    prices[chosen] = found.prices / found.prices.sum()
    return Certificate(
        value=float((rows @ found.delta).min()) / len(vectors),
        bound=dual_value(prices[chosen] @ rows, lower, upper, weight_range.balanced) / len(vectors),
        weights=weights + found.delta,
        prices=prices,
    )


def scaled_rows(vectors: NDArray[np.floating], classes: Sequence[int]) -> tuple[Floats, Floats]:
    """Returns the rows of some classes in units of their mean absolute influence, and those units.

    Returns:
        ``P_k / m_k`` as ``(K, N)``, and ``m_k = s_k / N`` as ``(K,)``.

    Raises:
        RefusedInput: if they are not finite, or one is zero throughout.
    """
    rows = np.ascontiguousarray(np.asarray(vectors, dtype=np.float64)[:, list(classes)].T)
    size = np.abs(rows).mean(axis=1) if rows.shape[1] else np.zeros(len(rows))
    if not np.isfinite(size).all():
        raise RefusedInput("some influence is not finite", "finite influence vectors", "Compute influence again")
    if not len(rows) or (size == 0).any():
        bare = [k for k, value in zip(classes, size, strict=True) if value == 0]
        raise RefusedInput(
            f"no training sample has any influence on class number {bare[0]}" if bare else "no class is chosen",
            "classes that some training sample influences",
            "Leave the class out, or check its validation samples",
        )
    return rows / size[:, None], size


def solved(
    rows: Floats, lower: Floats, upper: Floats, balanced: bool, objective: Floats | None = None
) -> interior_point.Optimum:
    """Solves a programme of :mod:`engine.frontier.interior_point` and sees that it is solved.

    Args:
        rows: ``(K, N)``, of mean absolute value 1, as of :func:`scaled_rows`.
        lower: of δ, ``(N,)``.
        upper: of δ, ``(N,)``.
        balanced: whether Σδ = 0.
        objective: likewise ``(N,)``; by default the smallest row.

    Returns:
        δ that holds every bound, and Σδ = 0 up to rounding, and prices whose dual value it reaches.

    Raises:
        RefusedInput: if neither solver brings the two sides together.
    """
    moving = upper > lower
    if not moving.any():
        return interior_point.Optimum(np.zeros(len(lower)), np.full(len(rows), 1 / max(len(rows), 1)), 0)
    own = None if objective is None else objective[moving]
    narrow = rows[:, moving], lower[moving], upper[moving], balanced, own
    for solver in (interior_point.maximise, sparse_solver.maximise):
        found = solver(*narrow)
        delta = _within(found.delta, narrow[1], narrow[2], balanced)
        if _gap(delta, found.prices, *narrow) <= GAP * len(lower):
            whole = np.zeros(len(lower))
            whole[moving] = delta
            return interior_point.Optimum(whole, found.prices, found.steps)
    raise RefusedInput(
        "the linear programme of the certificate could not be solved to its tolerance",
        "influence vectors whose scales differ less",
        "Check the influence for single samples of enormous influence",
    )


def dual_value(combined: Floats, lower: Floats, upper: Floats, balanced: bool) -> float:
    r"""Returns :math:`\min_\mu \sum_j u_j (c_j - \mu)_+ + l_j (\mu - c_j)_+`, an upper bound of the gain.

    Args:
        combined: c, shape ``(N,)``.
        lower: -l, shape ``(N,)``.
        upper: u, shape ``(N,)``.
        balanced: whether μ is free; else it is 0.
    """
    level = _balancing_level(combined, lower, upper) if balanced else 0.0
    return float(np.where(combined > level, upper, lower) @ (combined - level))


def _balancing_level(combined: Floats, lower: Floats, upper: Floats) -> float:
    """Returns μ: where raising all above it and lowering all below it leaves the sum as it is."""
    order = np.argsort(combined)
    # Sum of δ if the first n of the order are at their lower bound and the others at their upper one.
    sums = upper.sum() + np.concatenate([[0.0], np.cumsum((lower - upper)[order])])
    return float(combined[order[min(int(np.argmax(sums <= 0)), len(order)) - 1]])


def _gap(
    delta: Floats, prices: Floats, rows: Floats, lower: Floats, upper: Floats, balanced: bool, objective: Floats | None
) -> float:
    """Returns how far the dual value of the prices lies above what δ reaches; infinite if δ breaks a row."""
    if objective is None:
        reached, combined = float((rows @ delta).min()), prices @ rows / prices.sum()
    else:
        broken = float(np.maximum(-(rows @ delta), 0).max(initial=0.0))
        # What a row lacks is paid for at its price: such a δ is the solution for thresholds that much lower.
        reached, combined = float(objective @ delta) - broken * float(prices.sum()), objective + prices @ rows
    return dual_value(combined, lower, upper, balanced) - reached


def _within(delta: Floats, lower: Floats, upper: Floats, balanced: bool) -> Floats:
    """Brings δ within its bounds, and its sum to 0 by moving what has room."""
    delta = np.clip(delta, lower, upper)
    excess = delta.sum() if balanced else 0.0
    room = delta - lower if excess > 0 else upper - delta
    return delta - excess * room / room.sum() if excess and room.sum() > 0 else delta
