r"""Detrimental epochs: those after which some class is predicted worse by more than noise.

The same validation samples are predicted after epoch e - 1 and after epoch e, so only those whose prediction
changes say anything. With :math:`b` samples of a class that were right and are wrong now and :math:`c` that were
wrong and are right now, an epoch that favours neither makes each of them a fair coin (McNemar 1947, exact and
one-sided):

.. math:: p = P(X \ge b), \qquad X \sim \mathrm{Binomial}(b + c, 1/2)

Every class of every pair of consecutive epochs is a test, so chance alone would find some. The m p-values are
corrected for their number by Holm's step-down procedure (Holm 1979): in rising order,

.. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) \, p_{(j)})

With those below 5% called detrimental, the chance of even one false call is at most 5%. What is tested is these
two networks on such samples: whether another seed would drop at the same epoch, it cannot tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

LEVEL = 0.05
"""Largest chance of calling any class of any epoch detrimental where none is."""


@dataclass(frozen=True)
class EpochChange:
    """What one epoch did to every class (K); NaN for a class without samples."""

    epoch: int
    """The later of the two."""
    before: NDArray[np.float64]
    """Accuracy after the epoch before, ``(K,)``, in 0..1."""
    after: NDArray[np.float64]
    """Accuracy after this epoch, ``(K,)``, in 0..1."""
    p_values: NDArray[np.float64]
    """Of a drop, ``(K,)``; corrected for the number of all classes and epochs tested."""


@dataclass(frozen=True)
class DetrimentalEpoch:
    """An epoch that cost some classes more than noise; the class that lost most first."""

    epoch: int
    """The later of the two: its checkpoint is the worse one."""
    classes: tuple[int, ...]
    """Those with a significant drop."""
    drops: tuple[float, ...]
    """Accuracy lost by each, as a positive share."""
    p_values: tuple[float, ...]
    """Of each, corrected for the number of all classes and epochs tested."""


def epoch_changes(
    correct: NDArray[np.bool_], labels: NDArray[np.int64], num_classes: int, epochs: Sequence[int]
) -> list[EpochChange]:
    """Compares every epoch with the one before it, class by class.

    Args:
        correct: whether each validation sample is predicted right after each epoch, ``(E, V)``.
        labels: class of each sample, ``(V,)``.
        num_classes: K.
        epochs: number of each epoch, ``(E,)``, rising; only those that follow one another are compared.

    Returns:
        One change for each pair of consecutive epochs, in their order; none for fewer than two.
    """
    counts = np.bincount(labels, minlength=num_classes).astype(np.float64)
    counts[counts == 0] = np.nan

    def by_class(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(labels[mask], minlength=num_classes)

    changes = []
    for row in range(1, len(epochs)):
        if epochs[row] != epochs[row - 1] + 1:
            continue
        earlier, later = correct[row - 1], correct[row]
        lost, won = by_class(earlier & ~later), by_class(~earlier & later)
        p = np.where(np.isnan(counts), np.nan, binom.sf(lost - 1, lost + won, 0.5))
        changes.append(EpochChange(int(epochs[row]), by_class(earlier) / counts, by_class(later) / counts, p))
    if not changes:
        return []
    corrected = _holm(np.stack([change.p_values for change in changes]))
    return [
        EpochChange(change.epoch, change.before, change.after, p) for change, p in zip(changes, corrected, strict=True)
    ]


def detrimental_epochs(changes: Sequence[EpochChange]) -> list[DetrimentalEpoch]:
    """Returns the epochs that cost some class more than noise, the largest sum of their drops first.

    Args:
        changes: all that were tested together, of :func:`epoch_changes`.
    """
    found = []
    for change in changes:
        drops = change.before - change.after
        # A comparison with NaN is false: a class without samples loses nothing.
        significant = np.flatnonzero(change.p_values < LEVEL)
        if len(significant):
            order = significant[np.argsort(-drops[significant], kind="stable")]
            found.append(
                DetrimentalEpoch(
                    change.epoch,
                    tuple(int(k) for k in order),
                    tuple(float(drop) for drop in drops[order]),
                    tuple(float(p) for p in change.p_values[order]),
                )
            )
    return sorted(found, key=lambda epoch: -sum(epoch.drops))


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns p-values of any shape corrected for their number; NaN is no test and stays."""
    corrected = np.full(p_values.size, np.nan)
    flat = p_values.ravel()
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, factors * flat[order]))
    return corrected.reshape(p_values.shape)
