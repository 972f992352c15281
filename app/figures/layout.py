"""The frame around every figure: a title that is a sentence, room for it, and alternative text.

Streamlit's light and dark themes supply fonts, text colours and grids, so a figure
sets none of them: its background is transparent and its template empty, whatever
default template another library has registered in this process. The room above the
plot is counted from the wrapped lines, because Plotly neither wraps a title nor
keeps a legend clear of it.
"""

import html
import math
import textwrap
from collections.abc import Sequence

import plotly.graph_objects as go

from app.figures import wording

TITLE_WIDTH = 46
"""Characters a line of the title: fits 380 px, half a page on a screen of 1280 pixels."""
SUBTITLE_WIDTH = 60
TRANSPARENT = "rgba(0, 0, 0, 0)"
_TITLE_SIZE, _SUBTITLE_SIZE = 16, 13
_LINE = 1.3
NARROW, HALF, WIDE = 290, 380, 520
"""Pixels that two fifths, half and three fifths of a page have on a screen of 1280 pixels."""
_AXIS = 80
"""Pixels of it that the axis takes, which a legend has not."""


def wrapped(text: str, width: int) -> list[str]:
    """Returns the lines of ``text``, broken between words only."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def lay_out(
    figure: go.Figure,
    *,
    title: str,
    alt: str,
    height: int,
    subtitle: str = "",
    legend: bool = False,
    room: int = HALF,
) -> go.Figure:
    """Gives a figure its title, its room and its alternative text; changes it in place.

    Args:
        figure: traces and axes are in place already.
        title: a sentence, without its full stop; may hold escaped names.
        alt: what a reader who does not see the figure must know; kept in ``layout.meta["alt"]``, names in it unescaped.
        height: of the plot area with its axis, in pixels; the room for title and legend comes on top.
        subtitle: how to read it, or what is left out.
        legend: a row of entries between title and plot.
        room: width in pixels that the figure has at least.

    Returns:
        The same figure.
    """
    share = min(1, room / HALF)
    titles = wrapped(title, int(share * TITLE_WIDTH))
    subtitles = wrapped(subtitle, int(share * SUBTITLE_WIDTH))
    above = 14 + round(_LINE * (_TITLE_SIZE * len(titles) + _SUBTITLE_SIZE * len(subtitles)))
    if subtitles:
        above += 10
    if legend:
        above += 12 + 20 * _legend_rows(figure, room - _AXIS)
    # Plotly lowers a single line by its cap height below the anchor, but not the first of several.
    cap_height = round(0.7 * _TITLE_SIZE) if len(titles) > 1 else 0
    figure.update_layout(
        template=go.layout.Template(),
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        title={
            "text": "<br>".join(titles),
            "font": {"size": _TITLE_SIZE},
            "subtitle": {"text": "<br>".join(subtitles), "font": {"size": _SUBTITLE_SIZE}},
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 4 + cap_height, "l": 4},
        },
        showlegend=legend,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "bgcolor": TRANSPARENT,
            "itemsizing": "constant",
            "title": {"text": ""},
        },
        height=height + above,
        margin={"l": 8, "r": 16, "t": above, "b": 48},
        hovermode="closest",
        hoverlabel={"align": "left"},
        dragmode="pan",
        meta={"alt": _spoken(alt)},
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _spoken(text: str) -> str:
    """Returns alternative text without what is for drawing: escapes in names, breaks of lines."""
    return html.unescape(text.replace("<br>", " "))


def _legend_rows(figure: go.Figure, room: int) -> int:
    """Returns how many rows the legend needs in the room; once it wraps, Plotly makes equal columns."""
    widths = [45 + 6.5 * len(trace.name) for trace in figure.data if trace.name and trace.showlegend is not False]
    if sum(widths) <= room:
        return 1
    return math.ceil(len(widths) / max(1, int(room // max(widths))))


def class_axis(figure: go.Figure, class_names: Sequence[str], order: Sequence[int], targets: Sequence[int] = ()) -> int:
    """Makes the y axis one row a class, the first of ``order`` on top; targets carry a star.

    Rows are numbers with names as tick text, so that classes named ``"1"`` or named
    alike stay rows of their own.

    Returns:
        The height in pixels that these rows need.
    """
    marked = set(targets)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(order))),
        ticktext=[("★ " if index in marked else "") + wording.label(class_names[index]) for index in order],
        range=[len(order) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return max(150, 26 * len(order) + 60)


def empty_figure(sentence: str) -> go.Figure:
    """Returns a figure that says why there is nothing to draw, in place of an exception.

    Args:
        sentence: what is missing and what brings it, e.g. ``"No sample lies in this selection."``.
    """
    figure = go.Figure()
    figure.add_annotation(
        text="<br>".join(wrapped(sentence, TITLE_WIDTH)),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": _SUBTITLE_SIZE + 1},
    )
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    return lay_out(figure, title="", alt=sentence, height=180)
