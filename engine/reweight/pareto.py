"""Gains as points of the frontier, and which points no other beats."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def frontier_point(gains: NDArray[np.floating], targets: Sequence[int]) -> tuple[float, float]:
    """Returns the mean gain of the targets and the gain of the worst other class.

    Args:
        gains: predicted or measured, shape ``(K,)``, positive is better; a class without
            samples is NaN and does not count.
        targets: class indices.

    Returns:
        The point; its second coordinate is 0 where no other class counts.
    """
    others = np.delete(gains, list(targets))
    known = others[np.isfinite(others)]
    return float(np.nanmean(gains[list(targets)])), float(known.min()) if len(known) else 0.0


def non_dominated(points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Returns which points no other equals in all columns and exceeds in one, ``(M,)``.

    Args:
        points: higher is better in every column, ``(M, D)``.
    """
    at_least = (points[:, None, :] >= points[None, :, :]).all(axis=2)
    above = (points[:, None, :] > points[None, :, :]).any(axis=2)
    beaten: NDArray[np.bool_] = np.any(at_least & above, axis=0)
    return np.logical_not(beaten)
