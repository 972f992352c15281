"""A figure on a page: its width, its alternative text, and only the buttons that serve."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

_PICTURE = ["toImage"]
_PLAIN = {"displaylogo": False, "modeBarButtons": [_PICTURE]}
_WITH_TOOLS = {
    "displaylogo": False,
    "scrollZoom": True,
    # Of WebGL charts: Plotly draws four pixels for each of the screen's, which without a GPU takes four times as long.
    "plotGlPixelRatio": 1,
    "modeBarButtons": [_PICTURE, ["pan2d", "zoom2d", "select2d", "lasso2d"], ["resetScale2d"]],
}


def chart(
    figure: go.Figure,
    key: str,
    on_select: Callable[[], None] | None = None,
    modes: Iterable[Literal["points", "box", "lasso"]] = ("points",),
) -> None:
    """Shows a figure.

    Args:
        figure: with its alternative text in ``layout.meta["alt"]``.
        key: of the chart; a callback finds the selection under it in the session.
        on_select: called when a selection changes; without it nothing can be selected.
        modes: what may be selected.
    """
    modes = tuple(modes)
    options: dict[str, Any] = {}
    if on_select is not None:
        options = {"on_select": on_select, "selection_mode": modes}
    st.plotly_chart(
        figure,
        key=key,
        alt=figure.layout.meta["alt"],
        config=(_WITH_TOOLS if "box" in modes else _PLAIN)
        | {"toImageButtonOptions": {"format": "png", "scale": 2, "filename": key}},
        width="stretch",
        **options,
    )
