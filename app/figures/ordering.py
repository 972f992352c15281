"""Which classes a figure shows, and in which order: worst first, and of many only the worst."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

MANY_CLASSES = 30
"""Up to here every class is drawn."""
SHOWN_OF_MANY = 20


def worst_first(values: ArrayLike) -> list[int]:
    """Returns class indices by rising value; ties keep class order and NaN comes last.

    Args:
        values: one value a class, shape ``(K,)``; lower is worse.
    """
    return [int(index) for index in np.argsort(np.asarray(values, dtype=float), kind="stable")]


def shown(order: Sequence[int], keep: Sequence[int] = ()) -> list[int]:
    """Returns the classes of ``order`` that are drawn.

    Args:
        order: all classes, the most important first.
        keep: classes that stay even if they are not among the first, e.g. the targets.

    Returns:
        All of them up to ``MANY_CLASSES``; of more, the first ``SHOWN_OF_MANY`` and those
        to keep, still in the given order.
    """
    if len(order) <= MANY_CLASSES:
        return list(order)
    kept = set(keep)
    return [index for rank, index in enumerate(order) if rank < SHOWN_OF_MANY or index in kept]


def left_out_note(drawn: int, total: int, which: str = "worst") -> str:
    """Returns the sentence that says how many classes are not drawn, or ``""``."""
    return "" if drawn == total else f"Shown: {drawn} of {total} classes, the {which} first."
