"""Intervals of class means over validation samples, for all classes at once, by the bootstrap.

Samples are drawn anew within each class, and the widths are those of Student's t where a class
has few of them. They are such that with 95% chance *every*
class's mean lies within its interval (the largest deviation in standard errors, over the
classes, is what the quantile is taken of), so the smallest of them may be picked afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from engine.frontier.folds import Floats

DRAWS = 4000
"""Bootstrap draws: the 95% quantile of the largest deviation is then known to about 2%."""
LEVEL = 0.95


@dataclass(frozen=True)
class ClassMeans:
    """Means over the samples of each class.

    Attributes:
        mean: ``(K,)``; NaN for a class without samples.
        interval: simultaneous, ``(K, 2)``; NaN for a class of fewer than two samples.
        single: each class's own 95% interval, ``(K, 2)``, narrower.
    """

    mean: Floats
    interval: Floats
    single: Floats


def class_means(
    values: Floats, labels: NDArray[np.integer], count: int, seed: int, judged: Sequence[int] | None = None
) -> ClassMeans:
    """Returns the means of each class with their intervals.

    Args:
        values: of the samples, ``(V,)``.
        labels: their classes, ``(V,)``.
        count: K.
        seed: of the draws.
        judged: the classes whose intervals hold together, and those of the others likewise among them; by default all.
    """
    generator = np.random.default_rng(seed)
    mean, error = np.full(count, np.nan), np.full(count, np.nan)
    deviations = np.zeros((DRAWS, count))
    for k in range(count):
        own = values[labels == k]
        if len(own):
            mean[k] = own.mean()
        if len(own) > 1:
            drawn = _drawn_means(own, generator)
            # The spread of n draws from n samples is that of n - 1, and is itself known from n samples only.
            error[k] = drawn.std() * np.sqrt(len(own) / (len(own) - 1))
            if error[k] > 0:
                deviations[:, k] = np.abs(drawn - mean[k]) / drawn.std() * _students_share(len(own))
    together = np.empty(count)
    for group in _groups(count, judged):
        together[group] = np.quantile(deviations[:, group].max(axis=1), LEVEL)
    single = np.quantile(deviations, LEVEL, axis=0)
    half = np.stack([-error, error], axis=1)
    return ClassMeans(mean, mean[:, None] + together[:, None] * half, mean[:, None] + single[:, None] * half)


def pair_intervals(means: Floats, errors: Floats, counts: NDArray[np.integer]) -> Floats:
    """Returns 95% intervals of what raising class k does to class m, for all pairs ``k != m`` together.

    Student's t of the class's samples, at a level divided by the number of pairs (Bonferroni): what is
    said of the most striking pair holds although it was picked afterwards.

    Args:
        means: ``(K, K)``; NaN where k was not raised.
        errors: standard errors of the means, ``(K, K)``.
        counts: samples of each class, ``(K,)``.

    Returns:
        ``(K, K, 2)``; NaN where the mean is, and for a class of fewer than two samples.
    """
    pairs = max(1, int(np.isfinite(means).sum() - np.isfinite(np.diag(means)).sum()))
    freedom = np.where(counts > 1, counts - 1.0, np.nan)
    reach = stdtrit(freedom, 1 - (1 - LEVEL) / (2 * pairs)) * errors
    return np.stack([means - reach, means + reach], axis=-1)


def _students_share(samples: int) -> float:
    """Returns how much wider Student's interval is than the normal one."""
    end = (1 + LEVEL) / 2
    return float(stdtrit(samples - 1, end) / ndtri(end))


def _groups(count: int, judged: Sequence[int] | None) -> list[list[int]]:
    if judged is None:
        return [list(range(count))]
    return [group for group in (list(judged), [k for k in range(count) if k not in judged]) if group]


def _drawn_means(own: Floats, generator: np.random.Generator) -> Floats:
    """Returns the means of DRAWS samples drawn with replacement, block by block: memory stays small."""
    block = max(1, 2**22 // len(own))
    sizes = [min(block, DRAWS - start) for start in range(0, DRAWS, block)]
    return np.concatenate([own[generator.integers(0, len(own), (size, len(own)))].mean(axis=1) for size in sizes])
