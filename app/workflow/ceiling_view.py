"""What the Ceiling page shows of a finished run: numbers with a word on how far to trust them."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cache.manifests import measurement_of
from engine.judged_by import WORDS

Grade = Literal["good", "fair", "poor"]


@dataclass(frozen=True)
class TrustMark:
    """One reason to trust a result, or not.

    Attributes:
        name: of what was looked at.
        grade: good, fair or poor.
        reason: the number and what it means.
    """

    name: str
    grade: Grade
    reason: str


def trust_marks(influence: dict[str, Any], ceiling: dict[str, Any]) -> list[TrustMark]:
    """Grades a verdict by what is known of its run.

    Args:
        influence: manifest of the influence run.
        ceiling: manifest of the ceiling run.
    """
    share = influence["tracked_parameters"]
    refused = influence["refused_modules"]
    tracked = TrustMark(
        "Parameters seen",
        "good" if share >= 0.95 else "fair" if share >= 0.5 else "poor",
        f"Influence passes through {share:.0%} of the model's parameters"
        + (f"; left out: {_left_out(refused)}." if refused else "."),
    )
    drift = max(influence["stationarity"])
    converged = TrustMark(
        "Convergence",
        "good" if drift <= 0.1 else "fair" if drift <= 0.3 else "poor",
        f"For the class furthest from its optimum, the mean influence is {drift:.2f} standard deviations from zero;"
        " 0 means that training has settled.",
    )
    judged = [k for k, name in enumerate(ceiling["class_names"]) if name in ceiling["classes"]]
    smallest = min(sum(fold[k] for fold in influence["fold_counts"]) for k in judged)
    evidence = TrustMark(
        "Validation samples",
        "good" if smallest >= 40 else "fair" if smallest >= 10 else "poor",
        f"The smallest {'judged ' if len(judged) < influence['classes'] else ''}class has {smallest} validation samples"
        + (f"; too few: {', '.join(ceiling['few_samples'])}." if ceiling["few_samples"] else "."),
    )
    scale = WORDS[measurement_of(influence)].scale
    marks = [tracked, converged, evidence, _agreement(scale, *ceiling["minimum"]["interval"])]
    return [*marks, *_stability(influence.get("stability"))]


def _left_out(refused: dict[str, str]) -> str:
    """Names one module, or says for many of one kind how many there are."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in refused.items():
        by_reason.setdefault(reason, []).append(name or "the model's own")
    return "; ".join(
        f"{names[0]} ({reason})" if len(names) == 1 else f"{len(names)} modules ({reason})"
        for reason, names in by_reason.items()
    )


def _stability(stability: dict[str, Any] | None) -> list[TrustMark]:
    """Grades how much the ranking depends on a number that nobody knows; runs without curvature have none."""
    if not stability:
        return []
    weakest = min(*stability["tenth"], *stability["tenfold"])
    return [
        TrustMark(
            "Stability",
            "good" if weakest >= 0.9 else "fair" if weakest >= 0.7 else "poor",
            "How alike samples are ranked if the training were ten times and a tenth as long (or so damped): Spearman"
            f" {weakest:.2f} for the class that changes most; 1 means that it does not matter.",
        )
    ]


def _agreement(scale: str, low: float | None, high: float | None) -> TrustMark:
    name = "Width of the evidence"
    if low is None or high is None:
        return TrustMark(name, "poor", "The weakest class has a single validation sample, so nothing can be compared.")
    return TrustMark(
        name,
        "good" if high - low <= 5 else "fair" if high - low <= 20 else "poor",
        f"The smallest gain of any class is known to within {high - low:.1f} per cent of its {scale} (95%).",
    )


@dataclass(frozen=True)
class HeadroomRow:
    """What one class could gain by itself while no other loses.

    Attributes:
        name: of the class.
        held_out: gain on left-out samples, per cent of the class's scale; ``None`` if unknown.
        low: lower end of its 95% interval.
        high: upper end.
        costs: in words, the classes that stand most in its way.
        evidence: what is known of it, in a sentence.
    """

    name: str
    held_out: float | None
    low: float | None
    high: float | None
    costs: str
    evidence: str


def headroom_rows(ceiling: dict[str, Any]) -> list[HeadroomRow]:
    """Returns the headroom of every judged class, the largest first.

    Args:
        ceiling: manifest of the ceiling run.
    """
    rows = [
        HeadroomRow(
            name=entry["class"],
            held_out=entry["held_out"],
            low=entry["interval"][0],
            high=entry["interval"][1],
            costs=" and ".join(entry["costs"]) or "no class",
            evidence=entry["evidence"],
        )
        for entry in ceiling["headroom"]
        if entry["class"] in ceiling["classes"]
    ]
    return sorted(rows, key=lambda row: -np.inf if row.held_out is None else row.held_out, reverse=True)
