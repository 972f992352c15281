"""A figure on a page: its width, its alternative text, and no buttons unless they serve."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

_PLAIN = {"displayModeBar": False}
_WITH_TOOLS = {"displaylogo": False, "scrollZoom": True}


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
        config=_WITH_TOOLS if "box" in modes else _PLAIN,
        width="stretch",
        **options,
    )
