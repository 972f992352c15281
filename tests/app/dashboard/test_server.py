"""What the server's process loads before it listens."""

import subprocess
import sys

from app.dashboard.server import FIRST_NEEDED

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
