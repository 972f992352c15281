"""All pairs of classes as a K x K matrix that can be clicked.

Plotly reports no click on a heatmap, so an invisible marker lies in the middle of
every cell and the nearest one, at any distance, takes the click and the hover text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.palette import DIVERGING, SHARE_NEGATIVE, SHARE_POSITIVE

_NUMBERS_UP_TO = 12
_LONGEST_LABEL = 16
_UPRIGHT_FROM = 20


@dataclass(frozen=True)
class _Kind:
    """What a matrix can be of: its scale, its unit, and its words for one pair (in hover text)."""

    scale: tuple[tuple[float, str], ...]
    unit: str
    percent: bool
    pair: str
    title: str

    def written(self, value: float) -> str:
        return wording.per_cent(value) if self.percent else wording.signed(value, "", 2)


_KINDS = {
    "correlation": _Kind(
        DIVERGING,
        "correlation<br>(−1 to +1)",
        False,
        "influence on {a} and on {b}<br>correlates by {value}",
        "Most opposed are {a} and {b} (correlation {value})",
    ),
    "joint_positive": _Kind(
        SHARE_POSITIVE,
        "share (%)",
        True,
        "{value} of the samples help<br>both {a} and {b}",
        "Most help is shared by {a} and {b}: {value} of the samples help both",
    ),
    "joint_negative": _Kind(
        SHARE_NEGATIVE,
        "share (%)",
        True,
        "{value} of the samples harm<br>both {a} and {b}",
        "Most harm is shared by {a} and {b}: {value} of the samples harm both",
    ),
}
MATRIX_KINDS = tuple(_KINDS)


def class_matrix(class_names: Sequence[str], values: ArrayLike, kind: str) -> go.Figure:
    """Draws one value for every pair of classes.

    Args:
        class_names: K names.
        values: correlations from −1 to 1, or shares of the samples from 0 to 1; shape ``(K, K)``.
            The diagonal, a class with itself, is left blank.
        kind: one of ``MATRIX_KINDS``: ``"correlation"``, ``"joint_positive"``, ``"joint_negative"``.

    Returns:
        A figure of two traces: the heatmap, and one invisible marker a cell with
        ``customdata = [[row, column]]``.

    Raises:
        KeyError: ``kind`` is none of ``MATRIX_KINDS``.
    """
    drawn = _KINDS[kind]
    pairs = np.array(values, dtype=float)
    classes = len(class_names)
    np.fill_diagonal(pairs, np.nan)
    if not np.isfinite(pairs).any():
        return empty_figure("There are no two classes with influence vectors to compare.")
    factor = 100 if drawn.percent else 1
    strongest = factor * float(np.nanmax(np.abs(pairs)))
    # The scale ends at the strongest pair, but noise about zero must not look like a finding.
    end = max(strongest, 5 if drawn.percent else 0.2)
    cell = max(11, min(100, round(420 / classes)))
    size = 12 if classes <= _UPRIGHT_FROM else 9
    names = [wording.label(name, _LONGEST_LABEL) for name in class_names]
    positions = list(range(classes))

    figure = go.Figure()
    figure.add_heatmap(
        z=factor * pairs,
        x=positions,
        y=positions,
        zmin=0 if drawn.percent else -end,
        zmax=end,
        colorscale=[list(stop) for stop in drawn.scale],
        xgap=1,
        ygap=1,
        hoverinfo="skip",
        text=[[_short(drawn, value) for value in row] for row in pairs] if classes <= _NUMBERS_UP_TO else None,
        texttemplate="%{text}" if classes <= _NUMBERS_UP_TO else None,
        colorbar={"title": {"text": drawn.unit, "side": "top"}, "thickness": 12, "outlinewidth": 0, "len": 1},
    )
    figure.add_scatter(
        x=[column for _ in positions for column in positions],
        y=[row for row in positions for _ in positions],
        mode="markers",
        # Small, so that between two markers the nearer one is always the one of the cell under the pointer.
        marker={"symbol": "square", "size": 6, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        showlegend=False,
        customdata=[[row, column] for row in positions for column in positions],
        hovertext=[_hover(drawn, class_names, pairs, row, column) for row in positions for column in positions],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    ticks = {"tickmode": "array", "tickvals": positions, "ticktext": names, "tickfont": {"size": size}}
    edges = [-0.5, classes - 0.5]
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True}
    figure.update_xaxes(**ticks, **bare, range=edges, tickangle=_tick_angle(classes))
    figure.update_yaxes(**ticks, **bare, range=edges[::-1])

    row, column = divmod(int(np.nanargmax(pairs if drawn.percent else -pairs)), classes)
    title = drawn.title.format(
        a=wording.label(class_names[row]), b=wording.label(class_names[column]), value=drawn.written(pairs[row, column])
    )
    if not drawn.percent and pairs[row, column] >= 0:
        title = f"No two classes are opposed (lowest correlation {drawn.written(pairs[row, column])})"
    alt = f"Matrix of {classes} by {classes} classes. {title}."
    lay_out(figure, title=title, alt=alt, height=max(240, cell * classes) + 90)
    return figure.update_layout(hoverdistance=-1)


def _tick_angle(classes: int) -> int:
    """Returns the angle at which names under the columns do not run into each other, in degrees."""
    return 0 if classes <= 5 else -45 if classes <= _UPRIGHT_FROM else -90


def _short(drawn: _Kind, value: float) -> str:
    return "" if np.isnan(value) else wording.number(100 * value, 0) if drawn.percent else wording.number(value, 2)


def _hover(drawn: _Kind, class_names: Sequence[str], pairs: np.ndarray, row: int, column: int) -> str:
    a, b = (f"<b>{wording.escaped(class_names[index])}</b>" for index in (row, column))
    if row == column:
        return f"{a} with itself:<br>choose two different classes"
    if np.isnan(pairs[row, column]):
        return f"{a} and {b}:<br>not known"
    return drawn.pair.format(a=a, b=b, value=drawn.written(pairs[row, column]))
