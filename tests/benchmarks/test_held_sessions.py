"""Sessions held without a browser see what a browser would: every page, and its errors."""

import pytest

from benchmarks.dashboard_server import served
from benchmarks.held_sessions import PAGES, load_pages
from cache.store import Store


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A study whose data are missing."""
    file = tmp_path_factory.mktemp("broken") / "study.toml"
    file.write_text('name = "broken"\n[data]\nformat = "csv"\ntrain = "gone.csv"\n[model]\narchitecture = "mlp"\n')
    return file


@pytest.fixture(scope="module")
def address(tmp_path_factory, broken):
    store = Store(tmp_path_factory.mktemp("held") / "store")
    store.register_study(broken)
    with served(store.root) as address:
        yield address


def test_every_session_loads_every_page(address):
    came = load_pages(address, 2, 2 * len(PAGES), every=0.0)

    assert came.errors == []
    assert len(came.seconds) == 2 * len(PAGES)
    assert all(0.0 < seconds < 60.0 for seconds in came.seconds)


def test_what_a_page_shows_as_an_error_is_told(address, broken):
    came = load_pages(address, 1, 1, {"study": str(broken)})

    (error,) = came.errors
    assert error.startswith("ceiling: ")
    assert "validation is missing" in error


def test_a_page_that_is_not_there_is_told(address, monkeypatch):
    monkeypatch.setattr("benchmarks.held_sessions.PAGES", ("nowhere",))

    assert load_pages(address, 1, 1).errors == ["nowhere: no such page"]
