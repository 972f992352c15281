"""How the inputs of a model are normalised, and in which order it has the classes: by trying its checkpoint.

A checkpoint tells neither. But a network that is right on most validation samples under one
normalisation and on few under the others was trained with that one, and so for the order of the classes.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from app.workflow.init_study_data import DataFound
from app.workflow.init_study_findings import Findings
from app.workflow.init_study_model import ModelFound
from app.workflow.init_study_sample import read_sample, study_so_far
from engine.checkpoints import list_checkpoints
from engine.data import Excerpt, Samples
from engine.errors import RefusedInput
from engine.training.evaluation import evaluate
from engine.training.inputs import prepared_shape
from engine.training.stored_state import trained_model

_MOST_NUMBERS = 4_000_000
"""Of the samples that a network is tried on."""
_FEWEST_JUDGED = 32
_MOST_COLUMNS = 256
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_DIGITS = 4
_BETTER_ORDER = 0.2
"""How much more often a network must be right before another order of the classes is believed."""

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class _Trial:
    """A network on the validation samples under one normalisation; ``order[k]`` is the class its logit k fits best."""

    name: str
    normalisation: Normalisation | None
    loss: float
    accuracy: float
    order: tuple[int, ...]
    accuracy_in_order: float


def tell_normalisation(
    root: Path, excerpt: Excerpt, data: DataFound, model: ModelFound, fits: bool, findings: Findings
) -> None:
    """Tells mean and std: those under which the checkpoint does best, else those of the training samples.

    Args:
        root: the folder, resolved.
        excerpt: of the data.
        data: what was found of it.
        model: what was found of it.
        fits: whether the checkpoint's tensors fit the data.
        findings: with ``[data]`` and ``[model]``.
    """
    computed, of_what = _computed(excerpt)
    if model.is_ours and fits:
        try:
            trials, judged = _trials(root, excerpt, computed, findings)
            again = _in_another_order(root, excerpt, data, trials, findings)
            if again is not None:
                trials, judged = _trials(root, again, computed, findings)
            _tell_best(trials, judged, findings)
            return
        except RefusedInput as refusal:
            findings.leave_refused("whether the checkpoint belongs to the data", refusal)
    if computed is None:
        return
    _tell(computed, of_what, findings)
    if model.checkpoint is not None:
        findings.leave_open(
            "how inputs were normalised in training",
            "that could only be told by running the model, which was not done",
            "Set mean and std in [data.transform] to what was used, or remove both if nothing was",
        )


def _trials(
    root: Path, excerpt: Excerpt, computed: Normalisation | None, findings: Findings
) -> tuple[list[_Trial], Samples]:
    """Tries the last checkpoint under each normalisation, the best first.

    Raises:
        RefusedInput: if the checkpoint cannot be loaded.
    """
    study = study_so_far(root, findings)
    network, notices = trained_model(study, excerpt.data, max(list_checkpoints(study)))
    for notice in notices:
        findings.leave_open("the checkpoint as it is", notice, "Nothing is to be done")
    numbers = math.prod(prepared_shape(excerpt.data.train, excerpt.data.transform))
    count = max(_FEWEST_JUDGED, _MOST_NUMBERS // numbers)
    samples = excerpt.data.validation
    judged = Samples(samples.inputs[:count], samples.labels[:count], samples.sources[:count])
    trials = []
    for name, normalisation in _candidates(excerpt, computed).items():
        mean, std = normalisation or (None, None)
        transform = replace(excerpt.data.transform, mean=mean, std=std)
        result = evaluate(network, judged, transform, excerpt.data.num_classes)
        confusion = np.zeros((excerpt.data.num_classes,) * 2)
        np.add.at(confusion, (result.predicted, judged.labels.numpy()), 1)
        order = linear_sum_assignment(confusion, maximize=True)[1]
        # A network that has diverged has no finite loss.
        loss = float(np.nan_to_num(result.losses.mean(), nan=np.inf))
        in_order = float(confusion[np.arange(len(order)), order].sum() / len(judged))
        trials.append(_Trial(name, normalisation, loss, float(result.correct.mean()), tuple(order.tolist()), in_order))
    return sorted(trials, key=lambda trial: trial.loss), judged


def _in_another_order(
    root: Path, excerpt: Excerpt, data: DataFound, trials: list[_Trial], findings: Findings
) -> Excerpt | None:
    """Tells ``class_names`` where the network is right in another order of the classes; returns the data in it."""
    likely = max(trials, key=lambda trial: trial.accuracy_in_order)
    if likely.accuracy_in_order < max(trial.accuracy for trial in trials) + _BETTER_ORDER:
        return None
    names = excerpt.data.class_names
    # A number in a file is an index of class_names: their order is that of the numbers.
    if likely.accuracy_in_order < 0.5 or all(name.isdecimal() for name in names):
        return None
    why = (
        f"in this order the checkpoint is right on {likely.accuracy_in_order:.0%} of the validation samples, "
        f"in that of the alphabet on {likely.accuracy:.0%}"
    )
    findings.infer("data.class_names", [names[place] for place in likely.order], why)
    again = read_sample(root, data, findings)
    if again is None or again.data.class_names == names:
        findings.forget("data.class_names")
        return None
    return again


def _tell_best(trials: list[_Trial], judged: Samples, findings: Findings) -> None:
    best = trials[0]
    told = "; ".join(f"{trial.name}: {trial.accuracy:.0%}" for trial in trials)
    why = f"the checkpoint does best so, by its loss on {len(judged)} validation samples; right on them with {told}"
    if best.normalisation is not None:
        _tell(best.normalisation, why, findings)
    chance = float(np.bincount(judged.labels.numpy()).max() / len(judged))
    if best.accuracy < chance + 0.1 * (1 - chance):
        findings.leave_open(
            "whether the checkpoint belongs to the data",
            f"it is right on {best.accuracy:.0%} of {len(judged)} validation samples, and always naming the commonest "
            f"class on {chance:.0%}",
            "Check label, input, class_names and the transform in [data], and the architecture",
        )
    elif best.normalisation is None:
        findings.leave_open(
            "how inputs were normalised in training", why, "Nothing is to be done if they were used as they are"
        )


def _candidates(excerpt: Excerpt, computed: Normalisation | None) -> dict[str, Normalisation | None]:
    found: dict[str, Normalisation | None] = {"inputs as they are": None}
    if computed is not None:
        found["mean and std of the training samples"] = computed
    if excerpt.data.train.inputs.ndim == 4:
        channels = excerpt.data.train.inputs.shape[1]
        found["mean and std 0.5"] = ((0.5,) * channels, (0.5,) * channels)
        if channels == 3:
            found["those of ImageNet"] = _IMAGENET
    return found


def _computed(excerpt: Excerpt) -> tuple[Normalisation | None, str]:
    """Returns mean and std by channel or column of the drawn training samples, and what they are."""
    train = excerpt.data.train
    bare = replace(excerpt.data.transform, mean=None, std=None)
    inputs = bare.prepare(train.inputs).double()
    if inputs.ndim == 2 and inputs.shape[1] > _MOST_COLUMNS:
        return None, ""
    axes = (0, 2, 3) if inputs.ndim == 4 else (0,)
    mean, std = inputs.mean(axes), inputs.std(axes, correction=0)
    # A column that never changes is left as it is, but for its mean.
    std = torch.where(std > 1e-8 * mean.abs().clamp(min=1e-8), std, torch.ones_like(std))
    each = "channel" if inputs.ndim == 4 else "column"
    rounded = tuple(tuple(float(f"{value:.{_DIGITS}g}") for value in values.tolist()) for values in (mean, std))
    return (rounded[0], rounded[1]), f"of each {each} over {len(train):,} training samples"


def _tell(normalisation: Normalisation, why: str, findings: Findings) -> None:
    findings.infer("data.transform.mean", list(normalisation[0]), why)
    findings.infer("data.transform.std", list(normalisation[1]), why)
