"""Whose samples help and harm each class: counts to both sides of zero, and one of them by own class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from app.figures import wording
from app.figures.layout import NARROW, WIDE, class_axis, empty_figure, lay_out
from app.figures.ordering import MANY_CLASSES, SHOWN_OF_MANY, left_out_note
from app.figures.palette import JOINT_NEGATIVE, JOINT_POSITIVE, OTHER, REFERENCE_LINE, TARGET, Meaning, tint

EFFECTS: tuple[tuple[str, Meaning, str], ...] = (
    ("beneficial", JOINT_POSITIVE, "help"),
    ("detrimental", JOINT_NEGATIVE, "harm"),
)
"""The two effects in the order of the counts: their name, their look and their verb."""
_NAMED = 3
_OTHERS = 0.45
"""Opacity of bars of other classes' samples."""


@dataclass(frozen=True)
class Bar:
    """One bar of the composition.

    Attributes:
        affected: index of the class that the samples act on.
        effect: 0 beneficial, 1 detrimental.
        own: whether the samples are of that class; else of the others.
    """

    affected: int
    effect: int
    own: bool


def class_composition(class_names: Sequence[str], counts: ArrayLike, shown: Sequence[int], which: str) -> go.Figure:
    """Draws for each class how many samples help it, to the right, and harm it, to the left.

    Args:
        class_names: K names.
        counts: by effect (beneficial, detrimental), affected class and own class, ``(2, K, K)``.
        shown: the classes that are drawn, from top to bottom.
        which: the samples that are counted, in words: ``"all samples"``.

    Returns:
        A figure of four traces, each a bar a class with ``customdata = [[class, effect, own]]``: 0 beneficial,
        1 detrimental; 1 of the class itself, 0 of others.
    """
    counts = np.asarray(counts)
    if not counts.any():
        return empty_figure("No sample acts on any class.")
    order = list(shown)
    figure = go.Figure()
    for effect, (name, look, _) in enumerate(EFFECTS):
        for own in (True, False):
            numbers = [_number(counts, Bar(k, effect, own)) for k in order]
            figure.add_bar(
                x=[-number if effect else number for number in numbers],
                y=list(range(len(order))),
                orientation="h",
                width=0.68,
                name=f"{name}, {'of the class itself' if own else 'of other classes'}",
                marker={
                    "color": look.colour if own else tint(look.colour, _OTHERS),
                    # Not by tone alone: what is of other classes is hatched as well.
                    "pattern": {
                        "fillmode": "overlay",
                        "shape": "" if own else "/",
                        "fgcolor": look.colour,
                        "size": 7,
                        "solidity": 0.2,
                    },
                },
                # The bar that was clicked must not dim the others: what is picked is told below.
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 1}},
                customdata=[[k, effect, int(own)] for k in order],
                hovertext=[_hover(class_names, counts, Bar(k, effect, own)) for k in order],
                hovertemplate="%{hovertext}<extra></extra>",
            )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5})
    height = class_axis(figure, class_names, order)
    ticks = _ticks(int(counts.sum(axis=2)[:, order].max()))
    figure.update_xaxes(
        title="number of samples<br>← that harm the class | that help it →",
        tickvals=[*(-tick for tick in ticks[:0:-1]), *ticks],
        ticktext=[f"{tick:,}" for tick in (*ticks[:0:-1], *ticks)],
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(barmode="relative")
    title = _title(class_names, counts)
    note = f"Counted: {which}. {left_out_note(len(order), len(class_names))}".strip()
    alt = f"Bars of beneficial and detrimental samples per class, split by own class and others. {title}. {note}"
    return lay_out(figure, title=title, subtitle=note, alt=alt, height=height, legend=True, room=WIDE)


def composition_of_bar(class_names: Sequence[str], counts: ArrayLike, affected: int, effect: int) -> go.Figure:
    """Draws of which own classes the samples are that help, or harm, one class.

    Args:
        class_names: K names.
        counts: samples by own class, ``(K,)``.
        affected: the class that they act on; it is marked.
        effect: 0 beneficial, 1 detrimental.

    Returns:
        A figure whose bars carry ``customdata = [[own class]]``, the most samples first. Of more than 30 classes
        the first 20 are drawn, and the affected one.
    """
    counts = np.asarray(counts)
    name, _, verb = EFFECTS[effect]
    whom = wording.label(class_names[affected])
    total = int(counts.sum())
    if not total:
        return empty_figure(f"No sample {verb}s {whom}.")
    ranked = np.argsort(-counts, kind="stable").tolist()
    order = ranked if len(ranked) <= MANY_CLASSES else [k for k in ranked if k in {*ranked[:SHOWN_OF_MANY], affected}]
    figure = go.Figure(
        go.Bar(
            x=counts[order].tolist(),
            y=list(range(len(order))),
            orientation="h",
            width=0.68,
            marker={"color": [(TARGET if k == affected else OTHER).colour for k in order]},
            text=[f"{counts[k]:,}" for k in order],
            textposition="outside",
            cliponaxis=False,
            customdata=[[k] for k in order],
            hovertext=[
                f"<b>{wording.escaped(class_names[k])}</b>{', the class itself' if k == affected else ''}<br>"
                f"{wording.counted(int(counts[k]), 'sample', 'samples')}, {wording.per_cent(counts[k] / total)} of them"
                for k in order
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    height = class_axis(figure, class_names, order, [affected])
    figure.update_xaxes(
        title=f"number of {name} samples", range=[0, 1.18 * counts.max()], zeroline=False, fixedrange=True
    )
    told = wording.per_cent(counts[affected] / total, 0)
    title = f"Of {wording.counted(total, 'sample', 'samples')} that {verb} {whom}, {told} are labelled {whom}"
    note = left_out_note(len(order), len(counts), "most samples")
    alt = f"Bars of samples by own class. {title}. {note}".strip()
    return lay_out(figure, title=title, subtitle=note, alt=alt, height=height, room=NARROW)


def _number(counts: NDArray[np.integer], bar: Bar) -> int:
    row = counts[bar.effect, bar.affected]
    own = int(row[bar.affected])
    return own if bar.own else int(row.sum()) - own


def _hover(class_names: Sequence[str], counts: NDArray[np.integer], bar: Bar) -> str:
    verb = EFFECTS[bar.effect][2]
    row, number = counts[bar.effect, bar.affected], _number(counts, bar)
    whom = wording.escaped(class_names[bar.affected])
    of = "labelled so themselves" if bar.own else "of other classes"
    first = [k for k in np.argsort(-row, kind="stable")[:_NAMED].tolist() if row[k]]
    most = ", ".join(f"{wording.escaped(class_names[k])} {int(row[k]):,}" for k in first)
    lines = [
        f"<b>{whom}</b>: {wording.counted(number, 'sample', 'samples')} that {verb} it, {of}",
        f"of {int(row.sum()):,} that {verb} it, most are {most}" if first else f"none {verb}s it",
    ]
    return "<br>".join(lines)


def _title(class_names: Sequence[str], counts: NDArray[np.integer]) -> str:
    sums = counts.sum(axis=2)
    share = np.divide(sums[1], sums.sum(axis=0), out=np.zeros(len(class_names)), where=sums.sum(axis=0) > 0)
    k = int(np.argmax(share))
    return (
        f"{wording.label(class_names[k])} is harmed by the largest part:"
        f" {wording.per_cent(share[k], 0)} of the samples that act on it"
    )


def _ticks(largest: int) -> list[int]:
    """Returns round numbers from 0 to the largest count, a few."""
    step = 10 ** int(np.floor(np.log10(max(largest, 1))))
    for part in (step, step / 2, step / 5):
        if largest / part >= 2 and part >= 1:
            step = int(part)
            break
    return list(range(0, largest + 1, max(1, step)))
