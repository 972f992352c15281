"""What a server really answers, over the network and once it is told to stop."""

import runpy
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import streamlit as st

from app.components.faults import show_uncaught
from app.serving import APPLICATION
from benchmarks.dashboard_server import served
from cache.store import Store
from tests.hostile.session import visiting


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[str, Store, ExitStack]]:
    """The address of a server, its store, and what stops it."""
    store = Store(tmp_path_factory.mktemp("server") / "store")
    with ExitStack() as running:
        yield running.enter_context(served(store.root)), store, running


def answered(address: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


@pytest.mark.parametrize("path", ["metrics", "metrics/", "metrics?families=session_events", "%6detrics"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_nobody_is_told_the_statistics_of_the_server(server, path, method):
    assert answered(f"{server[0]}/_stcore/{path}", method) == 404


def test_a_server_draws_its_page_and_closes_what_it_holds_when_it_is_told_to_stop(server):
    address, store, running = server
    assert answered(f"{address}/_stcore/health") == 200
    with visiting(int(address.rpartition(":")[2])) as session:
        drawn = session.draw()
        assert b"digits" in drawn
        assert b"in use by" not in drawn, "of the server itself"
        assert store.database_path.with_name("cache.duckdb.wal").exists(), "the cache is open"
        running.close()
    assert sorted(path.name for path in store.root.iterdir()) == ["cache.duckdb", "lock"]


def test_streamlit_shows_what_fails_outside_of_a_page_in_our_way(monkeypatch):
    told: dict[str, object] = {}
    monkeypatch.setattr(st, "App", lambda script, **options: told.update(options, script=script))
    runpy.run_path(str(APPLICATION))
    assert told["on_script_error"] is show_uncaught
    assert told["script"] == APPLICATION.with_name("main.py")
