"""What the server's process loads before it listens."""

import os
import resource
import subprocess
import sys

from app.dashboard.server import FIRST_NEEDED
from app.jobs.limits import machine_memory

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
