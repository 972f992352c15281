"""Target classes: clicked on the accuracy bars, and mirrored in a multiselect.

The multiselect is the keyboard path and shows the truth; the bars never change with
the selection, since a chart that changes loses its zoom.
"""

from collections.abc import Sequence

import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.run_views import accuracy_figure


def target_picker(names: Sequence[str], key: str, page: str) -> tuple[int, ...]:
    """Shows bars and multiselect and returns the target classes.

    Args:
        names: class names.
        key: of the influence run.
        page: tells the widgets of different pages apart.
    """
    bars, choice = f"bars_{page}", f"targets_{page}"
    st.session_state[choice] = [names[k] for k in view_state.targets(names)]
    st.multiselect(
        "Classes to improve",
        names,
        key=choice,
        on_change=lambda: view_state.set_targets([names.index(name) for name in st.session_state[choice]], names),
        placeholder="Click bars below, or choose here",
        help="The classes that are to get better. All others are to keep what they have.",
    )
    chart(accuracy_figure(key), bars, on_select=lambda: _clicked(bars, names))
    return view_state.targets(names)


def _clicked(bars: str, names: Sequence[str]) -> None:
    """Toggles the class of the clicked bar; a second click on it arrives as an emptied selection."""
    points = st.session_state[bars]["selection"]["points"]
    # By study: a chart of another one that is emptied says nothing about this one's classes.
    last = f"last_{bars}_{view_state.get('study')}"
    if points:
        k = int(points[0]["customdata"][0])
        st.session_state[last] = k
        view_state.toggle_target(k, names)
    elif last in st.session_state:
        view_state.toggle_target(st.session_state.pop(last), names)
