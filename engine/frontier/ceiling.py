"""Is the classifier at its ceiling? Reweight for all classes, judge on samples that had no part in it.

The largest gain that *every* class can have at once, and that each can have at no other's
expense, are linear programmes (:mod:`engine.frontier.certificate`, :mod:`engine.frontier.headroom`).
Their optima are positive for mere noise, so they are cross-fitted over the folds of the validation
split (:mod:`engine.frontier.cross_fit`), and intervals come from the single left-out samples
(:mod:`engine.frontier.intervals`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.frontier.certificate import Certificate, WeightRange
from engine.frontier.cross_fit import CrossFit, SampleGains, cross_fit
from engine.frontier.evidence import (
    FEW_SAMPLES,
    NEGLIGIBLE,
    ClassEvidence,
    ClassHeadroom,
    by_importance,
    class_evidence,
    enumerated,
    others_sentence,
)
from engine.frontier.folds import Floats, FoldedInfluence, pool_folds
from engine.frontier.intervals import class_means, pair_intervals
from engine.judged_by import DEFAULT, WORDS, Measurement, percent_of_scale
from engine.progress import Progress, silent

STEP = 0.1
"""How far weights go from 1 towards those of the programme in the gains that are told.

A gain of first order over the whole way often exceeds 100% of the scale: nobody could have it.
A tenth of the way is small enough for it to mean something; the sign, and so who is
improvable, does not depend on it."""
_NAMED = 6
"""How many judged classes the sentence names."""

Verdict = Literal["improvable", "at_ceiling", "inconclusive"]


@dataclass(frozen=True)
class Gain:
    """Gain of each class when all are improved together by a step of :data:`STEP`, per cent of its scale."""

    in_sample: Floats
    """Predicted on the samples that the weights were chosen on, ``(K,)``; always flattering."""
    held_out: Floats
    """Mean over the class's validation samples, each under weights that it had no part in, ``(K,)``."""
    interval: Floats
    """95% for all judged classes together, and for the others together, ``(K, 2)``; NaN for fewer than two samples."""


@dataclass(frozen=True)
class Minimum:
    """The weakest class: of the judged ones the one with the smallest held-out gain."""

    class_index: int
    value: float
    interval: tuple[float, float]
    """95% of the smallest gain, whichever class it is of; NaN if some judged class has fewer than two samples."""


@dataclass(frozen=True)
class Judgement:
    """The verdict and what it rests on; it is of this data and this model."""

    verdict: Verdict
    sentence: str
    gain: Gain
    certificate: Certificate
    """On all folds; its weights are the ones to train with for all classes."""
    minimum: Minimum
    few_samples: tuple[str, ...]
    """Judged classes with fewer than 10 validation samples."""


@dataclass(frozen=True)
class Ceiling(Judgement):
    """The verdict, and beside it what each class could gain by itself."""

    headroom: ClassHeadroom
    classes: tuple[int, ...]
    """The judged ones, in class order."""
    class_evidence: tuple[ClassEvidence, ...]
    """What is known of each of them, in their order."""
    evidence: tuple[str, ...]
    """The same in sentences, those first that explain the verdict; before them what the other classes pay, if any."""


def ceiling_verdict(  # noqa: PLR0913
    folded: FoldedInfluence,
    scale: NDArray[np.floating],
    class_names: tuple[str, ...],
    weight_range: WeightRange,
    sample_gains: SampleGains,
    measurement: Measurement = DEFAULT,
    seed: int = 0,
    progress: Progress = silent,
    classes: Sequence[int] | None = None,
) -> Ceiling:
    """Decides whether some reweighting improves every class on samples it was not chosen on.

    *Improvable* if the interval of the smallest gain lies above 0; *at the ceiling* if its upper
    end lies below 1%; else, or if a class has few samples, *inconclusive*. Its lower end is the
    lowest of the classes' own intervals: that every class gains is claimed only if each is seen to,
    which needs no correction (an intersection-union test, Berger 1982). Its upper end is the lowest
    of intervals that hold for all classes together, since that class is picked after they are seen.

    With ``classes``, the same of these alone: the weights are chosen for them without regard to the
    others, whose held-out gains are told beside, and count neither for the weakest nor for the few samples.

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
        classes: indices of those that are judged; by default all.

    Raises:
        RefusedInput: if the influence is not finite or no judged class is influenced at all.
    """
    count = len(class_names)
    chosen = list(range(count)) if classes is None else sorted({int(k) for k in classes})
    fit = cross_fit(folded, weight_range, sample_gains, _influenced(folded, chosen), progress=progress)
    found = _judged(fit, folded, scale, class_names, 1.0, measurement, seed, chosen)
    headroom = _headroom(fit, folded, percent_of_scale(STEP, scale), seed, chosen)
    few = [k for k in range(count) if folded.counts[:, k].sum() < FEW_SAMPLES]
    known = class_evidence(headroom, class_names, few, chosen, measurement)
    told = [one.sentence for one in by_importance(known, headroom, found.verdict == "at_ceiling")]
    if len(chosen) < count:
        told.insert(0, others_sentence(found.gain.held_out, found.gain.interval, class_names, chosen, few))
    return Ceiling(
        **vars(found), headroom=headroom, classes=tuple(chosen), class_evidence=tuple(known), evidence=tuple(told)
    )


def judge_together(
    folded: FoldedInfluence,
    scale: NDArray[np.floating],
    class_names: tuple[str, ...],
    weight_range: WeightRange,
    sample_gains: SampleGains,
    measurement: Measurement = DEFAULT,
    seed: int = 0,
    start: Floats | None = None,
) -> Judgement:
    """Decides the same without asking what each class could gain by itself: one programme a fold, not K + 1.

    Args:
        folded: influence by fold, and the folds' samples.
        scale: what gains are told in per cent of, ``(K,)``.
        class_names: names of the K classes.
        weight_range: what weights may be.
        sample_gains: what a reweighting does to every validation sample.
        measurement: what the classes are judged by, for the words of the sentence.
        seed: of the bootstrap.
        start: w0, shape ``(N,)``, the weights of the training that influence was computed after; by default 1.

    Raises:
        RefusedInput: if the influence is not finite or no class is influenced at all.
    """
    chosen = list(range(len(class_names)))
    fit = cross_fit(folded, weight_range, sample_gains, _influenced(folded, chosen), False, start)
    return _judged(fit, folded, scale, class_names, 1.0 if start is None else start, measurement, seed, chosen)


def _influenced(folded: FoldedInfluence, classes: Sequence[int]) -> list[int]:
    """Returns those of the classes that some training sample influences."""
    spread = np.ptp(pool_folds(folded.rows, folded.counts), axis=0)
    return [k for k in classes if spread[k] != 0]


def _judged(
    fit: CrossFit,
    folded: FoldedInfluence,
    scale: NDArray[np.floating],
    class_names: tuple[str, ...],
    start: Floats | float,
    measurement: Measurement,
    seed: int,
    chosen: Sequence[int],
) -> Judgement:
    percent = percent_of_scale(STEP, scale)
    pooled = pool_folds(folded.rows, folded.counts)
    means = class_means(fit.together, folded.labels, len(class_names), seed, chosen)
    mean, interval = means.mean * percent, means.interval * percent[:, None]
    in_sample = (fit.certificate.weights - start) @ pooled / len(pooled) * percent
    few = tuple(class_names[k] for k in chosen if folded.counts[:, k].sum() < FEW_SAMPLES)
    weakest = chosen[int(np.nanargmin(mean[list(chosen)]))]
    lowest = means.single[list(chosen), 0] * percent[list(chosen)]
    # min passes NaN on: of a class of fewer than two samples nothing is known.
    minimum = Minimum(weakest, float(mean[weakest]), (float(lowest.min()), float(interval[list(chosen), 1].min())))
    verdict = _verdict(minimum.interval, few)
    sentence = _sentence(verdict, minimum, class_names, few, measurement, chosen)
    return Judgement(verdict, sentence, Gain(in_sample, mean, interval), fit.certificate, minimum, few)


def _headroom(
    fit: CrossFit, folded: FoldedInfluence, percent: Floats, seed: int, chosen: Sequence[int]
) -> ClassHeadroom:
    assert fit.headroom is not None
    assert fit.alone is not None
    assert fit.effects is not None
    assert fit.errors is not None
    # Of the others nothing was asked, which is not the same as 0.
    asked = np.where(np.isin(np.arange(len(percent)), chosen), 1.0, np.nan)
    means = class_means(fit.alone, folded.labels, len(percent), seed + 1)
    # A price is a gain of k by a loss of m, so it is told in the scales of both.
    prices = fit.headroom.prices * percent[:, None] / percent
    return ClassHeadroom(
        in_sample=fit.headroom.gains * percent * asked,
        held_out=means.mean * percent,
        interval=means.single * percent[:, None],
        prices=prices * asked[:, None],
        effects=fit.effects * percent,
        effects_interval=pair_intervals(fit.effects, fit.errors, folded.counts.sum(axis=0)) * percent[:, None],
    )


def _verdict(interval: tuple[float, float], few: tuple[str, ...]) -> Verdict:
    low, high = interval
    if few or np.isnan(interval).any():
        return "inconclusive"
    if low > 0:
        return "improvable"
    return "at_ceiling" if high < NEGLIGIBLE else "inconclusive"


def _sentence(
    verdict: Verdict,
    minimum: Minimum,
    class_names: tuple[str, ...],
    few: tuple[str, ...],
    measurement: Measurement,
    chosen: Sequence[int],
) -> str:
    low, high = minimum.interval
    left = len(class_names) - len(chosen)
    free = f", without regard to the other {left}" if left > 1 else ", without regard to the other one" if left else ""
    every = "both classes" if len(class_names) == 2 else f"all {len(class_names)} classes"
    who = every if not left else enumerated([class_names[k] for k in chosen], _NAMED)
    at_once = " at once" if len(chosen) > 1 else ""
    where = "on validation samples that the weights were not chosen on"
    moves = f"{'gains' if minimum.value >= 0 else 'loses'} {abs(minimum.value):.1f}% of its {WORDS[measurement].scale}"
    if len(chosen) == 1:
        gain = f"it {moves} (95% {low:+.1f} to {high:+.1f}) {where}"
    else:
        gain = (
            f"the weakest is {class_names[minimum.class_index]}, which {moves} {where};"
            f" the smallest gain of any class lies between {low:+.1f}% and {high:+.1f}% (95%)"
        )
    if few:
        return (
            f"Not enough evidence: {', '.join(few)} {'has' if len(few) == 1 else 'have'} fewer than {FEW_SAMPLES}"
            " validation samples, too few to judge."
        )
    if verdict == "improvable":
        return f"Room to improve: reweighting the training data should improve {who}{free}; {gain}."
    if verdict == "at_ceiling":
        helped = f"{who}{free}" if left else "every class"
        return f"At the ceiling: no reweighting of the training data was found that helps {helped}; {gain}."
    together = "every class can improve at once" if not left else f"{who} can improve{at_once}{free}"
    return f"Not enough evidence to say whether {together}: {gain}."
