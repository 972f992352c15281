"""Is the classifier at its ceiling? Reweight for all classes, judge on what was left out.

The largest gain that *every* class can have at once is a linear programme. Its optimum on
the samples it was solved on is positive for mere noise, so it is solved on all folds of the
validation split but one, and judged on that one, in turn.

The interval of a class is ``mean +- t_{F-1} se`` over the folds. It is approximate: the
folds' solutions share most of their samples, so their gains are not independent; and with
four folds it is wide, which makes 'inconclusive' frequent rather than a verdict wrong.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from engine.frontier.folds import Floats, leave_out, pool_folds
from engine.judged_by import DEFAULT, WORDS, Measurement, percent_of_scale
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme

FEW_SAMPLES = 10
"""A class with fewer validation samples than this makes the verdict inconclusive."""
NEGLIGIBLE = 1.0
"""Per cent of a class's scale below which a gain is none."""
STEP = 0.1
"""How far weights go from 1 towards those of the programme in the gains that are told.

A gain of first order over the whole way often exceeds 100% of the scale: nobody could have it.
A tenth of the way is small enough for it to mean something; the sign, and so who is
improvable, does not depend on it."""
_CONFIDENCE = 0.975

Verdict = Literal["improvable", "at_ceiling", "inconclusive"]


@dataclass(frozen=True)
class Gain:
    """Gain of each class when all are improved together by a step of :data:`STEP`, per cent of its scale."""

    in_sample: Floats
    """Predicted on the samples that the weights were chosen on, ``(K,)``; always flattering."""
    held_out: Floats
    """Mean over folds of the gain on the fold left out, ``(K,)``; NaN if never measurable."""
    interval: Floats
    """95%, ``(K, 2)``, approximate; NaN where fewer than two folds hold the class."""


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
    minimum: Minimum
    few_samples: tuple[str, ...]
    """Classes with fewer than 10 validation samples."""


def ceiling_verdict(
    rows: NDArray[np.floating],
    counts: NDArray[np.integer],
    scale: NDArray[np.floating],
    class_names: tuple[str, ...],
    bounds: tuple[float, float] = (0.5, 1.5),
    measurement: Measurement = DEFAULT,
) -> Ceiling:
    """Decides whether some reweighting improves every class on samples it was not chosen on.

    *Improvable* if the interval of every class lies above 0; *at the ceiling* if that of the
    weakest class lies below 1%; else, or if a class has few samples, *inconclusive*.

    Args:
        rows: influence for each fold and class, ``(N, F*K)``; higher = helps class k.
        counts: validation samples of each fold and class, ``(F, K)``.
        scale: what gains are told in per cent of, the mean absolute value of each class's
            validation samples, ``(K,)``, not negative; of the loss it is the mean loss.
        class_names: names of the K classes.
        bounds: smallest and largest weight.
        measurement: what the classes are judged by, for the words of the sentence.

    Raises:
        RefusedInput: if the influence is not finite or no class is influenced at all.
    """
    folds, classes = counts.shape
    percent = percent_of_scale(STEP, scale)
    pooled = pool_folds(rows, counts)
    in_sample = _gains(_weights(pooled, bounds), pooled) * percent
    held_out = np.full((folds, classes), np.nan)
    for fold in range(folds):
        kept, left = leave_out(rows, counts, fold)
        measurable = counts[fold] > 0
        held_out[fold, measurable] = (_gains(_weights(kept, bounds), left) * percent)[measurable]
    mean, interval = _mean_and_interval(held_out)
    few = tuple(class_names[k] for k in range(classes) if counts[:, k].sum() < FEW_SAMPLES)
    weakest = int(np.nanargmin(mean))
    minimum = Minimum(weakest, float(mean[weakest]), (float(interval[weakest, 0]), float(interval[weakest, 1])))
    verdict = _verdict(minimum, interval, few)
    sentence = _sentence(verdict, minimum, class_names, few, measurement)
    return Ceiling(verdict, sentence, Gain(in_sample, mean, interval), minimum, few)


def _weights(vectors: Floats, bounds: tuple[float, float]) -> Floats:
    """Weights that raise the smallest gain of all classes which the folds at hand measure."""
    measured = np.flatnonzero(np.ptp(vectors, axis=0) > 0) if len(vectors) else np.arange(0)
    settings = ProgrammeSettings(targets=tuple(range(len(measured))), bounds=bounds)
    return ReweightProgramme(vectors[:, measured], settings).solve(np.zeros(len(measured))).weights


def _gains(weights: Floats, vectors: Floats) -> Floats:
    return (weights - 1) @ vectors / len(vectors)


def _mean_and_interval(values: Floats) -> tuple[Floats, Floats]:
    present = np.isfinite(values)
    number = present.sum(axis=0)
    filled = np.where(present, values, 0.0)
    mean = np.divide(filled.sum(axis=0), number, out=np.full(values.shape[1], np.nan), where=number > 0)
    squares = np.where(present, (values - mean) ** 2, 0.0).sum(axis=0)
    error = np.full(values.shape[1], np.nan)
    enough = number > 1
    error[enough] = np.sqrt(squares[enough] / (number[enough] - 1) / number[enough])
    half = error * stdtrit(np.maximum(number - 1, 1), _CONFIDENCE)
    return mean, np.stack([mean - half, mean + half], axis=1)


def _verdict(minimum: Minimum, interval: Floats, few: tuple[str, ...]) -> Verdict:
    if few or np.isnan(interval).any():
        return "inconclusive"
    if (interval[:, 0] > 0).all():
        return "improvable"
    return "at_ceiling" if minimum.interval[1] < NEGLIGIBLE else "inconclusive"


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
