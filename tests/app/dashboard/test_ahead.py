"""What is loaded beside the first page."""

import sys

import pytest
import streamlit as st

from app.dashboard.ahead import LATER_NEEDED, load_ahead


@pytest.fixture(autouse=True)
def _new_server():
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_what_a_later_click_needs_is_loaded_once_a_server():
    first, second = load_ahead(), load_ahead()
    first.join()

    assert first is second
    assert all(name in sys.modules for name in LATER_NEEDED)
