r"""How large the predicted changes really are: the linear prediction against a few real probe epochs.

Influence ranks what weights do better than it sizes it: a network that still moves is not linear over
a whole epoch. So some reweightings are trained for real, and one factor is fitted between what was
predicted and what happened, with the error that is left.

Probes come in mirrored pairs :math:`w^\pm = 1 \pm \delta`, trained in one batch order. Half the
difference of a pair, :math:`y = (v(w^-) - v(w^+)) / 2`, is what is linear in :math:`\delta`: of the order
of the batches, and of what every deviation from even weights costs, it is free.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

Floats = NDArray[np.float64]

PAIRS = 6
"""Mirrored pairs of probe epochs."""
_BY_CLASS, _BY_SAMPLE = 0.25, 0.1
"""How far probes move the weights of a whole class, and of a sample beside it: within a programme's usual bounds."""


@dataclass(frozen=True)
class Calibration:
    """What probe epochs said of the prediction.

    Attributes:
        factor: real change over predicted change, fitted; below 1 predictions are too large, and not above 0
            they are worth nothing.
        error: root mean square of what a calibrated prediction misses, of a pair that it was not fitted on, as a
            share of a class's scale.
        spearman: rank correlation of predicted and real changes over pairs and classes.
        pairs: how many were trained.
    """

    factor: float
    error: float
    spearman: float
    pairs: int


def probe_weights(labels: NDArray[np.integer], pairs: int = PAIRS, seed: int = 0) -> NDArray[np.float32]:
    """Returns the weights of mirrored probes, ``(2 pairs, N)``: rows 2i and 2i + 1 are a pair; each has mean 1.

    Whole classes move by a quarter up or down, in every pair others, and single samples a little beside them:
    what is structured is what a programme asks for, and what influence predicts.

    Args:
        labels: class of each training sample, ``(N,)``.
        pairs: how many.
        seed: of the draws.
    """
    generator = np.random.default_rng([seed, 5])
    _, member = np.unique(labels, return_inverse=True)
    by_class = generator.choice([-_BY_CLASS, _BY_CLASS], (pairs, int(member.max()) + 1))[:, member]
    shifts = by_class + generator.uniform(-_BY_SAMPLE, _BY_SAMPLE, by_class.shape)
    shifts -= shifts.mean(axis=1, keepdims=True)
    return np.stack([1 + shifts, 1 - shifts], axis=1).reshape(2 * pairs, -1).astype(np.float32)


def measured_gains(values: Floats, scale: Floats) -> Floats:
    """Returns what the first of each pair gained, as shares of the scale, ``(pairs, K)``.

    Args:
        values: what the classes are judged by after each probe, ``(2 pairs, K)``; lower is better.
        scale: of each class, ``(K,)``.
    """
    return (values[1::2] - values[0::2]) / 2 / scale


def calibration(predicted: Floats, values: Floats, scale: Floats) -> Calibration:
    r"""Compares probes with their predictions.

    With :math:`g_{rk}` the predicted gain and :math:`y_{rk}` the measured one of pair r and class k, both over the
    class's scale :math:`s_k`, the factor is :math:`c = \sum g y / \sum g^2`, and the error the root mean square of
    :math:`y_{rk} - c_{-r} g_{rk}`, where :math:`c_{-r}` is fitted without pair r.

    Args:
        predicted: gain of each class under the first of each pair, ``(pairs, K)``.
        values: what the classes are judged by after each probe, ``(2 pairs, K)``, in the order of
            :func:`probe_weights`; lower is better.
        scale: of each class, ``(K,)``.
    """
    gained = measured_gains(values, scale)
    told = predicted / scale
    known = np.isfinite(gained).all(axis=0) & np.isfinite(told).all(axis=0)
    gained, told = gained[:, known], told[:, known]
    products, squares = (told * gained).sum(axis=1), (told**2).sum(axis=1)
    if not squares.sum() > 0:
        # Nothing was predicted to move, so there is nothing that could be scaled.
        return Calibration(0.0, float(np.sqrt(np.mean(gained**2))) if gained.size else 0.0, 0.0, len(told))
    factor = float(products.sum() / squares.sum())
    without = (products.sum() - products) / (squares.sum() - squares)
    error = float(np.sqrt(np.mean((gained - without[:, None] * told) ** 2)))
    return Calibration(factor, error, float(spearmanr(told.ravel(), gained.ravel()).statistic), len(told))
