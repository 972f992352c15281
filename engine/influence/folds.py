"""Folds of the validation samples: what is selected on some is judged on the others."""

import numpy as np
from numpy.typing import NDArray

FOLDS = 4
"""Folds of V. Four leave three quarters of each class to select on."""


Integers = NDArray[np.int64]


def stratified_folds(labels: Integers, num_classes: int, seed: int) -> tuple[Integers, Integers]:
    """Deals the samples of each class to the folds in turn, after a seeded shuffle.

    Args:
        labels: classes of the validation samples, shape ``(V,)``.
        num_classes: K.
        seed: of the shuffle.

    Returns:
        The fold of each sample, shape ``(V,)``, and the counts, shape ``(F, K)``. A class
        with fewer than F samples has folds without any, counted 0.
    """
    generator = np.random.default_rng(seed)
    fold_of = np.empty(len(labels), dtype=np.int64)
    for k in range(num_classes):
        members = generator.permutation(np.flatnonzero(labels == k))
        fold_of[members] = np.arange(len(members)) % FOLDS
    counts = np.zeros((FOLDS, num_classes), dtype=np.int64)
    np.add.at(counts, (fold_of, labels), 1)
    return fold_of, counts
