"""Results in one plain sentence each, for people who read only that."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.manifests import measurement_of
from engine.chance import is_at_chance
from engine.judged_by import WORDS
from engine.study import Study

NO_TEST_SPLIT = "No test split: the result is judged on the validation data that was searched on."
_WHERE = {"test": "on unseen test data", "validation": "on the validation data that was searched on"}


def reweight_sentence(
    names: Sequence[str],
    targets: Sequence[int],
    change: dict[str, NDArray[np.float64]],
    interval: dict[str, NDArray[np.float64]],
    moved: dict[str, NDArray[np.float64]],
) -> str:
    """Says what a reweighting did to its targets and to the worst other class.

    Args:
        names: class names.
        targets: indices of the target classes.
        change: by split, per class the change against the control as a share.
        interval: by split, per class its 95% interval.
        moved: by split, per class the change against the checkpoint before, with what the epoch does by itself.
    """
    split = "test" if "test" in change else "validation"

    def against_control(k: int) -> str:
        low, high = interval[split][k]
        return f"(95% {100 * low:+.1f} to {100 * high:+.1f})"

    def told(k: int) -> str:
        value = change[split][k]
        if np.isnan(value):
            return f"{names[k]} has no sample"
        more = f"{100 * abs(value):.1f} {'more' if value >= 0 else 'less'} than the same epoch unweighted"
        return f"{names[k]} {100 * moved[split][k]:+.1f} points, {more} {against_control(k)}"

    others = [k for k in range(len(names)) if k not in targets and not np.isnan(change[split][k])]
    sentence = f"{_WHERE[split][0].upper()}{_WHERE[split][1:]}: " + "; ".join(told(k) for k in targets)
    if others:
        worst = min(others, key=lambda k: change[split][k])
        value = f"{100 * change[split][worst]:+.1f}"
        sentence += f"; worst other class {names[worst]} {value} against that epoch {against_control(worst)}"
    chosen = list(targets)
    if ((change[split][chosen] > 0) & (interval[split][chosen, 0] <= 0)).any():
        sentence += ". A gain whose interval reaches below zero may be chance"
    return sentence + "."


def probe_sentence(manifest: dict[str, Any]) -> str:
    """Says how well predictions hold, by the probe epochs.

    Args:
        manifest: of a run of probes: ``factor``, ``error``, ``spearman``, ``pairs``.
    """
    pairs, scale = f"{manifest['pairs']} pairs of probe epochs", WORDS[measurement_of(manifest)].scale
    if manifest["factor"] <= 0:
        return f"In {pairs} classes did not move as predicted: do not rely on predictions from this checkpoint."
    return (
        f"In {pairs} classes moved {manifest['factor']:.2f} times as far as predicted (rank correlation"
        f" {manifest['spearman']:.2f}); predictions are shown with this factor, and miss by {manifest['error']:.0%} of"
        f" a class's {scale}, typically."
    )


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
    # What a calibrated damping turned out to be is told by the run; runs from before there was one do not say.
    if assumed and manifest.get("damping", study.influence.damping) == "training":
        training = study.training
        told.append(
            f"[training] does not tell {' and '.join(assumed)}: influence predicts {training.epochs} epochs at a"
            f" learning rate of {training.learning_rate:g}. Say there how the model was trained, or set [influence]"
            " damping = 'heuristic'."
        )
    accuracy = np.asarray(manifest["accuracy"]["validation"], float)
    if is_at_chance(accuracy, manifest["counts"]["validation"]):
        told.append(
            "On validation samples this checkpoint is no better than guessing (mean accuracy of its classes"
            f" {np.nanmean(accuracy):.0%}, {1 / len(accuracy):.0%} by chance). What is said of its ceiling is said of"
            " small changes around a model that has learnt nothing: train it first, or see whether the right checkpoint"
            " was chosen."
        )
    return told


def removal_sentence(result: Mapping[str, Any]) -> str:
    """Says whether leaving samples out did what influence says of it.

    Args:
        result: manifest of a removal study.
    """
    word, parts = WORDS[result["measurement"]].name, list[str]()
    for sign, does in (("beneficial", "rose"), ("detrimental", "fell")):
        # A class without samples of a sign had none left out.
        right, classes = result["diagonal_right"][sign], sum(size > 0 for size in result["sizes"][sign])
        if right is None:
            parts.append(f"no class has any {sign} samples")
        else:
            parts.append(
                f"without the most {sign} samples of a class, its {word} {does} for"
                f" {round(right * classes)} of {classes} classes"
            )
    sentence = "; ".join(parts)
    sentence = f"{sentence[0].upper()}{sentence[1:]}."
    found = {sign: result["agreement"][sign]["loss"]["spearman"] for sign in ("beneficial", "detrimental")}
    # Of a handful of cells a correlation says nothing, and there is no interval for it either.
    if None not in [result["agreement"][sign]["loss"]["interval"] for sign in found]:
        alone = [result["agreement_checkpoint"][sign]["loss"]["spearman"] for sign in found]
        told = " and ".join(f"{value:.2f}" for value in found.values())
        of_one = " and ".join("-" if value is None else f"{value:.2f}" for value in alone)
        sentence += (
            f" Over all classes, what the mean influence of {result['seeds']} models predicts and what was measured"
            f" have a Spearman correlation of {told} (influence of the checkpoint alone: {of_one})."
        )
    return sentence


def datamodelling_sentence(result: Mapping[str, Any]) -> str:
    """Says how well influence ranks trainings on halves of the data.

    Args:
        result: manifest of a comparison.
    """
    own, ceiling = result["candidates"][result["own"]], result["mean_ceiling"]
    if own["mean"] is None:
        return "These trainings came out alike, so there is nothing to rank."
    certain = "" if result["interval"] is None else " (95% {:.2f} to {:.2f})".format(*result["interval"])
    sentence = (
        f"Over {result['subsets']} random halves of the training data, influence ranks how well each class does with a"
        f" correlation of {own['mean']:.2f}{certain}, mean over classes."
    )
    if ceiling is None:
        return f"{sentence} Two trainings of each half would show how much of the rest is chance."
    return f"{sentence} Chance between trainings leaves about {ceiling:.2f} to be reached."


def calibration_sentence(result: Mapping[str, Any]) -> str:
    """Says which damping predicts trainings best, and what it gains.

    Args:
        result: manifest of a comparison.
    """
    found = result["calibrated"]
    if found["score"] is None:
        return "These trainings came out alike, so no damping is better than another."
    if result["strategy"] == "identity":
        score = f"score {found['score']:.2f}"
        return f"The strategy 'identity' has no curvature to damp, so no damping is better than another: {score}."
    if found["damping"] == "heuristic":
        return f"No damping predicts these trainings better than the heuristic: score {found['score']:.2f}."
    sentence = f"Damping {damping_words(found['damping'])} predicts these trainings best: score {found['score']:.2f}"
    if found["heuristic"] is not None:
        sentence += f", against {found['heuristic']:.2f} with the heuristic"
    return sentence + (
        "."
        if found["gain"] is None
        else f"; on trainings that did not choose, choosing gains {found['gain']:+.3f} over it."
    )


def damping_words(damping: str | float) -> str:
    """Returns a damping as it is written in a sentence."""
    return f"'{damping}'" if isinstance(damping, str) else f"{damping:g}"
