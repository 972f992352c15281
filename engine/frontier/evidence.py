"""What is known of each class, in one sentence a class: what it can still gain, and whom that costs.

A cost is claimed only where samples that the weights were not chosen on show it: the interval of
what happens to class m where class k is raised lies below 0, these intervals hold for all pairs at
once, and the loss is no smaller than a gain must be to count. Prices come from the samples that the
weights were chosen on; they say whom a class without headroom would have to take from, and are told as that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.frontier.folds import Floats
from engine.judged_by import DEFAULT, WORDS, Measurement

FEW_SAMPLES = 10
"""A class with fewer validation samples than this is not judged."""
NEGLIGIBLE = 1.0
"""Per cent of a class's scale below which a gain is none, and a loss no cost of another's gain."""
LOW_PRICE = 0.05
"""A price below this is none: class k would gain less than a twentieth of what class m loses."""
NAMED = 2
"""How many classes a sentence names as those that pay."""
_FREE = ", at no proven cost"
"""No other class is seen to lose :data:`NEGLIGIBLE` per cent."""

Kind = Literal["room", "costs", "none", "open", "few"]
_AT_CEILING: tuple[Kind, ...] = ("costs", "none", "room", "open", "few")
_ELSE: tuple[Kind, ...] = ("room", "costs", "none", "open", "few")


@dataclass(frozen=True)
class ClassHeadroom:
    """What each class could gain by itself while no other loses, by a small step, per cent of its scale.

    Where some classes alone are judged, each is raised while no other *of them* loses; the rows of
    the others are NaN.

    Attributes:
        in_sample: ``(K,)``; flattering.
        held_out: on left-out samples, ``(K,)``.
        interval: 95% of each class by itself, ``(K, 2)``; NaN for a class of fewer than two samples, and for one that
            no training sample influences.
        prices: ``(K, K)``: per cent that class k would gain more for each per cent that class m may lose; diagonal 0.
        effects: ``(K, K)``: held-out gain of class m where class k is raised; negative: what it costs class m.
        effects_interval: 95% for all these pairs together, ``(K, K, 2)``.
    """

    in_sample: Floats
    held_out: Floats
    interval: Floats
    prices: Floats
    effects: Floats
    effects_interval: Floats


@dataclass(frozen=True)
class ClassEvidence:
    """What is known of one class.

    Attributes:
        class_index: k.
        kind: ``room`` to gain at no proven cost, ``costs`` others, ``none``: no headroom, ``open``, or too
            ``few`` samples.
        payers: the classes that lose 1% or more on left-out samples where k is raised, beyond chance, the heaviest
            loss first.
        sentence: all that in words.
    """

    class_index: int
    kind: Kind
    payers: tuple[int, ...]
    sentence: str


def costly_classes(headroom_prices: Floats, k: int) -> list[int]:
    """Returns the classes that stand most in the way of class k, the dearest first, at most two.

    Args:
        headroom_prices: ``(K, K)``.
        k: the class that is raised.
    """
    order = np.argsort(-np.asarray(headroom_prices)[k], kind="stable")[:NAMED]
    return [int(m) for m in order if headroom_prices[k][m] >= LOW_PRICE]


def class_evidence(
    headroom: ClassHeadroom,
    class_names: Sequence[str],
    few: Sequence[int] = (),
    judged: Sequence[int] | None = None,
    measurement: Measurement = DEFAULT,
) -> list[ClassEvidence]:
    """Says of each judged class what is known of it, in class order.

    Args:
        headroom: what raising each class does.
        class_names: names of the K classes.
        few: classes with too few validation samples for a claim about them.
        judged: the classes that are told about; by default all.
        measurement: what the classes are judged by, for the words.
    """
    chosen = range(len(class_names)) if judged is None else judged
    # Of one class alone it is told beside, by intervals for its own pairs only, what the others pay.
    free = _FREE if len(chosen) > 1 else ""
    return [_of_class(headroom, k, class_names, few, measurement, free) for k in chosen]


def by_importance(evidence: Sequence[ClassEvidence], headroom: ClassHeadroom, at_ceiling: bool) -> list[ClassEvidence]:
    """Puts first what explains the verdict: what holds the classifier at its ceiling, else where there is room.

    Args:
        evidence: of the judged classes.
        headroom: what it was made of.
        at_ceiling: whether that is the verdict.
    """
    groups = _AT_CEILING if at_ceiling else _ELSE

    def weight(one: ClassEvidence) -> float:
        k = one.class_index
        if one.kind == "costs":
            return -float(headroom.effects[k, one.payers[0]])
        if one.kind == "none":
            return float(np.nanmax(headroom.prices[k]))
        return float(np.nan_to_num(headroom.held_out[k], nan=-np.inf))

    return sorted(evidence, key=lambda one: (groups.index(one.kind), -weight(one), one.class_index))


def others_sentence(
    held_out: Floats, interval: Floats, class_names: Sequence[str], judged: Sequence[int], few: Sequence[int] = ()
) -> str:
    """Says what improving some classes together does to those that were left free.

    Args:
        held_out: gain of each class on left-out samples, per cent of its scale, ``(K,)``.
        interval: 95%, for the other classes together, ``(K, 2)``.
        class_names: names of the K classes.
        judged: the classes that the weights were to improve; not all.
        few: classes with too few validation samples for a claim about them.
    """
    others = [k for k in range(len(class_names)) if k not in judged]
    known = [k for k in others if k not in few]
    losing = sorted((k for k in known if interval[k, 1] < 0), key=lambda k: held_out[k])
    gaining = sum(bool(interval[k, 0] > 0) for k in known)
    who = enumerated([class_names[k] for k in judged])
    costs = enumerated([f"{class_names[k]} ({held_out[k]:+.1f}%)" for k in losing]) if losing else "no other class"
    rest = len(known) - gaining - len(losing)
    gain, do = ("gains" if gaining == 1 else "gain"), ("does" if rest == 1 else "do")
    enough = " with enough samples" if len(known) < len(others) else ""
    told = f"; of the other {len(known)}{enough}, {gaining or 'none'} {gain} and {rest} {do} neither beyond chance"
    told = told if len(known) > 1 else ""
    return f"Improving only {who} costs {costs}{'' if losing else ' beyond chance'}{told}."


def enumerated(words: Sequence[str], most: int = NAMED + 1) -> str:
    """Returns words as one enumeration: ``cat, dog and bird``, or ``cat, dog and 5 more`` past ``most`` of them."""
    shown = list(words) if len(words) <= most else [*words[: most - 1], f"{len(words) - most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _of_class(
    headroom: ClassHeadroom, k: int, names: Sequence[str], few: Sequence[int], measurement: Measurement, free: str
) -> ClassEvidence:
    name, scale = names[k], WORDS[measurement].scale
    if k in few:
        words = f"{name} has too few validation samples to say what it could gain."
        return ClassEvidence(k, "few", (), words)
    if np.isnan(headroom.interval[k]).any():
        words = f"{name} has no headroom: no training sample has any influence on it."
        return ClassEvidence(k, "none", (), words)
    effects, highest = headroom.effects[k], headroom.effects_interval[k, :, 1]
    others = [m for m in range(len(names)) if m != k and m not in few]
    losing = [m for m in others if highest[m] < 0 and effects[m] <= -NEGLIGIBLE]
    payers = tuple(sorted(losing, key=lambda m: effects[m]))
    low, high = headroom.interval[k]
    gain = f"about {headroom.held_out[k]:.1f}% of its {scale}"
    if payers:
        costs = enumerated([f"{names[m]} ({effects[m]:+.1f}%)" for m in payers])
        itself = f"{name} itself gains {gain}" if low > 0 else f"{name} itself gains nothing beyond chance"
        return ClassEvidence(k, "costs", payers, f"Pushing {name} costs {costs}; {itself}.")
    if high < NEGLIGIBLE:
        way = [names[m] for m in costly_classes(headroom.prices, k)]
        more = f"; it could gain more only if {enumerated(way)} may lose" if way else ""
        words = f"{name} has no headroom: by itself it gains less than {NEGLIGIBLE:g}% of its {scale}{more}."
        return ClassEvidence(k, "none", (), words)
    if low > 0:
        words = f"{name} can still gain {gain} by itself{free}."
        return ClassEvidence(k, "room", (), words)
    words = f"Whether {name} can still gain by itself is open: {low:+.1f} to {high:+.1f}% of its {scale} (95%)."
    return ClassEvidence(k, "open", (), words)
