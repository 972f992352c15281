r"""All classes at once: how far to go towards the certificate's weights, chosen on samples they did not see.

The weights are ``w = 1 + η (w_certificate - 1)``. A certificate improves the samples that it was
computed on even where nothing can be gained, and the more so the larger η. So η is judged by
weights of every fold's own: the certificate of the other folds, trained with, and measured on the
fold left out. What is delivered has the certificate of all folds and the chosen η.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.frontier.certificate import WeightRange, certificate
from engine.frontier.folds import Floats, pool_folds, without_each_fold
from engine.judged_by import percent_of_scale

STEPS = (0.1, 0.25, 0.5, 1.0)
"""Values of η that are tried."""
CHOOSING_SEEDS = 3
"""Trainings of each fold's weights by which η is chosen: with four folds, 12 for each η."""
JUDGING_SEEDS = 8
"""Other seeds, with which the chosen weights are compared with the control."""


@dataclass(frozen=True)
class CertifiedWeights:
    """Weights at η = 1.

    Attributes:
        whole: of the certificate on all folds, ``(N,)``.
        without: of the certificate on all folds but one, by the fold left out, ``(F, N)``.
    """

    whole: Floats
    without: Floats

    @classmethod
    def from_folds(
        cls, rows: NDArray[np.floating], counts: NDArray[np.integer], weight_range: WeightRange
    ) -> "CertifiedWeights":
        """Solves the programmes.

        Args:
            rows: influence of the ceiling operator for each fold and class, ``(N, F*K)``.
            counts: validation samples of each fold and class, ``(F, K)``.
            weight_range: what weights may be.

        Raises:
            RefusedInput: if the influence is not finite or a class is not influenced at all.
        """
        whole = certificate(pool_folds(rows, counts), weight_range).weights
        folds = without_each_fold(rows, counts, range(counts.shape[1]))
        return cls(whole, np.stack([certificate(kept, weight_range, held).weights for kept, held in folds]))


def stepped(weights: Floats, step: float) -> Floats:
    """Returns ``1 + η (w - 1)``: weights a share of the way from plain training."""
    return 1 + step * (weights - 1)


@dataclass(frozen=True)
class StepChange:
    """What a step does to the validation samples that its weights were not computed on, against the control.

    Attributes:
        step: η.
        value: change of what each class is judged by, mean over seeds, ``(K,)``; below 0 is better.
        percent: the same in per cent of the class's scale under the control.
        accuracy: change of accuracy, mean over seeds, as shares, ``(K,)``.
    """

    step: float
    value: Floats
    percent: Floats
    accuracy: Floats

    @property
    def improved(self) -> int:
        """How many classes got better."""
        return int((self.value < 0).sum())


@dataclass(frozen=True)
class Outcomes:
    """What S trainings with different seeds make of the V samples of a split, ``(S, V)`` each."""

    values: NDArray[np.float32]
    """What each sample is judged by; lower is better."""
    losses: NDArray[np.float32]
    correct: NDArray[np.bool_]


def step_change(
    step: float, stepped: Outcomes, control: Outcomes, labels: NDArray[np.int64], classes: int
) -> StepChange:
    """Compares the trainings of a step with the control's of the same seeds.

    Args:
        step: η.
        stepped: each validation sample under weights that its fold had no part in.
        control: the same samples under weights of one.
        labels: class of each sample, ``(V,)``; every class has one.
        classes: K.
    """
    value, before = class_means(stepped.values, labels, classes), class_means(control.values, labels, classes)
    scale = class_means(np.abs(control.values), labels, classes)
    accuracy = class_means(stepped.correct, labels, classes) - class_means(control.correct, labels, classes)
    change = value - before
    return StepChange(step, change, percent_of_scale(change, scale), accuracy)


def class_means(samples: NDArray, labels: NDArray[np.int64], classes: int) -> Floats:
    """Returns the mean over seeds and over the samples of each class, from ``(S, V)`` to ``(K,)``; NaN without any."""
    each = samples.astype(np.float64).mean(axis=0)
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=each, minlength=classes)
    return np.divide(sums, counts, out=np.full(classes, np.nan), where=counts > 0)


def choose_step(changes: Sequence[StepChange]) -> int | None:
    """Returns the position of the best step, or ``None`` for plain training.

    A step is worth having if more than half of the classes get better and so does the mean
    over classes, in per cent of their scale. Of those, the one that improves most classes; of
    several, the one with the highest mean accuracy, because the mean loss goes on falling where
    large weights already cost accuracy; then the one with the lowest mean, then the smaller.
    """
    worth = [
        number
        for number, change in enumerate(changes)
        if 2 * change.improved > len(change.value) and change.percent.mean() < 0
    ]
    if not worth:
        return None

    def rank(number: int) -> tuple[float, ...]:
        change = changes[number]
        return change.improved, float(change.accuracy.mean()), -float(change.percent.mean()), -change.step

    return max(worth, key=rank)
