"""The pair of classes that is looked at: clicked in the matrix, mirrored in two select boxes."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.figures import class_matrix, worst_first

_KINDS = {
    "correlation": "Correlation",
    "joint_negative": "Harm both",
    "joint_positive": "Help both",
}


def chosen_pair(names: Sequence[str], accuracy: Sequence[float | None]) -> tuple[int, int]:
    """Returns the pair in view; by default the two classes with the worst accuracy."""
    worst = worst_first([math.nan if value is None else value for value in accuracy])
    a, b = view_state.class_index("a", names), view_state.class_index("b", names)
    if a is None or b is None or a == b:
        return int(worst[0]), int(worst[1])
    return a, b


def pair_picker(names: Sequence[str], matrices: dict[str, np.ndarray], pair: tuple[int, int]) -> None:
    """Shows the matrix and the two select boxes.

    Args:
        names: class names.
        matrices: by kind, shape ``(K, K)``.
        pair: the classes in view.
    """
    kind = st.segmented_control(
        "Colour shows", list(_KINDS), format_func=_KINDS.__getitem__, default="correlation", key="matrix_kind"
    )
    kind = kind or "correlation"
    chart(class_matrix(names, matrices[kind], kind), "matrix", on_select=lambda: _clicked(names))
    first, second = st.columns(2)
    for column, name, index, words in ((first, "a", pair[0], "To the right"), (second, "b", pair[1], "Upwards")):
        st.session_state[f"pair_{name}"] = names[index]
        column.selectbox(words, names, key=f"pair_{name}", on_change=lambda: _selected(names))


def _clicked(names: Sequence[str]) -> None:
    points = st.session_state["matrix"]["selection"]["points"]
    if not points:
        return  # A second click on the same cell empties the selection; the pair stays.
    row, column = (int(index) for index in points[0]["customdata"][:2])
    if row != column:
        view_state.put(a=names[column], b=names[row])


def _selected(names: Sequence[str]) -> None:
    view_state.put(a=st.session_state["pair_a"], b=st.session_state["pair_b"])
