"""Results in one plain sentence each, for people who read only that."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def reweight_sentence(
    names: Sequence[str],
    targets: Sequence[int],
    change: dict[str, NDArray[np.float64]],
    interval: dict[str, NDArray[np.float64]],
) -> str:
    """Says what a reweighting did to its targets and to the worst other class.

    Args:
        names: class names.
        targets: indices of the target classes.
        change: by split, per class the change against the control as a share.
        interval: by split, per class its 95% interval.
    """
    split = "test" if "test" in change else "validation"
    where = "on unseen test data" if split == "test" else "on the validation data that was searched on"

    def told(k: int) -> str:
        value = change[split][k]
        if np.isnan(value):
            return f"{names[k]} has no sample"
        low, high = interval[split][k]
        return f"{names[k]} {100 * value:+.1f} points (95% {100 * low:+.1f} to {100 * high:+.1f})"

    others = [k for k in range(len(names)) if k not in targets and not np.isnan(change[split][k])]
    sentence = f"Against the same epoch unweighted, {where}: " + ", ".join(told(k) for k in targets)
    if others:
        worst = min(others, key=lambda k: change[split][k])
        sentence += f"; the worst other class is {told(worst)}"
    if np.nanmin(interval[split][list(targets), 0]) <= 0:
        sentence += ". A gain whose interval reaches below zero may be chance"
    return sentence + "."
