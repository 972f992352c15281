r"""Climbing to the ceiling: influence, verdict, other weights, training from scratch, and again.

The paper's Figure 5 removes the samples that harm both classes, trains again and repeats. Here that
is one of two ways: ``remove`` takes away the samples that harm *every* class; ``reweight`` goes half
of the way to the certificate's weights, :math:`w \leftarrow w + \frac{1}{2} (w_{certificate} - w)`,
which also works where no sample harms them all, as is the rule for more than two classes.

**Who judges.** The verdict of round 0 is honest: its left-out samples had no part in any weights. Those
of later rounds are computed on samples that chose the weights before them, and flatter. So the validation
split is divided once: two thirds *choose* (influence, certificate, verdict), one third *judges*: it ends
the climb and picks the best round, and no weights ever see it. Test samples are only reported.

Influence after weighted training is at the weighted optimum, under the curvature of the unweighted loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.classes import did_you_mean, listed
from engine.errors import RefusedInput
from engine.frontier.certificate import WeightRange, certificate
from engine.frontier.folds import Floats

How = Literal["reweight", "remove"]
HOWS: tuple[How, ...] = ("reweight", "remove")
ROUNDS = 8
"""Most rounds unless a user says otherwise; round 0 is plain training."""
MOST_ROUNDS = 100
SEEDS = 3
"""Trainings of each round, with the study's own seed and those after it."""
PATIENCE = 2
"""Rounds without a better one after which the climb ends."""
FEWEST = 6
"""Validation samples that a class needs: four, one a fold, to choose by, and two to judge by."""
_JUDGES = 1 / 3
_STEP = 0.5
_DIGITS = 9
"""Means that agree to so many digits are equal: what is left is rounding."""


@dataclass(frozen=True)
class Weighted:
    """What a round trains on.

    Attributes:
        kept: indices of the training samples, ascending, ``(n,)``.
        weights: of those, ``(n,)`` float32: as they are stored, so that a run that goes on equals one in one piece.
    """

    kept: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def plain(cls, samples: int) -> "Weighted":
        """Returns what round 0 trains on: every sample, with weight 1."""
        return cls(np.arange(samples), np.ones(samples, np.float32))

    def of_all(self, samples: int) -> Floats:
        """Returns the weights of all N samples, ``(N,)``: 0 for those that are removed."""
        every = np.zeros(samples)
        every[self.kept] = self.weights
        return every


def checked_how(how: str, rounds: int) -> How:
    """Returns the way to climb.

    Raises:
        RefusedInput: if there is no such way, or the rounds are not from 1 to 100.
    """
    if how not in HOWS:
        remedy = did_you_mean(how, HOWS) or "Choose one of them"
        raise RefusedInput(f"--how is '{how}'", " or ".join(HOWS), remedy)
    if not 1 <= rounds <= MOST_ROUNDS:
        raise RefusedInput(f"--rounds is {rounds}", f"a number from 1 to {MOST_ROUNDS}", "Ask for fewer or more rounds")
    return HOWS[HOWS.index(how)]


def divided(
    labels: NDArray[np.int64], class_names: Sequence[str], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divides the validation split: two thirds of each class choose, one third judges.

    Args:
        labels: class of each validation sample, ``(V,)``.
        class_names: K names.
        seed: of the draw.

    Returns:
        The positions of those that choose and of those that judge, both ascending; together all V.

    Raises:
        RefusedInput: if a class has fewer than 6 validation samples.
    """
    # Imported here, since the package brings torch along, and pages import this module for its names.
    from engine.data.splits import fraction_of_each_class

    counts = np.bincount(labels, minlength=len(class_names))
    few = [f"{name} ({count})" for name, count in zip(class_names, counts, strict=True) if count < FEWEST]
    if few:
        raise RefusedInput(
            f"a climb needs {FEWEST} validation samples of each class, to choose weights by some and judge by others;"
            f" too few are of {listed(few)}",
            f"at least {FEWEST} of each class",
            "Add validation samples, or set a larger [data] validation fraction or limit",
        )
    # Not the seeds that [data] draws its splits and limits by, which are up to 3.
    return fraction_of_each_class(labels, _JUDGES, (seed, 4))


def next_weighted(how: How, now: Weighted, influence: NDArray[np.float32], weight_range: WeightRange) -> Weighted:
    """Returns what the next round trains on.

    Args:
        how: whether samples are removed or weights moved.
        now: what this round trained on.
        influence: of its samples on every class, ``(n, K)``, by the validation samples that choose.
        weight_range: what weights may be.

    Raises:
        RefusedInput: if the influence is not finite or no class is influenced at all.
    """
    if how == "remove":
        stays = ~(influence < 0).all(axis=1)
        return Weighted(now.kept[stays], now.weights[stays])
    start = now.weights.astype(np.float64)
    influenced = np.flatnonzero(np.ptp(influence, axis=0)).tolist()
    found = certificate(influence, weight_range, influenced, start).weights
    moved = np.clip(start + _STEP * (found - start), weight_range.lowest, weight_range.highest)
    return Weighted(now.kept, moved.astype(np.float32))


def best_round(rounds: Sequence[Mapping[str, Any]]) -> int:
    """Returns the round of the highest mean accuracy over classes, then the lowest mean loss, then the earliest.

    Args:
        rounds: each with ``accuracy`` and ``loss``, of which ``validation`` (the judging third) counts, ``(K,)``.
    """

    def rank(number: int) -> tuple[float, float, int]:
        accuracy, loss = (float(np.mean(rounds[number][name]["validation"])) for name in ("accuracy", "loss"))
        return round(accuracy, _DIGITS), -round(loss, _DIGITS), -number

    return max(range(len(rounds)), key=rank)


def why_it_ends(
    how: How,
    rounds: Sequence[Mapping[str, Any]],
    most: int,
    left: NDArray[np.integer],
    class_names: Sequence[str],
) -> str | None:
    """Says in a sentence why the climb ends after its last round, or returns ``None`` where it goes on.

    Args:
        how: whether samples are removed or weights moved.
        rounds: what the rounds so far came to, with ``samples``, ``verdict``, ``accuracy`` and ``loss``.
        most: rounds that were asked for.
        left: training samples of each class that the next round would have, ``(K,)``.
        class_names: K names.
    """
    last, number = rounds[-1], len(rounds) - 1
    if how == "remove":
        if left.sum() == last["samples"]:
            return _nothing_to_remove(number, len(class_names))
        bare = [name for name, count in zip(class_names, left, strict=True) if not count]
        if bare:
            return f"Removing what harms every class would leave no training sample of {listed(bare)}."
    if last["verdict"] == "at_ceiling":
        return f"The verdict after round {number} is 'at the ceiling': no weights were found that help every class."
    if number - best_round(rounds) >= PATIENCE:
        return (
            f"No round after round {best_round(rounds)} was better on the validation samples that judge: neither"
            f" accuracy nor, where that stays, loss improved for {PATIENCE} rounds."
        )
    if len(rounds) == most:
        return (
            f"The {most} rounds that were asked for are used; more may lead further."
            if most > 1
            else ("The one round that was asked for is used: it is plain training.")
        )
    return None


def _nothing_to_remove(number: int, classes: int) -> str:
    if number:
        return f"After round {number} no training sample harms every class any more."
    if classes == 2:
        return "No training sample harms both classes, so there is nothing to remove."
    return (
        f"No training sample harms all {classes} classes at once, as is the rule for more than two, so there is"
        " nothing to remove; --how reweight moves weights instead."
    )
