"""What the server's process loads before it listens."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from app import held_cache
from app.components import server_state
from app.dashboard.server import FIRST_NEEDED
from app.jobs.limits import machine_memory
from cache.store import Store

REPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*(name for name in ("plotly.graph_objects", "duckdb", "pandas", "torch", "sklearn") if name in sys.modules))
"""


def test_what_the_first_page_needs_is_loaded_and_nothing_that_takes_seconds():
    # Only a fresh interpreter tells what an import brings along; warnings there are Streamlit's, of caches too early.
    done = subprocess.run([sys.executable, "-c", REPORT, *FIRST_NEEDED], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["plotly.graph_objects", "duckdb", "pandas"]
    assert done.stderr == ""


CONFINED = """
import resource, runpy
import streamlit.web.cli as cli
cli.main = lambda **_: print(*resource.getrlimit(resource.RLIMIT_DATA))
runpy.run_module("app.dashboard.server", run_name="__main__")
"""
HELD = """
import os, runpy
from pathlib import Path
import streamlit.web.cli as cli
from cache.store import Store

def main(**_):
    holder = Store(Path(os.environ["PARETOSCOPE_STORE"])).holder()
    print("listens", holder and holder.address)

cli.main = main
runpy.run_module("app.dashboard.server", run_name="__main__")
"""
LOWER = """
import resource
from app.jobs.limits import confine_server
resource.setrlimit(resource.RLIMIT_DATA, (10**9, resource.getrlimit(resource.RLIMIT_DATA)[1]))
confine_server()
print(resource.getrlimit(resource.RLIMIT_DATA)[0])
"""
ADDRESS = "http://127.0.0.1:8765"


def test_the_server_is_held_to_the_memory_that_leaves_it_alive_and_its_workers_are_not(tmp_path):
    # A page reads data that are anybody's; what they unpack to must not be what ends the server.
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    done = subprocess.run(
        [sys.executable, "-c", CONFINED],
        env={**os.environ, "PARETOSCOPE_STORE": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [str(int(0.8 * machine_memory())), str(most)]


def test_a_limit_that_whoever_starts_the_server_has_set_lower_stays():
    done = subprocess.run([sys.executable, "-c", LOWER], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(10**9)]


def started(store: Path) -> subprocess.CompletedProcess[str]:
    """Runs the server's process up to where it would listen."""
    environment = {**os.environ, "PARETOSCOPE_STORE": str(store), "PARETOSCOPE_ADDRESS": ADDRESS}
    return subprocess.run([sys.executable, "-c", HELD], env=environment, capture_output=True, text=True, check=False)


def test_the_store_is_held_under_the_servers_address_before_it_listens(tmp_path):
    assert started(tmp_path / "store").stdout.split() == ["listens", ADDRESS]


def test_a_server_whose_store_another_one_took_meanwhile_never_listens(tmp_path):
    with Store(tmp_path).lock("http://127.0.0.1:1"):
        second = started(tmp_path)

    assert second.returncode == 2
    assert "http://127.0.0.1:1" in second.stderr
    assert second.stdout == ""


def test_a_damaged_cache_does_not_keep_the_server_from_telling_it(tmp_path):
    Store(tmp_path).database_path.write_bytes(b"no database at all" * 500)

    assert started(tmp_path).stdout.split()[0] == "listens"


@pytest.fixture
def store(tmp_path, monkeypatch) -> Iterator[Store]:
    """A store that pages of this process open."""
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path))
    monkeypatch.setenv("PARETOSCOPE_ADDRESS", ADDRESS)
    monkeypatch.setattr(server_state, "SAMPLES", tmp_path / "no samples")
    monkeypatch.setattr(held_cache, "_held", {})
    st.cache_resource.clear()
    yield Store(tmp_path)
    server_state.opened().cache.close()
    st.cache_resource.clear()


def test_pages_use_the_cache_that_the_server_holds(store):
    held_cache.hold(store, ADDRESS)
    assert server_state.opened().cache is held_cache.held(store)


def test_a_cache_that_is_opened_by_the_first_page_tells_where_the_server_is(store):
    assert server_state.opened().cache
    holder = store.holder()
    assert holder is not None
    assert holder.address == ADDRESS
