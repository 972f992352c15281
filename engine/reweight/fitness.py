"""Fitness of a candidate: what its targets gained, less what the other classes lost."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REJECTED = -1e3
"""Fitness of a candidate under which a target got worse, or which could not be solved."""


CONTROL = 0.0
"""Fitness of plain training: what does not exceed it is not worth weights."""


def fitness(
    changes: NDArray[np.floating], targets: Sequence[int], tolerance: float = 0.0, loss_weight: float = 1.0
) -> float:
    r"""Returns the fitness of measured changes of accuracy.

    .. math:: \sum_{k \in T} d_k + \lambda \sum_{k \notin T} \min(0, d_k + \epsilon)

    and :data:`REJECTED` if a target has :math:`d_k < 0`: losses of other classes beyond the tolerance
    count, their gains do not. With :math:`\epsilon = 0` and :math:`\lambda = 1` it is the paper's (its
    Algorithm 1). A class of few validation samples loses a point by chance; without a tolerance the sum over
    many others is ruled by such losses, and the search by noise.

    Args:
        changes: accuracy of each class less the control's, ``(K,)``, as shares; NaN for a class without
            samples, which counts for nothing.
        targets: class indices T.
        tolerance: :math:`\epsilon`, the loss of another class that counts for nothing, as a share.
        loss_weight: :math:`\lambda`, what losses beyond it weigh against gains.
    """
    chosen = list(targets)
    # Means over batch orders leave a rounding where nothing changed: it must not reject, nor beat the control.
    changes = np.round(changes, 12)
    if (changes[chosen] < 0).any():
        return REJECTED
    others = np.delete(changes, chosen)
    losses = np.minimum(others + tolerance, 0)
    return float(np.nansum(changes[chosen]) + loss_weight * np.nansum(losses))
