r"""Climbing to the ceiling: influence, verdict, other weights, training from scratch, and again.

The paper's Figure 5 removes the samples that harm both classes, trains again and repeats. Here that
is one of two ways: ``remove`` takes away the samples that harm *every* class; ``reweight`` goes half
of the way to the certificate's weights, :math:`w \leftarrow w + \frac{1}{2} (w_{certificate} - w)`,
which also works where no sample harms them all, as is the rule for more than two classes.

**Who judges.** The verdict of round 0 is honest: its left-out samples had no part in any weights. Those
of later rounds are computed on samples that chose the weights before them, and flatter. So the validation
split is divided once: two thirds *choose* (influence, certificate, verdict), one third *judges*: it ends
the climb and picks the best round, and no weights ever see it. Test samples are only reported.

**What is better.** The third that judges is often a hundred samples or two: its mean accuracy moves in steps of a
sample, so one of them would decide. Its mean loss, sample by sample against the best round so far, tells an
improvement from chance: it must fall beyond its error, and accuracy must not fall beyond its own.

Influence after weighted training is at the weighted optimum, under the curvature of the unweighted loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.classes import listed
from engine.errors import RefusedInput
from engine.experiments.climb_options import How
from engine.experiments.paired import mean_change
from engine.frontier.ceiling import Judgement
from engine.frontier.certificate import WeightRange, certificate
from engine.frontier.evidence import FEW_SAMPLES
from engine.frontier.folds import Floats
from engine.reweight.all_classes import Outcomes

PATIENCE = 2
"""Rounds without a better one after which the climb ends."""
FEWEST = 6
"""Validation samples that a class needs: four, one a fold, to choose by, and two to judge by."""
_JUDGES = 1 / 3
_STEP = 0.5


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


def is_better(after: Outcomes, before: Outcomes, labels: NDArray[np.int64]) -> bool:
    """Whether a round has a lower mean loss beyond chance, and no lower mean accuracy beyond chance.

    Both are means over classes, and chance is the paired error over samples, 95% to one side
    (:func:`engine.experiments.paired.mean_change`).

    Args:
        after: what the round's models make of the samples that judge, ``(S, V)``.
        before: what those of the best round so far make of them.
        labels: class of each of those samples, ``(V,)``; two or more of each class.
    """
    loss = mean_change(after.losses, before.losses, labels)
    return loss.is_lower and not mean_change(after.correct, before.correct, labels).is_lower


def best_round(judged: Sequence[Outcomes], labels: NDArray[np.int64]) -> int:
    """Returns the last round that was better than the best before it; 0 where none was.

    Args:
        judged: what each round's models make of the samples that judge, ``(S, V)``.
        labels: class of each of those samples, ``(V,)``.
    """
    best = 0
    for number in range(1, len(judged)):
        if is_better(judged[number], judged[best], labels):
            best = number
    return best


def few_that_choose(labels: NDArray[np.int64], class_names: Sequence[str]) -> str | None:
    """Says which classes have too few samples that choose for a verdict, or ``None`` where none has.

    Args:
        labels: class of each validation sample that chooses.
        class_names: K names.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    few = [f"{name} ({count})" for name, count in zip(class_names, counts, strict=True) if count < FEW_SAMPLES]
    if not few:
        return None
    return (
        f"Fewer than {FEW_SAMPLES} of the validation samples that choose are of {listed(few)}: no round's verdict can"
        " be 'at the ceiling', so the climb ends otherwise."
    )


def round_sentence(judged: Judgement) -> str:
    """Returns the verdict of a round in words; few are the samples that choose, not those of the whole split."""
    few = judged.few_samples
    if not few:
        return judged.sentence
    has = "has" if len(few) == 1 else "have"
    return (
        f"Not enough evidence: {', '.join(few)} {has} fewer than {FEW_SAMPLES} validation samples that choose, too few"
        " to judge."
    )


def why_it_ends(
    how: How,
    rounds: Sequence[Mapping[str, Any]],
    best: int,
    most: int,
    left: NDArray[np.integer],
    class_names: Sequence[str],
) -> str | None:
    """Says in a sentence why the climb ends after its last round, or returns ``None`` where it goes on.

    Args:
        how: whether samples are removed or weights moved.
        rounds: what the rounds so far came to, with ``samples`` and ``verdict``.
        best: which of them is the best.
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
        # Later weights may have used the bounds up, so that says nothing of all weights.
        found = (
            "no further change of the weights within the bounds was found that helps every class"
            if number
            else "no weights were found that help every class"
        )
        return f"The verdict after round {number} is 'at the ceiling': {found}."
    if number - best >= PATIENCE:
        return (
            f"No round after round {best} was better on the validation samples that judge: in none of {PATIENCE} rounds"
            " did the loss fall beyond chance without accuracy falling."
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
