"""Where long work is done: on this machine, or on the cluster that the dashboard was started with."""

import streamlit as st

from app.components import view_state
from app.components.plain import plain
from app.workflow.cluster import cluster_words, how_to_offer, offered_cluster

_CHOSEN, _CHANGED = "on_cluster", "on_cluster_changed"
"""In the session and not in the address of the page: it is no part of what is looked at."""


def work_place(form: str) -> None:
    """Shows the choice beside the button that starts some work; nothing where there is only this machine.

    What is chosen holds for all forms, and for what the other pages of this session start.

    Args:
        form: that tells the choice from others on the page.
    """
    address = offered_cluster()
    if address is None:
        return
    key = f"work_place_{form}"
    view_state.hold(key, is_on_cluster())
    st.segmented_control(
        "Where it runs",
        [False, True],
        format_func=lambda there: plain(cluster_words(address)) if there else "This machine",
        key=key,
        required=True,
        on_change=lambda: st.session_state.update({_CHOSEN: st.session_state[key], _CHANGED: True}),
        help="The result is the same. The cluster shares the work out among its machines; what reads or sums up stays"
        " here. The durations that are told are those of this machine.",
    )
    if st.session_state.pop(_CHANGED, False):
        # A fragment alone was run: a form outside of it would still show the other choice.
        st.rerun(scope="app")


def is_on_cluster() -> bool:
    """Says whether the cluster was chosen in this session."""
    return bool(st.session_state.get(_CHOSEN, False))


def about_work_places() -> None:
    """Says in a line where jobs run, and how to add a cluster."""
    address = offered_cluster()
    if address is None:
        st.caption(f"Jobs run on this machine. {how_to_offer()}")
    else:
        st.caption(f"Jobs run on this machine, or on the {plain(cluster_words(address))} where that was chosen.")
