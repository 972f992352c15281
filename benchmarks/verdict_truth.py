"""What is true of a case: its certificate's weights trained with from scratch, and judged on unseen samples.

Weights ``1 + η δ``, for each η of :data:`STEPS`, against plain training with the same seeds.
η is chosen on validation; what counts is the change of each class's mean loss on test, which is
significant if the t interval over the paired seeds (95%, each class by itself) lies beside 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from app.workflow.outcome_parts import outcomes_of
from engine.data import StudyData
from engine.reweight.all_classes import class_means
from engine.study import Study
from engine.training import trained_from_scratch

STEPS = (0.1, 0.25, 0.5)

Label = Literal["improvable", "ceiling"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What retraining showed.

    Attributes:
        label: ``None`` where neither holds: such a case is told and not scored.
        step: the η that was chosen on validation.
        change: of each class's mean loss on test at that step, in nats, ``(K,)``.
        better: how many classes have significantly less.
        worse: how many have significantly more.
        accuracy: change of the mean accuracy over classes, as a share.
    """

    label: Label | None
    step: float
    change: Floats
    better: int
    worse: int
    accuracy: float


def measured_truth(study: Study, data: StudyData, weights: Floats, pairs: int) -> Truth:
    """Trains with every step and without weights, with the seeds from 1, and judges; the judged model is of seed 0.

    Args:
        study: how is trained.
        data: with a test split.
        weights: the certificate's, ``(N,)``.
        pairs: how many seeds.
    """
    assert data.test is not None
    rows = [np.ones(len(weights)), *(1 + step * (weights - 1) for step in STEPS)]
    seeds = tuple(range(1, pairs + 1))
    models = trained_from_scratch(study, data, np.repeat(np.stack(rows), pairs, axis=0), seeds * len(rows))
    validation = outcomes_of(models, data.validation, data).losses
    test = outcomes_of(models, data.test, data)
    classes, labels = data.num_classes, data.test.labels.numpy()
    before, *after = np.split(validation, len(rows))
    step = chosen_step(before, after, data.validation.labels.numpy(), classes)
    control, *stepped = np.split(test.losses, len(rows))
    intervals = [paired_interval(one, control, labels, classes) for one in stepped]
    right = [float(class_means(one, labels, classes).mean()) for one in np.split(test.correct, len(rows))]
    chosen = intervals[step]
    return Truth(
        label=label_of(intervals, step),
        step=STEPS[step],
        change=chosen.mean(axis=1),
        better=int((chosen[:, 1] < 0).sum()),
        worse=int((chosen[:, 0] > 0).sum()),
        accuracy=right[1 + step] - right[0],
    )


def paired_interval(weighted: NDArray, control: NDArray, labels: NDArray[np.int64], classes: int) -> Floats:
    """Returns the 95% t interval of the change of each class's mean, over seeds, ``(K, 2)``.

    The samples are taken as they are: it is the change on this test split that is sure or not.

    Args:
        weighted: losses ``(S, V)``.
        control: those of the same seeds without weights.
        labels: ``(V,)``.
        classes: K.
    """
    difference = weighted.astype(np.float64) - control
    changes = np.stack([difference[:, labels == k].mean(axis=1) for k in range(classes)])
    error = changes.std(axis=1, ddof=1) / np.sqrt(len(control))
    half = student.ppf(0.975, len(control) - 1) * error
    mean = changes.mean(axis=1)
    return np.stack([mean - half, mean + half], axis=1)


def chosen_step(control: NDArray, stepped: Sequence[NDArray], labels: NDArray[np.int64], classes: int) -> int:
    """Returns which step helps the class most that it helps least, in per cent of its loss.

    Args:
        control: losses ``(S, V)`` without weights.
        stepped: those of each step.
        labels: ``(V,)``.
        classes: K.
    """
    before = class_means(control, labels, classes)
    worst = [((class_means(one, labels, classes) - before) / before).max() for one in stepped]
    return int(np.argmin(worst))


def label_of(intervals: Sequence[Floats], step: int) -> Label | None:
    """Returns what the 95% intervals of the changes of the classes' mean losses say.

    *Improvable*: at the chosen step no class is significantly worse and most are significantly better.
    *Ceiling*: at every step some class is significantly worse.

    Args:
        intervals: of each step, ``(K, 2)`` each.
        step: the chosen one's position.
    """
    low, high = intervals[step].T
    if not (low > 0).any() and 2 * (high < 0).sum() > len(low):
        return "improvable"
    return "ceiling" if all((interval[:, 0] > 0).any() for interval in intervals) else None
