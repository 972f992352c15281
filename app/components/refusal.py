"""How a page shows an input that was refused, and nothing else of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.components.plain import plain
from engine.errors import RefusedInput


@contextmanager
def refusals_shown() -> Iterator[None]:
    """Shows a refusal in place of whatever the context would have drawn."""
    try:
        yield
    except RefusedInput as refusal:
        st.error(plain(refusal), icon=":material/block:")
