"""Pages of the dashboard on a study of their own, in the way of Streamlit's own tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import app.components.server_state

DASHBOARD = Path(app.components.server_state.__file__).parents[1] / "dashboard" / "main.py"
Page = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _for_this_machine_alone(monkeypatch):
    """Takes the dashboard as it is served by default: bound to more, each of its pages says so."""
    monkeypatch.setattr(app.components.server_state, "bound_to", lambda: "127.0.0.1")


@pytest.fixture
def page_of(digits_store, monkeypatch) -> Iterator[Callable[[Path, str], Page]]:
    """From a study's folder and a page's name to what opens it; its keyword arguments are what the address says."""
    monkeypatch.setenv("PARETOSCOPE_STORE", str(digits_store.root))
    monkeypatch.setattr(app.components.server_state, "SAMPLES", digits_store.root / "no samples")

    def of(study: Path, name: str) -> Page:
        digits_store.register_study(study / "study.toml")

        def page(**view: str) -> AppTest:
            dashboard = AppTest.from_file(str(DASHBOARD), default_timeout=180)
            for key, value in view.items():
                dashboard.query_params[key] = value
            dashboard.run()
            assert not dashboard.exception
            shown = dashboard.switch_page(f"../pages/{name}.py").run()
            assert not shown.exception
            return shown

        return page

    st.cache_resource.clear()
    st.cache_data.clear()
    yield of
    app.components.server_state.opened().cache.close()
    st.cache_resource.clear()
    st.cache_data.clear()
