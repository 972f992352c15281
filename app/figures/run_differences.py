"""Two runs class by class: both accuracies on the left, what lies between them on the right."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from app.figures import wording
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import AFTER, BEFORE, GAIN, LOSS, REFERENCE_LINE, UNCLEAR


def run_differences(
    class_names: Sequence[str], first: ArrayLike, second: ArrayLike, counts: ArrayLike | None = None
) -> go.Figure:
    """Draws the accuracy of every class in two runs and the change from the first to the second.

    Args:
        class_names: K names.
        first: accuracy in the first run, 0 to 1, shape ``(K,)``; NaN for a class without samples.
        second: the same in the second run, shape ``(K,)``.
        counts: samples of each class behind both, shape ``(K,)``; they turn points into samples.

    Returns:
        A figure in two columns, the class that loses most on top; marks carry ``customdata = [[class index]]``.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    changes = 100 * (second - first)
    if not np.isfinite(changes).any():
        return empty_figure("The two runs tell no accuracy of the same class.")
    ranked = worst_first(changes)
    order = shown(ranked)
    rows = list(range(len(order)))

    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, column_widths=[0.55, 0.45], horizontal_spacing=0.04)
    figure.add_scatter(
        x=[end for index in order for end in (100 * first[index], 100 * second[index], None)],
        y=[end for row in rows for end in (row, row, None)],
        mode="lines",
        line={"color": REFERENCE_LINE, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
        row=1,
        col=1,
    )
    for look, name, values in ((BEFORE, "first run", first), (AFTER, "second run", second)):
        figure.add_scatter(
            x=100 * values[order],
            y=rows,
            mode="markers",
            name=name,
            marker={
                "color": look.colour,
                "symbol": look.symbol,
                "size": 10,
                "line": {"width": 2, "color": look.colour},
            },
            customdata=[[index] for index in order],
            hovertext=[
                f"<b>{wording.escaped(class_names[index])}</b>, {name}: {_accuracy(values[index])}" for index in order
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            row=1,
            col=1,
        )
    looks = [GAIN if changes[index] > 0 else LOSS if changes[index] < 0 else UNCLEAR for index in order]
    figure.add_bar(
        x=changes[order],
        y=rows,
        orientation="h",
        width=0.6,
        marker={"color": [look.colour for look in looks]},
        showlegend=False,
        customdata=[[index] for index in order],
        hovertext=[_change_hover(class_names, changes, index, counts) for index in order],
        hovertemplate="%{hovertext}<extra></extra>",
        row=1,
        col=2,
    )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5}, layer="below", row=1, col=2)
    height = class_axis(figure, class_names, order)
    figure.update_xaxes(title="accuracy (%)", fixedrange=True, row=1, col=1)
    figure.update_xaxes(title="second − first (points)", zeroline=False, fixedrange=True, row=1, col=2)

    title = _title(class_names, changes)
    note = left_out_note(len(order), len(ranked))
    return lay_out(
        figure,
        title=title,
        subtitle=note,
        alt=f"Accuracy per class in two runs, and the change between them. {title}.",
        height=height,
        legend=True,
    )


def _title(class_names: Sequence[str], changes: np.ndarray) -> str:
    known = np.flatnonzero(np.isfinite(changes))
    lowest, highest = known[np.argmin(changes[known])], known[np.argmax(changes[known])]
    if not changes[known].any():
        return "No class is classified better or worse in the second run"
    if changes[lowest] >= 0:
        return f"No class is worse in the second run; {_told(class_names, changes, highest)} most"
    if changes[highest] <= 0:
        return f"No class is better in the second run; {_told(class_names, changes, lowest)} most"
    return (
        f"From the first run to the second {_told(class_names, changes, highest)},"
        f" {_told(class_names, changes, lowest)}"
    )


def _told(class_names: Sequence[str], changes: np.ndarray, index: int) -> str:
    verb = "gains" if changes[index] > 0 else "loses"
    return f"{wording.label(class_names[index])} {verb} {wording.number(abs(changes[index]))} points"


def _accuracy(value: float) -> str:
    return "no samples" if np.isnan(value) else wording.per_cent(value)


def _change_hover(class_names: Sequence[str], changes: np.ndarray, index: int, counts: ArrayLike | None) -> str:
    text = f"<b>{wording.escaped(class_names[index])}</b><br>{wording.signed(changes[index], ' points')}"
    if counts is None or np.isnan(changes[index]):
        return text
    count = int(np.asarray(counts)[index])
    samples = round(abs(changes[index]) * count / 100)
    return f"{text}, {wording.counted(samples, 'sample', 'samples')} of {count:,}"
