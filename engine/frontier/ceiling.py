"""Is the classifier at its ceiling? Reweight for all classes, judge on samples that had no part in it.

The largest gain that *every* class can have at once, and that each can have at no other's
expense, are linear programmes (:mod:`engine.frontier.certificate`, :mod:`engine.frontier.headroom`).
Their optima are positive for mere noise, so they are cross-fitted over the folds of the validation
split (:mod:`engine.frontier.cross_fit`), and intervals come from the single left-out samples
(:mod:`engine.frontier.intervals`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.frontier.certificate import Certificate, WeightRange
from engine.frontier.cross_fit import CrossFit, SampleGains, cross_fit
from engine.frontier.folds import Floats, FoldedInfluence, pool_folds
from engine.frontier.intervals import class_means
from engine.judged_by import DEFAULT, WORDS, Measurement, percent_of_scale
from engine.progress import Progress, silent

FEW_SAMPLES = 10
"""A class with fewer validation samples than this makes the verdict inconclusive."""
NEGLIGIBLE = 1.0
"""Per cent of a class's scale below which a gain is none."""
STEP = 0.1
"""How far weights go from 1 towards those of the programme in the gains that are told.

A gain of first order over the whole way often exceeds 100% of the scale: nobody could have it.
A tenth of the way is small enough for it to mean something; the sign, and so who is
improvable, does not depend on it."""
_PAYERS = 2
"""How many classes a sentence names as those that pay."""

Verdict = Literal["improvable", "at_ceiling", "inconclusive"]


@dataclass(frozen=True)
class Gain:
    """Gain of each class when all are improved together by a step of :data:`STEP`, per cent of its scale."""

    in_sample: Floats
    """Predicted on the samples that the weights were chosen on, ``(K,)``; always flattering."""
    held_out: Floats
    """Mean over the class's validation samples, each under weights that it had no part in, ``(K,)``."""
    interval: Floats
    """95% for all classes together, ``(K, 2)``; NaN for a class of fewer than two samples."""


@dataclass(frozen=True)
class ClassHeadroom:
    """What each class could gain by itself while no other loses, by a step of :data:`STEP`, per cent of its scale."""

    in_sample: Floats
    """``(K,)``; flattering."""
    held_out: Floats
    """``(K,)``."""
    interval: Floats
    """95% of each class by itself, ``(K, 2)``."""
    prices: Floats
    """``(K, K)``: per cent that class k would gain more for each per cent that class m may lose; diagonal 0."""
    effects: Floats
    """``(K, K)``: held-out gain of class m where class k is raised; negative: what it costs class m."""


@dataclass(frozen=True)
class Minimum:
    """The weakest class: the one with the smallest held-out gain."""

    class_index: int
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Ceiling:
    """The verdict and what it rests on; it is of this data and this model."""

    verdict: Verdict
    sentence: str
    gain: Gain
    headroom: ClassHeadroom
    certificate: Certificate
    """On all folds; its weights are the ones to train with for all classes."""
    minimum: Minimum
    few_samples: tuple[str, ...]
    """Classes with fewer than 10 validation samples."""


def ceiling_verdict(
    folded: FoldedInfluence,
    scale: NDArray[np.floating],
    class_names: tuple[str, ...],
    weight_range: WeightRange,
    sample_gains: SampleGains,
    measurement: Measurement = DEFAULT,
    seed: int = 0,
    progress: Progress = silent,
) -> Ceiling:
    """Decides whether some reweighting improves every class on samples it was not chosen on.

    *Improvable* if the interval of every class lies above 0; *at the ceiling* if the upper end of
    the weakest class lies below 1%; else, or if a class has few samples, *inconclusive*. The
    intervals hold for all classes together, so the weakest may be picked after they are seen.

    Args:
        folded: influence by fold, and the folds' samples.
        scale: what gains are told in per cent of, the mean absolute value of each class's
            validation samples, ``(K,)``, not negative; of the loss it is the mean loss.
        class_names: names of the K classes.
        weight_range: what weights may be.
        sample_gains: what a reweighting does to every validation sample, see
            :func:`engine.influence.sample_gains`.
        measurement: what the classes are judged by, for the words of the sentence.
        seed: of the bootstrap.
        progress: called after every programme.

    Raises:
        RefusedInput: if the influence is not finite or no class is influenced at all.
    """
    classes = len(class_names)
    percent = percent_of_scale(STEP, scale)
    pooled = pool_folds(folded.rows, folded.counts)
    influenced = [k for k in range(classes) if np.ptp(pooled[:, k]) != 0]
    fit = cross_fit(folded, weight_range, sample_gains, influenced, progress=progress)
    means = class_means(fit.together, folded.labels, classes, seed)
    mean, interval = means.mean * percent, means.interval * percent[:, None]
    in_sample = (fit.certificate.weights - 1) @ pooled / len(pooled) * percent
    few = tuple(class_names[k] for k in range(classes) if folded.counts[:, k].sum() < FEW_SAMPLES)
    weakest = int(np.nanargmin(mean))
    minimum = Minimum(weakest, float(mean[weakest]), (float(interval[weakest, 0]), float(interval[weakest, 1])))
    headroom = _headroom(fit, folded, percent, seed)
    verdict = _verdict(interval, few)
    sentence = _sentence(verdict, minimum, class_names, few, measurement)
    return Ceiling(verdict, sentence, Gain(in_sample, mean, interval), headroom, fit.certificate, minimum, few)


def costly_classes(headroom_prices: Floats, k: int) -> list[int]:
    """Returns the classes that stand most in the way of class k, the dearest first, at most two.

    Args:
        headroom_prices: ``(K, K)``.
        k: the class that is raised.
    """
    order = np.argsort(-np.asarray(headroom_prices)[k], kind="stable")[:_PAYERS]
    return [int(m) for m in order if headroom_prices[k][m] > 0]


def _headroom(fit: CrossFit, folded: FoldedInfluence, percent: Floats, seed: int) -> ClassHeadroom:
    assert fit.headroom is not None
    assert fit.alone is not None
    assert fit.effects is not None
    means = class_means(fit.alone, folded.labels, len(percent), seed + 1)
    # A price is a gain of k by a loss of m, so it is told in the scales of both.
    prices = fit.headroom.prices * percent[:, None] / percent
    return ClassHeadroom(
        in_sample=fit.headroom.gains * percent,
        held_out=means.mean * percent,
        interval=means.single * percent[:, None],
        prices=prices,
        effects=fit.effects * percent,
    )


def _verdict(interval: Floats, few: tuple[str, ...]) -> Verdict:
    if few or np.isnan(interval).any():
        return "inconclusive"
    if (interval[:, 0] > 0).all():
        return "improvable"
    return "at_ceiling" if interval[:, 1].min() < NEGLIGIBLE else "inconclusive"


def _sentence(
    verdict: Verdict,
    minimum: Minimum,
    class_names: tuple[str, ...],
    few: tuple[str, ...],
    measurement: Measurement,
) -> str:
    low, high = minimum.interval
    gain = (
        f"the weakest is {class_names[minimum.class_index]}, which {'gains' if minimum.value >= 0 else 'loses'}"
        f" {abs(minimum.value):.1f}% of its {WORDS[measurement].scale}"
        f" (95% {low:+.1f} to {high:+.1f}) on validation samples that the weights were not chosen on"
    )
    if few:
        return (
            f"Not enough evidence: {', '.join(few)} {'has' if len(few) == 1 else 'have'} fewer than {FEW_SAMPLES}"
            " validation samples, too few to judge."
        )
    if verdict == "improvable":
        return f"Room to improve: reweighting the training data should improve all {len(class_names)} classes; {gain}."
    if verdict == "at_ceiling":
        return f"At the ceiling: no reweighting of the training data was found that helps every class; {gain}."
    return f"Not enough evidence to say whether every class can improve at once: {gain}."
