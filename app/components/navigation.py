"""The pages in the order of a user's questions, and the way from one to another.

The links are our own and carry the view: a turn of the page is then one step of the browser's history. Those of
Streamlit drop it, so that the way back would first lead to the same page without it.
"""

from pathlib import Path

import streamlit as st

from app.components import view_state

_PAGES = Path(__file__).resolve().parents[1] / "pages"
_IN_ORDER = (
    ("ceiling", "Ceiling", ":material/vertical_align_top:"),
    ("explore", "Explore", ":material/scatter_plot:"),
    ("harmful", "Harmful", ":material/report:"),
    ("improve", "Improve", ":material/trending_up:"),
    ("trust", "Trust", ":material/verified:"),
    ("epochs", "Epochs", ":material/show_chart:"),
    ("studies", "Studies", ":material/folder_open:"),
    ("introduction", "Introduction", ":material/school:"),
)


def pages() -> list[st.Page]:
    """Returns the pages; the first is shown where the address names none."""
    return [
        st.Page(_path(name), title=title, icon=icon, default=name == _IN_ORDER[0][0]) for name, title, icon in _IN_ORDER
    ]


def page_links() -> None:
    """Shows the way to every page; what is in view stays in view."""
    st.session_state["linked"] = view = view_state.written()
    for name, title, icon in _IN_ORDER:
        st.page_link(_path(name), label=title, icon=icon, width="stretch", query_params=view)


def renew_links() -> None:
    """Draws the page anew where its links do not hold the view any more, as after a fragment has changed it."""
    if st.session_state["linked"] != view_state.written():
        st.rerun(scope="app")


def go_to(name: str) -> None:
    """Turns to another page; what is in view stays in view."""
    st.switch_page(_path(name), query_params=view_state.written())


def _path(name: str) -> Path:
    return _PAGES / f"{name}.py"
