r"""The linear datamodelling score, class by class: how well influence ranks trainings on random halves of the data.

For random halves :math:`S_1 \dots S_M` of the training samples the model is trained anew with several seeds, and for
each class k the sums of influence are ranked against what the class then comes to (Park et al. 2023, arXiv 2303.14186,
who ask it of single test samples):

.. math:: \text{LDS}_k = \rho_i \Big( \sum_{j \in S_i} P_{jk} ,\; - \overline{m}_{k}(S_i) \Big)

with :math:`\rho` Spearman's correlation over halves and :math:`\overline{m}` the mean over seeds. The samples of a half
have the weight 2 and the others 0: a training then goes as far as one on all samples, and what differs is the data
alone. Since the mean of S seeds is itself uncertain no prediction reaches 1; :func:`noise_ceiling` says how far one
that knew the true mean would come.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from engine.experiments.rank_correlations import rank_correlations

_SPLITS = 35
"""Most ways to part the seeds into halves that are looked at: all of those of 8 seeds."""
_AT_ONCE = 2**20
"""Cells of the draws of a bootstrap that are ranked together."""


def half_subsets(samples: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Returns which samples each random half holds, ``(count, N)``.

    The first ones do not depend on how many there are, so that more can be added to an experiment.

    Args:
        samples: N.
        count: M.
        seed: of the draws.
    """
    halves = np.zeros((count, samples), bool)
    for number, row in enumerate(halves):
        generator = np.random.default_rng([seed, 20, number])
        row[generator.choice(samples, samples // 2, replace=False)] = True
    return halves


def half_weights(halves: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns the weights of trainings on halves, with a mean of 1, ``(M, N)``."""
    return np.divide(halves, halves.mean(axis=1, keepdims=True), dtype=np.float32)


def summed(vectors: NDArray[np.floating], halves: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the influence of each half on each class, ``Σ_{j in S_i} P_jk``, ``(M, K)``.

    Args:
        vectors: P, ``(N, K)``.
        halves: ``(M, N)``.
    """
    return halves.astype(np.float64) @ vectors.astype(np.float64)


def datamodelling_scores(predicted: NDArray[np.floating], measured: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns the score of each class, ``(K,)``; NaN where nothing varies.

    Args:
        predicted: summed influence, ``(M, K)``; higher = better.
        measured: what classes are judged by, ``(M, S, K)``; lower is better.
    """
    return rank_correlations(predicted, -measured.mean(axis=1))


def noise_ceiling(measured: NDArray[np.floating]) -> NDArray[np.float64]:
    r"""Returns the score that a perfect prediction of the mean over all seeds would reach, ``(K,)``.

    With r the correlation of the means of two halves of the seeds, averaged over the ways to part them, the means of
    all S have the reliability :math:`R = 2r / (1 + r)` (Spearman and Brown), and their correlation with the true mean
    is :math:`\sqrt R`.

    Args:
        measured: ``(M, S, K)``.

    Returns:
        NaN for fewer than two seeds, and where the seeds do not agree at all, which says only that it is low.
    """
    r = _agreement_of_seeds(measured)
    return _ceiling(np.where(r > 0, r, np.nan), measured.shape[1])


def mean_noise_ceiling(measured: NDArray[np.floating]) -> float | None:
    """Returns the ceiling of the mean over classes, from their mean agreement; None where it is not known.

    A root of the mean, and not a mean of roots: of single classes the agreement is uncertain, and where it is low
    by chance the root would lose more than it gains where it is high.

    Args:
        measured: ``(M, S, K)``.
    """
    found = _agreement_of_seeds(measured)
    r = float(np.mean(found[np.isfinite(found)])) if np.isfinite(found).any() else 0.0
    return float(_ceiling(np.array(r), measured.shape[1])) if r > 0 else None


def _agreement_of_seeds(measured: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns r of each class, ``(K,)``: the correlation of the means of two halves of the seeds."""
    seeds = measured.shape[1]
    if seeds < 2:
        return np.full(measured.shape[2], np.nan)
    found = [
        rank_correlations(measured[:, list(first)].mean(axis=1), measured[:, list(second)].mean(axis=1))
        for first, second in islice(_parted(seeds), _SPLITS)
    ]
    return np.mean(found, axis=0)


def _ceiling(r: NDArray[np.float64], seeds: int) -> NDArray[np.float64]:
    # The correlation is of means of S // 2 seeds: an odd one out is made up for by the ratio of the numbers.
    ratio = seeds / max(1, seeds // 2)
    return np.sqrt(ratio * r / (1 + (ratio - 1) * r))


def _parted(seeds: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yields the ways to take two equal parts of some seeds, which leave at most one out."""
    for first in combinations(range(seeds), seeds // 2):
        rest = [number for number in range(seeds) if number not in first]
        yield from ((first, second) for second in combinations(rest, seeds // 2) if first < second)


@dataclass(frozen=True)
class Choice:
    """Which of some predictions ranks the trainings best.

    Attributes:
        best: its number.
        gain: mean score over classes less that of the reference, on halves that did not choose; None for too few, or
            where nothing varies.
    """

    best: int
    gain: float | None


def choose(predicted: NDArray[np.floating], measured: NDArray[np.floating], reference: int) -> Choice:
    """Chooses the prediction with the highest mean score over classes; of equal ones the first.

    The gain over the reference is cross-fitted: chosen on every other half, told on the rest, and the other way round.

    Args:
        predicted: of C candidates, ``(C, M, K)``.
        measured: ``(M, S, K)``.
        reference: number of the candidate that the gain is told against.
    """
    best = _best(predicted, measured)
    if len(measured) < 8:
        return Choice(best, None)
    gains = []
    for start in (0, 1):
        chosen = _best(predicted[:, start::2], measured[start::2])
        told, truth = predicted[:, 1 - start :: 2], measured[1 - start :: 2]
        gains.append(_mean(told[chosen], truth) - _mean(told[reference], truth))
    return Choice(best, float(np.mean(gains)) if np.isfinite(gains).all() else None)


def bootstrapped(
    predicted: NDArray[np.floating], measured: NDArray[np.floating], seed: int, draws: int = 1000
) -> tuple[float, float] | None:
    """Returns the 95% interval of the mean score over classes, over halves; None where nothing varies.

    A half that is drawn twice ties with itself, which lowers every draw's correlation, so the draws are moved to lie
    around the score itself.

    Args:
        predicted: ``(M, K)``.
        measured: ``(M, S, K)``.
        seed: of the bootstrap.
        draws: of it.
    """
    generator = np.random.default_rng([seed, 21])
    count, _, classes = measured.shape
    rows, means, found = generator.integers(0, count, (draws, count)), measured.mean(axis=1), list[float]()
    for some in np.array_split(rows, 1 + draws * count * classes // _AT_ONCE):
        found += [_mean_of(scores) for scores in rank_correlations(predicted[some], -means[some])]
    scores = np.array(found)[np.isfinite(found)]
    if not len(scores):
        return None
    low, median, high = np.quantile(scores, [0.025, 0.5, 0.975])
    moved = _mean(predicted, measured) - median
    return float(low + moved), float(min(high + moved, 1.0))


def _best(predicted: NDArray[np.floating], measured: NDArray[np.floating]) -> int:
    return int(np.argmax(np.nan_to_num([_mean(one, measured) for one in predicted], nan=-1.0)))


def _mean(predicted: NDArray[np.floating], measured: NDArray[np.floating]) -> float:
    return _mean_of(datamodelling_scores(predicted, measured))


def _mean_of(scores: NDArray[np.floating]) -> float:
    known = scores[np.isfinite(scores)]
    return float(known.mean()) if len(known) else float("nan")


def mean_score(scores: Iterable[float]) -> float | None:
    """Returns the mean over the classes that have a score; None without one."""
    found = [score for score in scores if np.isfinite(score)]
    return float(np.mean(found)) if found else None
