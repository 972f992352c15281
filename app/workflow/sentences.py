"""Results in one plain sentence each, for people who read only that."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.study import Study

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


def climb_sentence(
    names: Sequence[str],
    rounds: Sequence[Mapping[str, Any]],
    best: int,
    change: Mapping[str, NDArray[np.float64]],
    interval: Mapping[str, NDArray[np.float64]],
) -> str:
    """Says where a climb ended, and which class stays the lowest.

    Args:
        names: class names.
        rounds: each with ``samples`` and, by split and class, ``accuracy`` and ``loss``; NaN is ``None`` once stored.
        best: number of the best round.
        change: by split, per class the change of accuracy against round 0 as a share.
        interval: by split, per class its 95% interval.
    """
    split = "test" if "test" in change else "validation"
    where = "unseen test data" if split == "test" else "the validation data that chose the best round"
    accuracy, loss = (
        np.array([entry[name][split] for entry in rounds], dtype=float)[[0, best]] for name in ("accuracy", "loss")
    )
    present = np.flatnonzero(~np.isnan(accuracy[0]))
    plain, reached = 100 * accuracy[:, present].mean(axis=1)
    lowest = present[np.argmin(accuracy[1, present])]
    left = f"the lowest class is {names[lowest]} at {100 * accuracy[1, lowest]:.1f}%"
    estimate = f"Estimated ceiling: {reached:.1f}% mean accuracy over classes on {where}"
    if best == 0:
        none = f"; none of the {len(rounds) - 1} further rounds was better" if len(rounds) > 1 else ""
        return f"{estimate}, that of plain training{none}; {left}."
    risen, fallen = (int((sign * change[split][present] > 0).sum()) for sign in (1, -1))
    certain = int((interval[split][present, 0] > 0).sum())
    if risen or fallen:
        moved = (
            f"it rises for {risen} of {len(present)} classes, for {certain or 'none'} beyond chance,"
            f" and falls for {fallen or 'none'}"
        )
    else:
        before, after = loss[:, present].mean(axis=1)
        moved = f"no class's accuracy changes, the mean loss goes from {before:.3g} to {after:.3g}"
    return (
        f"{estimate}, in round {best}, against {plain:.1f}% of plain training ({reached - plain:+.1f} points):"
        f" {moved}; {left}."
    )


def influence_notices(study: Study, manifest: Mapping[str, Any]) -> list[str]:
    """Returns what a reader of an influence run, or of the verdict on it, should know.

    Args:
        study: as its file says now: what it leaves out was assumed, also where the run was computed before.
        manifest: of the influence run.
    """
    assumed = sorted({"epochs", "learning_rate"} - study.training.model_fields_set)
    told = list(manifest["notices"])
    if assumed and study.influence.damping == "training":
        training = study.training
        told.append(
            f"[training] does not tell {' and '.join(assumed)}: influence predicts {training.epochs} epochs at a"
            f" learning rate of {training.learning_rate:g}. Say there how the model was trained, or set [influence]"
            " damping = 'heuristic'."
        )
    return told
