"""The spectrum of the influence vectors: the paper's test, with all that it leaves out.

The paper takes the first explained-variance ratio of a PCA above 0.2 as 'not on a
hyperplane, hence room for improvement'. Lying on a hyperplane concerns the *smallest*
component, so the whole spectrum and the smallest direction are given beside it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import RefusedInput

PAPER_LIMIT = 0.2
"""First explained-variance ratio above which the paper says that there is room."""


@dataclass(frozen=True)
class Spectrum:
    """Principal components of influence vectors."""

    explained_variance_ratio: NDArray[np.float64]
    """``(K,)``, largest first, sums to 1."""
    first_ratio: float
    smallest_direction: NDArray[np.float64]
    """``(K,)``, of length 1: the normal of the hyperplane that the vectors are nearest to,
    turned so that its components sum to at least 0. The classes trade off exactly when the
    last ratio is 0 and no component is negative."""
    paper_says_room: bool
    """Whether ``first_ratio`` is above the paper's 0.2."""


def spectrum(vectors: NDArray[np.floating]) -> Spectrum:
    """Returns the principal components of influence vectors.

    Args:
        vectors: influence vectors ``(N, K)``.

    Raises:
        RefusedInput: if there are fewer samples than classes, or all vectors are equal.
    """
    # Imported here since it takes seconds, and pages import this package to draw regions.
    from sklearn.decomposition import PCA

    samples, classes = vectors.shape
    if samples < classes:
        raise RefusedInput(
            f"{samples} influence vectors always lie on a hyperplane of {classes} classes",
            "at least as many training samples as classes",
            "Use more training samples",
        )
    vectors = np.asarray(vectors, dtype=np.float64)
    if np.ptp(vectors, axis=0).max() == 0:
        raise RefusedInput(
            "all influence vectors are the same",
            "vectors that differ between samples",
            "Check the checkpoint and the data",
        )
    components = PCA(svd_solver="covariance_eigh").fit(vectors)
    ratios = components.explained_variance_ratio_
    smallest = components.components_[-1]
    smallest = smallest if smallest.sum() >= 0 else -smallest
    return Spectrum(ratios, float(ratios[0]), smallest, bool(ratios[0] > PAPER_LIMIT))
