"""Which candidates no other beats: the measured frontier of target gain against others' loss."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.reweight.candidates import Candidate, Measured


def outcome(measured: Measured, control: Measured, targets: Sequence[int]) -> tuple[float, float]:
    """Returns the mean target gain and the worst change of another class.

    Both are decreases of validation loss in per cent of the control's loss of the class, so
    positive is better; the second is 0 where every class is a target.
    """
    change = 100.0 * (control.loss - measured.loss) / np.maximum(control.loss, 1e-12)
    others = np.delete(change, list(targets))
    return float(change[list(targets)].mean()), float(others.min()) if len(others) else 0.0


def non_dominated(points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Returns which points no other equals in all columns and exceeds in one, ``(M,)``.

    Args:
        points: higher is better in every column, ``(M, D)``.
    """
    at_least = (points[:, None, :] >= points[None, :, :]).all(axis=2)
    above = (points[:, None, :] > points[None, :, :]).any(axis=2)
    beaten: NDArray[np.bool_] = np.any(at_least & above, axis=0)
    return np.logical_not(beaten)


def pareto_front(candidates: Sequence[Candidate], control: Measured, targets: Sequence[int]) -> list[Candidate]:
    """Returns the candidates that are non-dominated in :func:`outcome`, by rising target gain.

    Baselines are drawn for comparison and cannot be chosen, so they are left out, and so is
    what was not trained.
    """
    trained = [
        (item, outcome(item.measured, control, targets))
        for item in candidates
        if item.measured is not None and item.origin != "baseline"
    ]
    if not trained:
        return []
    kept = non_dominated(np.array([point for _, point in trained]))
    front = [entry for entry, stays in zip(trained, kept, strict=True) if stays]
    return [item for item, _ in sorted(front, key=lambda entry: entry[1])]
