"""Fitness of a candidate: what its targets gained, less what the other classes lost."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REJECTED = -1e3
"""Fitness of a candidate under which a target got worse, or which could not be solved."""


CONTROL = 0.0
"""Fitness of plain training: what does not exceed it is not worth weights."""


def fitness(changes: NDArray[np.floating], targets: Sequence[int]) -> float:
    """Returns the fitness of measured changes of accuracy.

    ``sum_{k in T} d_k + sum_{k not in T} min(0, d_k)``, and :data:`REJECTED` if a target has
    ``d_k < 0``: losses of other classes count, their gains do not.

    Args:
        changes: accuracy of each class less the control's, ``(K,)``, as shares.
        targets: class indices T.
    """
    chosen = list(targets)
    if (changes[chosen] < 0).any():
        return REJECTED
    others = np.delete(changes, chosen)
    return float(changes[chosen].sum() + np.minimum(others, 0).sum())
