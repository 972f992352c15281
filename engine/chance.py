"""Whether a classifier knows anything: its per-class accuracy against that of guessing."""

import numpy as np
from numpy.typing import ArrayLike

_ONE_SIDED_95 = 1.6449


def is_at_chance(accuracy: ArrayLike, counts: ArrayLike) -> bool:
    """Says whether the mean accuracy of the classes does not exceed that of guessing.

    Whoever guesses without a look at the sample, always the same class or each as often as it likes, has a mean
    accuracy of ``1/K``. With ``a_k`` the accuracy on ``n_k`` samples, the classifier is better if
    ``mean(a) - 1/K > 1.645 s`` with ``s² = Σ a_k (1 - a_k) / n_k / K²``: one-sided, 5%, by the normal approximation.

    Args:
        accuracy: share of the samples of each class that are predicted right, ``(K,)``, 0..1; NaN where there are none.
        counts: samples of each class, ``(K,)``.
    """
    shares, sizes = np.asarray(accuracy, float), np.asarray(counts, float)
    known = sizes > 0
    shares, sizes = shares[known], sizes[known]
    if not len(shares):
        return False
    error = np.sqrt((shares * (1 - shares) / sizes).sum()) / len(shares)
    return bool(shares.mean() - 1 / len(known) <= _ONE_SIDED_95 * error)
