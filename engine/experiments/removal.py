r"""The removal study: training samples are left out and the model is trained anew, class by class.

For each class k the samples that influence calls most beneficial to it, and those it calls most detrimental, are left
out (the paper's Figures 3, 4, 6 and 7). To first order the loss of class m on validation samples then changes by

.. math:: \Delta_{km} = \frac{1}{N} \sum_{j \in S_k} P_{jm} ,

positive = worse. A sample is left out by a weight of 0 in every batch that would hold it: trainings of one seed see the
same batches and differ by what was left out, and go as far as training on fewer samples for as many epochs does (fewer
samples a step in place of fewer steps).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.experiments.rank_correlations import rank_correlations

Sign = Literal["beneficial", "detrimental"]
SIGNS: tuple[Sign, ...] = ("beneficial", "detrimental")
SHARE = 0.1
"""Of the beneficial, or detrimental, samples of a class that are left out: the paper's."""
DRAWS = 2000
"""Of a bootstrap."""
_AT_ONCE = 2**20
"""Cells of the draws that are ranked together."""
LEVEL = 0.95


def left_out(
    vectors: NDArray[np.floating], classes: Sequence[int], share: float = SHARE
) -> dict[Sign, list[NDArray[np.int64]]]:
    """Returns the samples that are left out for each class, strongest first.

    Args:
        vectors: P, ``(N, K)``.
        classes: for which.
        share: of the samples with ``P_jk > 0``, or ``< 0``, that are left out; at least one where there is any.

    Returns:
        By sign, for each class the indices of its samples. A class without samples of a sign has none.
    """
    chosen: dict[Sign, list[NDArray[np.int64]]] = {}
    for sign in SIGNS:
        direction = 1 if sign == "beneficial" else -1
        chosen[sign] = []
        for k in classes:
            column = direction * vectors[:, k]
            order, available = np.argsort(-column, kind="stable"), int((column > 0).sum())
            chosen[sign].append(order[: max(round(share * available), min(1, available))])
    return chosen


def random_sets(sizes: Sequence[int], samples: int, seed: int) -> list[NDArray[np.int64]]:
    """Returns a random set of samples of each size, for comparison; drawn without replacement within a set."""
    generator = np.random.default_rng([seed, 10])
    return [np.sort(generator.choice(samples, size, replace=False)) for size in sizes]


def weights_without(sets: Sequence[NDArray[np.int64]], samples: int) -> NDArray[np.float32]:
    """Returns weights of 1, and of 0 for the samples of each set, ``(len(sets), N)``."""
    weights = np.ones((len(sets), samples), np.float32)
    for row, members in zip(weights, sets, strict=True):
        row[members] = 0
    return weights


def cumulative(vectors: NDArray[np.floating], sets: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    r"""Returns :math:`\frac{1}{N} \sum_{j \in S} P_{jm}` of each set, ``(len(sets), K)``: how losses should rise."""
    return np.array([vectors[members].sum(axis=0, dtype=np.float64) for members in sets]) / len(vectors)


@dataclass(frozen=True)
class Agreement:
    """Spearman correlation of predicted with measured changes.

    Attributes:
        spearman: over all cells (class removed for × class measured); None where it has no meaning.
        interval: its 95% interval; None for fewer than three removals.
        diagonal: over the classes that samples were removed for, each measured on itself.
        off_diagonal: over the other cells.
    """

    spearman: float | None
    interval: tuple[float, float] | None
    diagonal: float | None
    off_diagonal: float | None


def agreement(
    predicted: NDArray[np.floating], changes: NDArray[np.floating], classes: Sequence[int], seed: int
) -> Agreement:
    """Compares predictions with changes that were measured over seeds.

    The interval is of a bootstrap over the removals and the seeds: cells of one removal share its samples, and
    trainings of one seed their batches, so single cells are not independent of each other.

    Args:
        predicted: rise of what each class is judged by, ``(T, K)``.
        changes: the same, measured, of each seed, ``(S, T, K)``.
        classes: that each removal is for, T.
        seed: of the bootstrap.
    """
    mean = changes.mean(axis=0)
    own = np.zeros(mean.shape, bool)
    own[np.arange(len(classes)), list(classes)] = True
    return Agreement(
        spearman=_rank_correlation(predicted, mean),
        interval=_interval(predicted, changes, seed),
        diagonal=_rank_correlation(predicted[own], mean[own]),
        off_diagonal=_rank_correlation(predicted[~own], mean[~own]),
    )


def right_share(changes: NDArray[np.floating], classes: Sequence[int], sign: Sign) -> float | None:
    """Returns for how many classes the mean change has the sign that influence says, as a share.

    Without its beneficial samples a class gets worse, without its detrimental ones better.

    Args:
        changes: measured rise of what each class is judged by, ``(S, T, K)``.
        classes: that each removal is for, T.
        sign: of the samples that were left out.

    Returns:
        Of the classes that were measured; ``None`` where there is none.
    """
    own = changes.mean(axis=0)[np.arange(len(classes)), list(classes)]
    own = own[np.isfinite(own)]
    return None if not len(own) else float(((own > 0) if sign == "beneficial" else (own < 0)).mean())


def _interval(predicted: NDArray[np.floating], changes: NDArray[np.floating], seed: int) -> tuple[float, float] | None:
    seeds, removals = changes.shape[:2]
    if removals < 3:
        return None
    # A class that a split has no samples of is not measured, whatever was removed.
    known = np.isfinite(predicted).all(axis=0) & np.isfinite(changes).all(axis=(0, 1))
    predicted, changes = predicted[:, known], changes[..., known]
    if not predicted.size:
        return None
    generator = np.random.default_rng([seed, 11])
    rows = generator.integers(0, removals, (DRAWS, removals))
    drawn = generator.integers(0, seeds, (DRAWS, seeds))
    shares = (drawn[..., None] == np.arange(seeds)).mean(axis=1)
    found = []
    for draws in np.array_split(np.arange(DRAWS), 1 + DRAWS * predicted.size // _AT_ONCE):
        means = (shares[draws] @ changes.reshape(seeds, -1)).reshape(-1, *changes.shape[1:])
        measured = np.take_along_axis(means, rows[draws, :, None], axis=1)
        found.append(_rank_correlations(predicted[rows[draws]].reshape(len(draws), -1), measured))
    correlations = np.concatenate(found)
    correlations = correlations[np.isfinite(correlations)]
    if not len(correlations):
        return None
    low, high = np.quantile(correlations, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    both = np.isfinite(first) & np.isfinite(second)
    (found,) = _rank_correlations(first[both][None], second[both][None])
    return float(found) if np.isfinite(found) else None


def _rank_correlations(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns Spearman's correlation of each row of D, ``(D,)``; NaN for fewer than three cells or equal ones."""
    if first[0].size < 3:
        return np.full(len(first), np.nan)
    a, b = (values.reshape(len(values), -1, 1) for values in (first, second))
    return rank_correlations(a, b)[:, 0]
