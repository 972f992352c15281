"""Before, control and after per class, and beside it the change that counts: after against the control."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from app.figures import wording
from app.figures.intervals import interval_dots
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import AFTER, BEFORE, CONTROL, REFERENCE_LINE


@dataclass(frozen=True)
class Measure:
    """What the classes are compared by.

    Attributes:
        axis: title of the axis of its values.
        changes: title of the axis of its changes, drawn so that right is better.
        factor: from its values to those drawn.
        unit: of a change, as drawn.
        digits: behind the point.
        lower_is_better: whether a class gains by a fall.
    """

    axis: str
    changes: str
    factor: float
    unit: str
    digits: int
    lower_is_better: bool

    def value(self, value: float) -> str:
        """Returns one value in words."""
        return wording.per_cent(value) if self.factor == 100 else wording.number(value, self.digits)


ACCURACY = Measure("accuracy (%)", "change against control (points)", 100, " points", 1, False)
MEAN_LOSS = Measure("mean loss (nats)", "fall against control (nats)", 1, " nats", 3, True)


def before_after(
    class_names: Sequence[str],
    before: ArrayLike,
    after: ArrayLike,
    control: ArrayLike,
    intervals: ArrayLike,
    targets: Sequence[int] = (),
    changes: ArrayLike | None = None,
    measure: Measure = ACCURACY,
) -> go.Figure:
    """Draws accuracy or loss per class at three points, and the change against the control.

    Args:
        class_names: K names.
        before: accuracy of the model as it was, 0 to 1, or its loss, shape ``(K,)``.
        after: the same after training with weights, shape ``(K,)``.
        control: after the same training without weights, shape ``(K,)``.
        intervals: 95% intervals of the changes, in the unit of ``before``, shape ``(K, 2)``.
        targets: class indices to improve; they carry a star.
        changes: mean change against the control where several trainings were compared, in the
            unit of ``before``, shape ``(K,)``; by default ``after − control``.
        measure: what the values are of.

    Returns:
        A figure in two columns whose points carry ``customdata = [[class index]]``, the class
        that was worst before on top.
    """
    before, after, control = (np.asarray(values, dtype=float) for values in (before, after, control))
    # What is drawn rises to the better; the ends of an interval change places where it is turned round.
    turned = -measure.factor if measure.lower_is_better else measure.factor
    mean_changes = turned * (after - control if changes is None else np.asarray(changes, dtype=float))
    intervals = np.sort(turned * np.asarray(intervals, dtype=float).reshape(-1, 2), axis=1)
    if not np.isfinite(mean_changes).any():
        return empty_figure("No improved model has been evaluated yet.")
    order = shown(worst_first(-before if measure.lower_is_better else before), keep=targets)
    rows = list(range(len(order)))

    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, column_widths=[0.58, 0.42], horizontal_spacing=0.04)
    # One trace with gaps: a shape a class would take most of the time to build the figure.
    figure.add_scatter(
        x=[end for index in order for end in (measure.factor * control[index], measure.factor * after[index], None)],
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
            x=measure.factor * values[order],
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
                f"<b>{wording.escaped(class_names[index])}</b>, {meaning.words}: {measure.value(values[index])}"
                for index in order
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            row=1,
            col=1,
        )
    for trace in interval_dots(class_names, mean_changes, intervals, order, measure.unit, measure.digits):
        figure.add_trace(trace, row=1, col=2)
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5}, layer="below", row=1, col=2)
    height = class_axis(figure, class_names, order, targets)
    figure.update_xaxes(title=measure.axis, row=1, col=1)
    figure.update_xaxes(title=measure.changes, zeroline=False, row=1, col=2)

    title = (
        _loss_title(class_names, mean_changes) if measure is MEAN_LOSS else _title(class_names, mean_changes, targets)
    )
    note = f"Bars are 95% intervals. {left_out_note(len(order), len(before))}".strip()
    return lay_out(
        figure,
        title=title,
        subtitle=note,
        alt=f"{measure.axis.partition(' (')[0].capitalize()} per class before, after and of the control. {title}.",
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


def _loss_title(class_names: Sequence[str], falls: np.ndarray) -> str:
    present = np.flatnonzero(np.isfinite(falls))
    least = present[np.argmin(falls[present])]
    fallen = f"The loss of {int((falls[present] > 0).sum())} of {len(present)} classes falls against the control"
    how = "falls least" if falls[least] > 0 else "does worst"
    change = wording.signed(-falls[least], MEAN_LOSS.unit, MEAN_LOSS.digits)
    return f"{fallen}; {wording.label(class_names[least])} {how}, by {change}"
