"""Regions of influence: for which classes a training sample helps or harms together.

For a pair of classes a sample is *joint positive* (helps both), *joint negative* (harms
both) or a *trade-off* (helps one at the other's expense; an influence of exactly 0 counts
here, since it moves at most one of the two).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REGIONS = ("joint_positive", "joint_negative", "trade_off")


def region_of(vectors: NDArray[np.floating], a: int, b: int) -> NDArray[np.int8]:
    """Returns the region of each sample for the classes ``a`` and ``b``, ``(N,)``.

    Args:
        vectors: influence vectors ``(N, K)``; higher = its presence helps class k.
        a: first class index.
        b: second class index.

    Returns:
        Positions in :data:`REGIONS`.
    """
    return _regions(vectors, (a, b))


def pair_regions(vectors: NDArray[np.floating], a: int, b: int) -> dict[str, int]:
    """Returns how many samples lie in each region of the classes ``a`` and ``b``."""
    return subset_regions(vectors, (a, b))


def subset_regions(vectors: NDArray[np.floating], classes: Sequence[int]) -> dict[str, int]:
    """Returns how many samples help all ``classes``, harm all of them, or do neither."""
    counts = np.bincount(_regions(vectors, classes), minlength=len(REGIONS))
    return {region: int(count) for region, count in zip(REGIONS, counts, strict=True)}


def region_shares(vectors: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Returns for all pairs of classes the share of samples in each region.

    Args:
        vectors: influence vectors ``(N, K)``.

    Returns:
        By name of :data:`REGIONS`, each ``(K, K)`` and symmetric, in sum 1; the diagonal is the
        share of samples that help, harm, or do not move the class itself.
    """
    samples = max(len(vectors), 1)
    helps, harms = (vectors > 0).astype(np.float64), (vectors < 0).astype(np.float64)
    positive, negative = helps.T @ helps / samples, harms.T @ harms / samples
    return {"joint_positive": positive, "joint_negative": negative, "trade_off": 1 - positive - negative}


def correlation(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns Pearson's correlation of the classes' influence, ``(K, K)``.

    Strongly negative: what helps one class harms the other. NaN where the influence on a
    class is the same for all samples.
    """
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    lengths = np.linalg.norm(centred, axis=0)
    unit = np.divide(centred, lengths, out=np.full(centred.shape, np.nan), where=lengths > 0)
    return np.clip(unit.T @ unit, -1.0, 1.0)


def _regions(vectors: NDArray[np.floating], classes: Sequence[int]) -> NDArray[np.int8]:
    chosen = vectors[:, list(classes)]
    conditions = [(chosen > 0).all(axis=1), (chosen < 0).all(axis=1)]
    return np.select(conditions, [0, 1], default=2).astype(np.int8)
