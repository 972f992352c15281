"""Loading ahead: what a later click needs and no first page may wait for.

scikit-learn takes seconds to import. Once a page has been shown it is loaded beside, so that whoever turns to Improve
does not wait for it.
"""

import importlib
from threading import Thread

import streamlit as st

LATER_NEEDED = ("sklearn.cluster",)


@st.cache_resource(show_spinner=False)
def load_ahead() -> Thread:
    """Starts loading, once a server; returns the thread that does it."""
    thread = Thread(target=_load, name="load ahead")
    thread.start()
    return thread


def _load() -> None:
    for name in LATER_NEEDED:
        importlib.import_module(name)
