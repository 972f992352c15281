"""Thresholds alpha: what they demand, how far they may range, what is attainable.

Two forms. ``attainable``: class k gains at least ``alpha_k`` times the most it could gain
alone, so 0 means 'not worse to first order' and every alpha <= 0 is met by plain training.
``paper``: ``sum_j w_j P_jk >= alpha_k sum_j P_jk`` with alpha in [0, 1], where 1 means 'as
good as plain training' if the sum is positive and plain training itself can fail if not.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.classes import did_you_mean, listed
from engine.errors import RefusedInput

Floats = NDArray[np.float64]
Form = Literal["attainable", "paper"]


def attainable_gains(
    sums: Floats, sizes: Floats, bounds: tuple[float, float], balanced: bool, budget: float | None = None
) -> Floats:
    """Returns the largest gain of each class when it alone is maximised, ``(K,)``.

    ``Delta_k = (1/N) sum_g [(hi - 1)(S_gk - n_g mu_k)+ + (1 - lo)(n_g mu_k - S_gk)+]`` where
    S_gk is the influence of the ``n_g`` samples of variable g. ``mu_k`` is 0, or, when the
    mean weight is kept at 1, the weighted quantile of ``S_gk / n_g`` above which so many
    samples lie that raising them to hi balances lowering the others to lo. Under a budget, see
    :func:`_within_budget`.

    Args:
        sums: influence on each class summed over the samples of a variable, ``(G, K)``.
        sizes: samples of each variable, ``(G,)``; they sum to N.
        bounds: smallest and largest weight ``lo <= 1 <= hi``.
        balanced: whether the mean weight is kept at 1.
        budget: the most that the mean of ``|w - 1|`` over all samples may be, or ``None``.
    """
    if budget is not None:
        return _within_budget(sums, sizes, bounds, balanced, budget)
    low, high = bounds
    share = sums / sizes[:, None]
    middle = np.zeros(sums.shape[1])
    if balanced:
        raised = sizes.sum() * (1 - low) / (high - low)
        for k in range(sums.shape[1]):
            order = np.argsort(-share[:, k], kind="stable")
            at = np.searchsorted(np.cumsum(sizes[order]), raised)
            middle[k] = share[order[at], k]
    above = np.maximum(share - middle, 0.0)
    below = np.maximum(middle - share, 0.0)
    return sizes @ ((high - 1) * above + (1 - low) * below) / sizes.sum()


def _within_budget(sums: Floats, sizes: Floats, bounds: tuple[float, float], balanced: bool, budget: float) -> Floats:
    """Returns the largest gain of each class alone when ``sum_g n_g |delta_g| <= budget N``, ``(K,)``.

    A fractional knapsack: the most influential samples move first, as far as their bounds let
    them. With the mean weight kept at 1 all rises together equal all falls, so each may spend
    half of the budget, and at most ``N (hi - 1)(1 - lo) / (hi - lo)``, where every sample has moved.
    """
    low, high = bounds
    share, samples = sums / sizes[:, None], sizes.sum()
    spent = budget * samples
    if balanced:
        spent = min(spent / 2, samples * (high - 1) * (1 - low) / (high - low))
        parts = [(share, sizes * (high - 1)), (-share, sizes * (1 - low))]
    else:
        room = np.where(share > 0, high - 1, 1 - low) * sizes[:, None]
        parts = [(np.abs(share), room)]
    gains = np.zeros(sums.shape[1])
    for k in range(sums.shape[1]):
        for worth, room in parts:
            order = np.argsort(-worth[:, k], kind="stable")
            most = (room if room.ndim == 1 else room[:, k])[order]
            moved = np.clip(spent - (np.cumsum(most) - most), 0.0, most)
            gains[k] += moved @ worth[order, k]
    return gains / samples


def required_gains(alpha: ArrayLike, form: Form, totals: Floats, attainable: Floats) -> Floats:
    """Returns the smallest relative gain that thresholds demand of each class, ``(K,)``.

    Args:
        alpha: thresholds, ``(K,)``.
        form: ``attainable`` or ``paper``.
        totals: mean influence ``(1/N) sum_j P_jk``, ``(K,)``.
        attainable: largest gain of each class alone, ``(K,)``.
    """
    alpha = np.asarray(alpha, dtype=np.float64)
    return (alpha - 1) * totals / attainable if form == "paper" else alpha.copy()


def eased(alpha: ArrayLike, amounts: Floats, form: Form, totals: Floats, attainable: Floats) -> Floats:
    """Returns the thresholds whose required relative gains are lower by ``amounts``, ``(K,)``.

    In the paper's form a threshold moves up when the class's total influence is negative.
    """
    alpha = np.asarray(alpha, dtype=np.float64)
    if form == "attainable":
        return alpha - amounts
    # A positive requirement needs totals other than 0, so no amount is lost here.
    per_alpha = np.where(totals == 0, 1.0, totals / attainable)
    return alpha - amounts / per_alpha


def neutral(form: Form) -> float:
    """Returns the threshold that means 'as good as plain training'."""
    return 1.0 if form == "paper" else 0.0


def with_slack(form: Form, targets: Sequence[int], classes: int, slack: float) -> Floats:
    """Returns thresholds ``(K,)`` that let every class but the targets lose ``slack``.

    Args:
        form: ``attainable``: a share of the attainable gain; ``paper``: of the total influence.
        targets: class indices that must not lose.
        classes: K.
        slack: at least 0.
    """
    alpha = np.full(classes, neutral(form) - slack)
    alpha[list(targets)] = neutral(form)
    return alpha


def gene_ranges(form: Form, targets: Sequence[int], slack: ArrayLike) -> Floats:
    """Returns the smallest and largest value of each gene of the search, ``(K + 1, 2)``.

    The genes are the K thresholds and the step eta of ``w = 1 + eta (w_LP - 1)``. The paper
    has no step: there it is fixed at 1.

    Args:
        form: ``attainable`` or ``paper``; the paper's thresholds range over [0, 1] whatever the slack.
        targets: class indices that must not lose.
        slack: the most that each other class may lose, a share of its attainable gain, ``(K,)``.
    """
    slack = np.asarray(slack, dtype=np.float64)
    if form == "paper":
        return np.array([[0.0, 1.0]] * len(slack) + [[1.0, 1.0]])
    ranges = np.concatenate([np.stack([-slack, np.zeros(len(slack))], axis=1), [[0.1, 1.0]]])
    ranges[list(targets)] = (0.0, 0.5)
    return ranges


def slack_by_class(slack: float | Mapping[str, float], class_names: Sequence[str]) -> Floats:
    """Returns ``[reweight] slack`` as one share a class, ``(K,)``; a class that is not named may lose nothing.

    Raises:
        RefusedInput: if a name is not that of a class.
    """
    if not isinstance(slack, Mapping):
        return np.full(len(class_names), float(slack))
    for name in slack:
        if name not in class_names:
            raise RefusedInput(
                f"[reweight] slack names '{name}', which is no class of the study",
                f"names among {listed(class_names)}",
                did_you_mean(name, class_names) or "Mend the name",
            )
    return np.array([slack.get(name, 0.0) for name in class_names])
