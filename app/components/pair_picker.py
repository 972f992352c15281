"""The pair of classes that is looked at: clicked in the matrix, mirrored in two select boxes."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.run_views import matrices, matrix_figure
from app.figures import worst_first
from app.figures.ordering import MANY_CLASSES
from app.workflow.class_pairs import drawn_classes, first_pairs, pair_table

_KINDS = {
    "correlation": "Correlation",
    "joint_negative": "Harm both",
    "joint_positive": "Help both",
}
_HELP = (
    "Correlation: of the samples' influence on two classes; below 0, what helps one harms the other."
    " Harm both, help both: the share of all training samples whose presence does so to the two."
)
_LISTS = {
    "correlation": ("The most opposed pairs", "correlation", "%.2f"),
    "joint_negative": ("The pairs that most samples harm", "harm both", "%.1f%%"),
    "joint_positive": ("The pairs that most samples help", "help both", "%.1f%%"),
}


def chosen_pair(names: Sequence[str], accuracy: Sequence[float | None]) -> tuple[int, int]:
    """Returns the pair in view; by default the two classes with the worst accuracy."""
    worst = worst_first([math.nan if value is None else value for value in accuracy])
    a, b = view_state.class_index("a", names), view_state.class_index("b", names)
    if a is None or b is None or a == b:
        return int(worst[0]), int(worst[1])
    return a, b


def turn_to_pair(a: str, b: str) -> None:
    """Shows another pair by the names of its classes; what was drawn over the last one is let go."""
    if (view_state.get("a"), view_state.get("b")) != (a, b):
        view_state.put(a=a, b=b, region=None, zoom=None, slice=None)


def pair_picker(names: Sequence[str], key: str, pair: tuple[int, int]) -> None:
    """Shows the matrix, the two select boxes and, of many classes, the first pairs.

    Args:
        names: class names.
        key: of the influence run.
        pair: the classes in view.
    """
    first, second = st.columns(2)
    for column, name, index, words in ((first, "a", pair[0], "To the right"), (second, "b", pair[1], "Upwards")):
        st.session_state[f"pair_{name}"] = names[index]
        column.selectbox(
            words,
            names,
            key=f"pair_{name}",
            on_change=lambda: _chosen(names, pair),
            help="Type to search. A click into the matrix chooses both classes.",
        )
    kind = view_state.choice("colour", _KINDS, "correlation")
    st.session_state["matrix_kind"] = kind
    st.segmented_control(
        "Colour shows",
        list(_KINDS),
        format_func=_KINDS.__getitem__,
        key="matrix_kind",
        on_change=lambda: view_state.put(colour=st.session_state["matrix_kind"]),
        help=_HELP,
    )
    values = matrices(key)[kind]
    if len(names) > MANY_CLASSES:
        _pair_list(names, values, kind)
    shown = drawn_classes(values, kind)
    figure = matrix_figure(key, kind, tuple(names), None if shown is None else tuple(shown))
    chart(figure, "matrix", on_select=lambda: _clicked(names, shown))


def _chosen(names: Sequence[str], pair: tuple[int, int]) -> None:
    a, b = st.session_state["pair_a"], st.session_state["pair_b"]
    # The class that the other axis has: they change places.
    turn_to_pair(*((a, b) if a != b else (names[pair[1]], names[pair[0]])))


def _pair_list(names: Sequence[str], values: np.ndarray, kind: str) -> None:
    title, told, form = _LISTS[kind]
    key = f"first_pairs_{kind}"
    st.markdown(f"**{title}**")
    st.dataframe(
        pair_table(values, kind, names),
        key=key,
        hide_index=True,
        width="stretch",
        height=214,
        column_config={"value": st.column_config.NumberColumn(told, format=form, help=_HELP)},
        on_select=lambda: _chosen_of_list(key, names, values, kind),
        selection_mode="single-row",
    )


def _chosen_of_list(key: str, names: Sequence[str], values: np.ndarray, kind: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        a, b = first_pairs(values, kind, rows[0] + 1)[rows[0]]
        turn_to_pair(names[a], names[b])


def _clicked(names: Sequence[str], shown: Sequence[int] | None) -> None:
    points = st.session_state["matrix"]["selection"]["points"]
    if not points:
        return  # A second click on the same cell empties the selection; the pair stays.
    places = (round(points[0]["x"]), round(points[0]["y"]))
    column, row = places if shown is None else (shown[place] for place in places)
    if row != column:
        turn_to_pair(names[column], names[row])
