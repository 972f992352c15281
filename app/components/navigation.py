"""The pages in the order of a user's questions, and the way from one to another."""

from pathlib import Path

import streamlit as st

_PAGES = Path(__file__).resolve().parents[1] / "pages"
_IN_ORDER = (
    ("ceiling", "Ceiling", ":material/vertical_align_top:"),
    ("explore", "Explore", ":material/scatter_plot:"),
    ("improve", "Improve", ":material/trending_up:"),
    ("introduction", "Introduction", ":material/school:"),
)


def pages() -> list[st.Page]:
    """Returns the pages; the first is shown where the address names none."""
    return [
        st.Page(_PAGES / f"{name}.py", title=title, icon=icon, default=name == _IN_ORDER[0][0])
        for name, title, icon in _IN_ORDER
    ]


def go_to(name: str) -> None:
    """Turns to another page; what is in view stays in view."""
    st.switch_page(_PAGES / f"{name}.py")
