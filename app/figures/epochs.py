"""Accuracy of each class over the checkpoints, the epochs that cost a class more than noise marked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import LOSS, OTHER, tint

_STRONG = 3
"""The worst classes that are drawn strong and named; more names would not fit beside their lines."""
_LOOKS = (("solid", "circle", "●"), ("dash", "square", "■"), ("dot", "diamond", "◆"))
"""Dash and marker of each, as drawn and as written, so that no hue is needed to tell them apart."""
_HEIGHT = 380
_NAME_ROOM = 0.15
"""Of the epochs' length, what names take to the right of the last one."""
_LINE_ROOM = 0.05
"""Of the drawn range, what one name takes upwards."""
_MARK = 6
_MOVES = 30
_TICKS = 12


def accuracy_over_epochs(
    class_names: Sequence[str],
    epochs: Sequence[int],
    accuracy: ArrayLike,
    detrimental: Sequence[Mapping[str, Any]] = (),
    split: str = "validation",
    clickable: bool = True,
) -> go.Figure:
    """Draws a line a class, the worst ones after the last epoch strong and named, the others faint.

    Args:
        class_names: K names.
        epochs: of the checkpoints, rising, E numbers.
        accuracy: share of each class's samples that are classified rightly, 0 to 1, shape ``(E, K)``;
            NaN for a class without samples.
        detrimental: epochs that cost some classes more than noise, worst first, each with ``epoch``, ``classes``
            (indices) and ``drops`` (shares on validation samples).
        split: whose samples the accuracy is of.
        clickable: whether a click chooses an epoch where the figure is shown, which its subtitle then says.

    Returns:
        A figure whose marked epochs carry ``customdata = [[epoch]]``; the lines carry none.
    """
    values = 100 * np.asarray(accuracy, dtype=float).reshape(len(epochs), len(class_names))
    if not np.isfinite(values).any():
        return empty_figure("No checkpoint has been evaluated yet, so there is no accuracy to show.")
    ranked = [k for k in worst_first(values[-1]) if np.isfinite(values[-1, k])]
    strong = ranked[:_STRONG]
    drawn = shown(ranked, keep=[k for entry in detrimental for k in entry["classes"]])
    figure = go.Figure()
    for entry in detrimental:
        figure.add_vline(x=entry["epoch"], line={"color": LOSS.colour, "width": 1, "dash": "dot"}, layer="below")
    _add_faint(figure, class_names, epochs, values, [k for k in drawn if k not in strong])
    for k, (dash, symbol, _) in zip(strong, _LOOKS, strict=False):
        _add_strong(figure, class_names[k], epochs, values[:, k], dash, symbol)
    length = max(1, epochs[-1] - epochs[0])
    low, high = float(np.nanmin(values[:, drawn])), float(np.nanmax(values[:, drawn]))
    margin = max(1.0, 0.06 * (high - low))
    _name_lines(figure, class_names, epochs[-1], values[-1], strong, high - low + 2 * margin)
    marked = [entry for entry in detrimental if entry["epoch"] in epochs[1:]]
    if marked:
        _add_marks(figure, class_names, list(epochs), values, marked)
    figure.update_xaxes(
        title="epoch (number of passes over the training data)",
        zeroline=False,
        tickmode="array",
        tickvals=_ticks(epochs),
        range=[epochs[0] - 0.03 * length, epochs[-1] + _NAME_ROOM * length],
    )
    figure.update_yaxes(title=f"accuracy on {split} (%)", zeroline=False, range=[low - margin, high + margin])
    title = _title(class_names, detrimental, ranked[0], values[-1])
    choose = "; click one to choose its epoch" if clickable else ""
    subtitle = " ".join(
        part
        for part in (
            f"Triangles: classes that an epoch cost more than noise{choose}." if marked else "",
            "Named: the weakest classes after the last epoch." if len(ranked) > len(strong) else "",
            left_out_note(len(drawn), len(ranked)),
        )
        if part
    )
    told = " ".join(f"{_cost(class_names, entry)}." for entry in detrimental)
    alt = f"Lines of accuracy on {split} per class over {len(epochs)} checkpoints. {title}. {told} {subtitle}".strip()
    return lay_out(
        figure, title=title, subtitle=subtitle, alt=alt, height=_HEIGHT, legend=bool(marked or drawn[_STRONG:])
    )


def _add_faint(
    figure: go.Figure, names: Sequence[str], epochs: Sequence[int], values: NDArray, classes: Sequence[int]
) -> None:
    for k in classes:
        figure.add_scatter(
            x=list(epochs),
            y=values[:, k],
            mode="lines",
            name="other classes",
            legendgroup="other classes",
            showlegend=k == classes[0],
            line={"color": tint(OTHER.colour, 0.35), "width": 1},
            hovertemplate=f"epoch %{{x}}, {wording.escaped(names[k])}: %{{y:.1f}}%<extra></extra>",
        )


def _add_strong(figure: go.Figure, name: str, epochs: Sequence[int], values: NDArray, dash: str, symbol: str) -> None:
    figure.add_scatter(
        x=list(epochs),
        y=values,
        mode="lines+markers",
        name=wording.label(name),
        showlegend=False,
        line={"color": OTHER.colour, "width": 2.5, "dash": dash},
        marker={"color": OTHER.colour, "symbol": symbol, "size": _MARK},
        # A click chooses an epoch; it must not dim the lines.
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate=f"epoch %{{x}}, {wording.escaped(name)}: %{{y:.1f}}%<extra></extra>",
    )


def _name_lines(
    figure: go.Figure,
    names: Sequence[str],
    last: int,
    values: NDArray,
    classes: Sequence[int],
    span: float,
) -> None:
    """Writes names at the right ends of lines, moved apart where lines end together."""
    heights, room = np.array([float(values[k]) for k in classes]), _LINE_ROOM * span
    for _ in range(_MOVES):
        lacking = np.maximum(0.0, room - np.diff(heights)) / 2
        heights[:-1] -= lacking
        heights[1:] += lacking
    for k, height, (_, _, sign) in zip(classes, heights, _LOOKS, strict=False):
        figure.add_annotation(
            x=last,
            y=float(height),
            text=f"{sign} {wording.label(names[k], 14)}",
            showarrow=False,
            xanchor="left",
            xshift=8,
            font={"size": 12},
        )


def _add_marks(
    figure: go.Figure,
    names: Sequence[str],
    epochs: list[int],
    values: NDArray,
    marked: Sequence[Mapping[str, Any]],
) -> None:
    """Draws what each class lost in a detrimental epoch, and a triangle at its lower end."""
    fall_x, fall_y = list[float | None](), list[float | None]()
    x, y, words = list[int](), list[float](), list[str]()
    for entry in marked:
        row = epochs.index(entry["epoch"])
        told = f"<b>{_cost(names, entry, '<br>')}</b><br>more than noise, on validation samples"
        for k in entry["classes"]:
            fall_x += [epochs[row - 1], epochs[row], None]
            fall_y += [values[row - 1, k], values[row, k], None]
            x.append(epochs[row])
            y.append(values[row, k])
            words.append(told)
    figure.add_scatter(
        x=fall_x,
        y=fall_y,
        mode="lines",
        name="",
        showlegend=False,
        line={"color": LOSS.colour, "width": 3},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        name="detrimental epoch",
        marker={"color": LOSS.colour, "symbol": LOSS.symbol, "size": 13},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
    )
    # Of marks in one place Plotly gives the pointer to the smallest, then to the last: the line's, but for this one.
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        name="chosen by a click",
        showlegend=False,
        marker={"size": _MARK, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[epoch] for epoch in x],
        hovertext=words,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _cost(names: Sequence[str], entry: Mapping[str, Any], between: str = " ") -> str:
    costs = [
        f"{wording.label(names[k])} {wording.number(100 * drop)} points"
        for k, drop in zip(entry["classes"], entry["drops"], strict=True)
    ]
    return f"Epoch {entry['epoch']} cost{between}{f',{between}'.join(costs)}"


def _title(names: Sequence[str], detrimental: Sequence[Mapping[str, Any]], weakest: int, last: NDArray) -> str:
    if not detrimental:
        return (
            f"No epoch cost a class more than noise; the weakest class is {wording.label(names[weakest])}"
            f" at {wording.per_cent(last[weakest] / 100)}"
        )
    worst = detrimental[0]
    which = wording.listed([names[k] for k in worst["classes"]])
    if len(detrimental) == 1:
        return f"Epoch {worst['epoch']} cost {which} more than noise"
    return (
        f"{len(detrimental)} epochs cost some class more than noise; epoch {worst['epoch']} was the worst, for {which}"
    )


def _ticks(epochs: Sequence[int]) -> list[int]:
    """Returns whole epochs, about a dozen at most."""
    return list(range(epochs[0], epochs[-1] + 1, max(1, -(-(epochs[-1] - epochs[0]) // _TICKS))))
