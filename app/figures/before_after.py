"""Before, control and after per class, and beside it the change that counts: after against the control."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from app.figures import wording
from app.figures.intervals import interval_dots
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import AFTER, BEFORE, CONTROL, REFERENCE_LINE


def before_after(
    class_names: Sequence[str],
    before: ArrayLike,
    after: ArrayLike,
    control: ArrayLike,
    intervals: ArrayLike,
    targets: Sequence[int] = (),
    changes: ArrayLike | None = None,
) -> go.Figure:
    """Draws accuracy per class at three points, and the change against the control.

    Args:
        class_names: K names.
        before: accuracy of the model as it was, 0 to 1, shape ``(K,)``.
        after: accuracy after the weighted epoch, shape ``(K,)``.
        control: accuracy after the same epoch without weights, shape ``(K,)``.
        intervals: 95% intervals of the changes, shares like the accuracies, shape ``(K, 2)``.
        targets: class indices to improve; they carry a star.
        changes: mean change against the control where several trainings were compared, shares,
            shape ``(K,)``; by default ``after − control``.

    Returns:
        A figure in two columns whose points carry ``customdata = [[class index]]``, the class
        that was worst before on top.
    """
    before, after, control = (np.asarray(values, dtype=float) for values in (before, after, control))
    mean_changes = 100 * (after - control if changes is None else np.asarray(changes, dtype=float))
    intervals = 100 * np.asarray(intervals, dtype=float).reshape(-1, 2)
    if not np.isfinite(mean_changes).any():
        return empty_figure("No improved model has been evaluated yet.")
    order = shown(worst_first(before), keep=targets)
    rows = list(range(len(order)))

    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, column_widths=[0.58, 0.42], horizontal_spacing=0.04)
    # One trace with gaps: a shape a class would take most of the time to build the figure.
    figure.add_scatter(
        x=[end for index in order for end in (100 * control[index], 100 * after[index], None)],
        y=[end for row in rows for end in (row, row, None)],
        mode="lines",
        line={"color": REFERENCE_LINE, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
        row=1,
        col=1,
    )
    for meaning, values in ((BEFORE, before), (CONTROL, control), (AFTER, after)):
        figure.add_scatter(
            x=100 * values[order],
            y=rows,
            mode="markers",
            name=meaning.words,
            marker={
                "color": meaning.colour,
                "symbol": meaning.symbol,
                "size": 10,
                "line": {"width": 2, "color": meaning.colour},
            },
            customdata=[[index] for index in order],
            hovertext=[
                f"<b>{wording.escaped(class_names[index])}</b>, {meaning.words}: {wording.per_cent(values[index])}"
                for index in order
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            row=1,
            col=1,
        )
    for trace in interval_dots(class_names, mean_changes, intervals, order, " points", 1):
        figure.add_trace(trace, row=1, col=2)
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5}, layer="below", row=1, col=2)
    height = class_axis(figure, class_names, order, targets)
    figure.update_xaxes(title="accuracy (%)", row=1, col=1)
    figure.update_xaxes(title="change against control (points)", zeroline=False, row=1, col=2)

    title = _title(class_names, mean_changes, targets)
    note = f"Bars are 95% intervals. {left_out_note(len(order), len(before))}".strip()
    return lay_out(
        figure,
        title=title,
        subtitle=note,
        alt=f"Accuracy per class before, after and of the control. {title}.",
        height=height,
        legend=True,
    )


def _title(class_names: Sequence[str], changes: np.ndarray, targets: Sequence[int]) -> str:
    parts = []
    if targets:
        mean = float(np.mean(changes[list(targets)]))
        names = wording.listed([class_names[index] for index in targets])
        parts.append(f"{names} {'change' if len(targets) > 1 else 'changes'} by {wording.signed(mean, ' points')}")
        if len(targets) > 1:
            parts[-1] += " on average"
    others = [index for index in range(len(changes)) if index not in set(targets) and np.isfinite(changes[index])]
    if others:
        worst = min(others, key=lambda index: changes[index])
        which = "worst other class" if targets else "worst class"
        parts.append(
            f"the {which}, {wording.label(class_names[worst])}, by {wording.signed(changes[worst], ' points')}"
        )
    return f"Against the control {', '.join(parts)}"
