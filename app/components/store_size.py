"""How much the store holds, and the command that makes room in it."""

import streamlit as st

from app.components.plain import plain_code
from app.components.server_state import opened
from app.figures.wording import size_in_words
from app.workflow.store_contents import stored


def store_size() -> None:
    """Says it in one line."""
    root = opened().store.root
    size = size_in_words(_size(str(root)))
    st.caption(f"The store {plain_code(root)} holds {size}. `python -m app prune --dry-run` says what is not needed.")


@st.cache_data(show_spinner=False, ttl=60, max_entries=4)
def _size(root: str) -> int:
    return stored("store", opened().store.root).bytes
