"""Folds of the validation split: influence pooled over them, or over all but one.

Influence is stored for F folds apart, as rows ``(N, F*K)`` whose column ``f*K + k`` belongs
to fold f and class k. What is selected on some folds is judged on the one left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FoldedInfluence:
    """Influence by fold, and which validation samples the folds are made of.

    Attributes:
        rows: influence for each fold and class, ``(N, F*K)``.
        counts: validation samples of each fold and class, ``(F, K)``.
        fold_of: fold of each validation sample, ``(V,)``.
        labels: its class, ``(V,)``.
    """

    rows: NDArray[np.floating]
    counts: NDArray[np.integer]
    fold_of: NDArray[np.integer]
    labels: NDArray[np.integer]


def pool_folds(rows: NDArray[np.floating], counts: NDArray[np.integer]) -> Floats:
    """Returns the influence vectors over all folds, ``(N, K)``.

    ``P_jk = sum_f n_fk P_jfk / sum_f n_fk``, the influence on the mean loss over the class's
    samples of all folds. A fold without samples of a class carries weight 0 whatever its
    column holds; a class without samples in any fold has influence 0.

    Args:
        rows: influence for each fold and class, ``(N, F*K)``.
        counts: validation samples of each fold and class, ``(F, K)``.
    """
    folds, classes = counts.shape
    totals = counts.sum(axis=0)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    pooled = np.zeros((len(rows), classes))
    for fold in range(folds):
        present = np.flatnonzero(counts[fold])
        pooled[:, present] += rows[:, fold * classes + present] * shares[fold, present]
    return pooled


def leave_out(rows: NDArray[np.floating], counts: NDArray[np.integer], fold: int) -> tuple[Floats, Floats]:
    """Splits influence into that of all folds but one and that of the one left out.

    Args:
        rows: influence for each fold and class, ``(N, F*K)``.
        counts: validation samples of each fold and class, ``(F, K)``.
        fold: which fold is left out.

    Returns:
        The pooled vectors of the kept folds and the vectors of the fold left out, both
        ``(N, K)``; 0 where a class has no samples.
    """
    kept, left = counts.copy(), np.zeros_like(counts)
    kept[fold] = 0
    left[fold] = counts[fold]
    return pool_folds(rows, kept), pool_folds(rows, left)


def without_each_fold(
    rows: NDArray[np.floating], counts: NDArray[np.integer], classes: Sequence[int]
) -> Iterator[tuple[Floats, list[int]]]:
    """Leaves out one fold after the other.

    Args:
        rows: influence for each fold and class, ``(N, F*K)``.
        counts: validation samples of each fold and class, ``(F, K)``.
        classes: those that weights are to be chosen by.

    Yields:
        The pooled vectors of the other folds, ``(N, K)``, and the classes that they hold: one that
        the left-out fold alone holds has nothing to be chosen by.
    """
    for fold in range(len(counts)):
        kept, _ = leave_out(rows, counts, fold)
        yield kept, [k for k in classes if counts[:, k].sum() > counts[fold, k]]
