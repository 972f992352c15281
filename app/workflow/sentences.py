"""Results in one plain sentence each, for people who read only that."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

NO_TEST_SPLIT = "No test split: the result is judged on the validation data that was searched on."
_WHERE = {"test": "on unseen test data", "validation": "on the validation data that was searched on"}


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
    where = _WHERE[split]

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


def all_classes_sentence(
    names: Sequence[str], compared: Mapping[str, Mapping[str, NDArray[np.float64]]], step: float | None
) -> str:
    """Says what retraining with the certificate's weights did to all classes.

    Args:
        names: class names.
        compared: ``change`` and ``loss_change`` by split, per class against the control; the loss
            change's ``loss_interval`` likewise, ``(K, 2)``.
        step: η of the weights, or None if the control was not bettered.
    """
    if step is None:
        return (
            "No weights on the way to the certificate's made most classes better on validation samples that they were"
            " not computed on, so the result is plain training."
        )
    split = "test" if "test" in compared["loss_change"] else "validation"
    loss, interval = compared["loss_change"][split], compared["loss_interval"][split]
    present = np.flatnonzero(~np.isnan(loss))
    least = present[np.argmax(loss[present])]
    fallen, certain = int((loss[present] < 0).sum()), int((interval[present, 1] < 0).sum())
    which = f"all {len(present)}" if fallen == len(present) else f"{fallen} of {len(present)}"
    low, high = interval[least]
    return (
        f"Against the same training from scratch unweighted, {_WHERE[split]}: the loss of {which} classes falls"
        f" ({certain} of them beyond chance), and accuracy changes by"
        f" {100 * float(compared['change'][split][present].mean()):+.1f} points on average over classes;"
        f" {names[least]} gains least, its loss changes by {loss[least]:+.3f} (95% {low:+.3f} to {high:+.3f})."
    )
