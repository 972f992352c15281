"""All pairs of classes as a K x K matrix that can be clicked.

Plotly reports no click on a heatmap, so an invisible marker lies in the middle of
every cell and the nearest one, at any distance, takes the click and the hover text.
Of many classes the markers carry numbers alone, which are sent as packed arrays, and
words are put to them in the browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.ordering import MANY_CLASSES
from app.figures.palette import DIVERGING, SHARE_NEGATIVE, SHARE_POSITIVE

_NUMBERS_UP_TO = 12
LONGEST_LABEL = 16
UPRIGHT_FROM = 20
NAMED_UP_TO = 40
"""Of more classes, the names are in the hover text alone: beside the cells they would not be legible."""
LEAST_CELL = 11
INVISIBLE = {
    "mode": "markers",
    # Small, so that between two markers the nearer one is always the one of the cell under the pointer.
    "marker": {"symbol": "square", "size": 6, "opacity": 0},
    "selected": {"marker": {"opacity": 0}},
    "unselected": {"marker": {"opacity": 0}},
    "showlegend": False,
}
"""Markers that take the clicks and the hover text of the cells they lie on."""


@dataclass(frozen=True)
class _Kind:
    """What a matrix can be of: its scale and unit, its words for one pair (in hover text) and for the first of all.

    ``least`` is where the scale ends at least, for noise about zero must not look like a finding; ``none`` is the
    title where no pair stands out; ``axes`` names rows and columns where they differ.
    """

    scale: tuple[tuple[float, str], ...]
    unit: str
    percent: bool
    pair: str
    title: str
    packed: str
    least: float
    none: str
    is_diverging: bool = False
    axes: tuple[str, str] | None = None

    def written(self, value: float) -> str:
        if self.percent:
            return wording.per_cent(value)
        return wording.signed(value, "", 2) if self.is_diverging else wording.number(value, 2)


_KINDS = {
    "correlation": _Kind(
        DIVERGING,
        "correlation<br>(−1 to +1)",
        False,
        "influence on {a} and on {b}<br>correlates by {value}",
        "Most opposed are {a} and {b} (correlation {value})",
        "influence on <b>%{y}</b> and on <b>%{x}</b><br>correlates by %{customdata:+.2f}",
        0.2,
        "No two classes are opposed (lowest correlation {value})",
        is_diverging=True,
    ),
    "joint_positive": _Kind(
        SHARE_POSITIVE,
        "share (%)",
        True,
        "{value} of the samples help<br>both {a} and {b}",
        "Most help is shared by {a} and {b}: {value} of the samples help both",
        "%{customdata:.1%} of the samples help<br>both <b>%{y}</b> and <b>%{x}</b>",
        5,
        "No sample helps two classes",
    ),
    "joint_negative": _Kind(
        SHARE_NEGATIVE,
        "share (%)",
        True,
        "{value} of the samples harm<br>both {a} and {b}",
        "Most harm is shared by {a} and {b}: {value} of the samples harm both",
        "%{customdata:.1%} of the samples harm<br>both <b>%{y}</b> and <b>%{x}</b>",
        5,
        "No sample harms two classes",
    ),
    "price": _Kind(
        SHARE_NEGATIVE,
        "% gained<br>per % lost",
        False,
        "{a} could gain {value}% more<br>for each % that {b} may lose",
        "Most in the way of another is {b}: {a} could gain {value}% more for each % that it may lose",
        "<b>%{y}</b> could gain %{customdata:.2f}% more<br>for each % that <b>%{x}</b> may lose",
        0.1,
        "No class stands in the way of another",
        axes=("class that would gain", "class that may lose"),
    ),
}
MATRIX_KINDS = tuple(_KINDS)


def class_matrix(
    class_names: Sequence[str], values: ArrayLike, kind: str, shown: Sequence[int] | None = None
) -> go.Figure:
    """Draws one value for every pair of classes.

    Args:
        class_names: K names.
        values: correlations from −1 to 1, shares of the samples from 0 to 1, or prices from 0; shape ``(K, K)``.
            The diagonal, a class with itself, is left blank.
        kind: one of ``MATRIX_KINDS``: ``"correlation"``, ``"joint_positive"``, ``"joint_negative"``, ``"price"``
            (of raising the row's class, in the column's).
        shown: the classes that are drawn, in this order; None: all.

    Returns:
        A figure of two traces: the heatmap, and one invisible marker a cell; x and y of a marker are the
        places of its classes among those shown.

    Raises:
        KeyError: ``kind`` is none of ``MATRIX_KINDS``.
    """
    drawn = _KINDS[kind]
    every = np.array(values, dtype=float)
    np.fill_diagonal(every, np.nan)
    if not np.isfinite(every).any():
        return empty_figure("There are no two classes with influence vectors to compare.")
    chosen = list(range(len(class_names)) if shown is None else shown)
    pairs, classes = every[np.ix_(chosen, chosen)], len(chosen)
    factor = 100 if drawn.percent else 1
    strongest = factor * float(np.nanmax(np.abs(every)))
    end = max(strongest, drawn.least)
    # Of many classes the cells are small and without gaps, so that the matrix stays about as high as it is wide.
    is_dense = classes > MANY_CLASSES
    cell = max(4 if is_dense else LEAST_CELL, min(100, round(420 / classes)))
    size = 12 if classes <= UPRIGHT_FROM else 9
    names = [wording.label(class_names[index], LONGEST_LABEL) for index in chosen]
    positions = list(range(classes))

    figure = go.Figure()
    figure.add_heatmap(
        z=(factor * pairs).astype(np.float32) if is_dense else factor * pairs,
        x=positions,
        y=positions,
        zmin=-end if drawn.is_diverging else 0,
        zmax=end,
        colorscale=[list(stop) for stop in drawn.scale],
        xgap=0 if is_dense else 1,
        ygap=0 if is_dense else 1,
        hoverinfo="skip",
        text=[[_short(drawn, value) for value in row] for row in pairs] if classes <= _NUMBERS_UP_TO else None,
        textfont={"size": 9},
        texttemplate="%{text}" if classes <= _NUMBERS_UP_TO else None,
        colorbar={"title": {"text": drawn.unit, "side": "top"}, "thickness": 12, "outlinewidth": 0, "len": 1},
    )
    if is_dense:
        _pack_markers(figure, drawn, pairs)
    else:
        _tell_markers(figure, drawn, [class_names[index] for index in chosen], pairs)
    ticks = {"tickmode": "array", "tickvals": positions, "ticktext": names, "tickfont": {"size": size}}
    edges = [-0.5, classes - 0.5]
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True}
    figure.update_layout(
        xaxis_showticklabels=classes <= NAMED_UP_TO,
        yaxis_showticklabels=classes <= NAMED_UP_TO,
    )
    figure.update_xaxes(**ticks, **bare, range=edges, tickangle=tick_angle(classes))
    figure.update_yaxes(**ticks, **bare, range=edges[::-1])

    if drawn.axes is not None:
        figure.update_yaxes(title=drawn.axes[0])
        figure.update_xaxes(title=drawn.axes[1])
    title = _title(drawn, class_names, every)
    note = "" if shown is None else f"Shown: {classes} of {len(class_names)} classes, those of the first pairs listed."
    alt = f"Matrix of {classes} by {classes} classes. {title}."
    lay_out(figure, title=title, subtitle=note, alt=alt, height=max(240, cell * classes) + 90)
    return figure.update_layout(hoverdistance=-1)


def _tell_markers(figure: go.Figure, drawn: _Kind, names: Sequence[str], pairs: np.ndarray) -> None:
    """Adds a marker a cell with a sentence in it and ``customdata = [[row, column]]``."""
    positions = range(len(names))
    figure.add_scatter(
        x=[column for _ in positions for column in positions],
        y=[row for row in positions for _ in positions],
        **INVISIBLE,
        customdata=[[row, column] for row in positions for column in positions],
        hovertext=[_hover(drawn, names, pairs, row, column) for row in positions for column in positions],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _pack_markers(figure: go.Figure, drawn: _Kind, pairs: np.ndarray) -> None:
    """Adds a marker a cell of two classes whose values are known, with the value as ``customdata``."""
    rows, columns = np.nonzero(np.isfinite(pairs))
    figure.add_scattergl(
        x=columns.astype(np.int16),
        y=rows.astype(np.int16),
        **INVISIBLE,
        customdata=pairs[rows, columns].astype(np.float32),
        hovertemplate=f"{drawn.packed}<extra></extra>",
    )


def _title(drawn: _Kind, class_names: Sequence[str], pairs: np.ndarray) -> str:
    """Returns the sentence on the first pair of all classes, also of those that are not drawn."""
    strength = -pairs if drawn.is_diverging else pairs
    row, column = divmod(int(np.nanargmax(strength)), len(class_names))
    value = drawn.written(pairs[row, column])
    if strength[row, column] <= 0:
        return drawn.none.format(value=value)
    return drawn.title.format(a=wording.label(class_names[row]), b=wording.label(class_names[column]), value=value)


def tick_angle(classes: int) -> int:
    """Returns the angle at which names under the columns do not run into each other, in degrees."""
    return 0 if classes <= 5 else -45 if classes <= UPRIGHT_FROM else -90


def _short(drawn: _Kind, value: float) -> str:
    if np.isnan(value):
        return ""
    return wording.number(100 * value, 0) if drawn.percent else wording.number(value, 2).replace("0.", ".", 1)


def _hover(drawn: _Kind, class_names: Sequence[str], pairs: np.ndarray, row: int, column: int) -> str:
    a, b = (f"<b>{wording.escaped(class_names[index])}</b>" for index in (row, column))
    if row == column:
        return f"{a} with itself:<br>choose two different classes"
    if np.isnan(pairs[row, column]):
        return f"{a} and {b}:<br>not known"
    return drawn.pair.format(a=a, b=b, value=drawn.written(pairs[row, column]))
