"""Spearman's correlation of many pairs at once: what bootstraps over real trainings ask for thousands of times."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def rank_correlations(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns Spearman's correlation along the last axis but one; NaN where one of the two is constant or not finite.

    Args:
        first: ``(..., M, K)``.
        second: likewise.
    """
    a, b = (_centred(rankdata(values, axis=-2)) for values in (first, second))
    norms = np.sqrt((a**2).sum(axis=-2) * (b**2).sum(axis=-2))
    products = (a * b).sum(axis=-2)
    return np.divide(products, norms, out=np.full(norms.shape, np.nan), where=norms > 0)


def _centred(ranks: NDArray[np.floating]) -> NDArray[np.float64]:
    return ranks - ranks.mean(axis=-2, keepdims=True)
