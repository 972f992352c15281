"""What all tests share: one thread of arithmetic, and the data that lies outside the repository."""

import os

# Before torch or NumPy is imported: the last bits of a sum depend on the number of threads.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] = "false"

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parent.parent
# A slow machine is no fault of the code; on CI the same examples are tried each time.
settings.register_profile("paretoscope", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("paretoscope")

_not_run = pytest.StashKey[int]()


def _data_folder() -> Path | None:
    named = os.environ.get("PARETOSCOPE_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    if named:
        raise pytest.UsageError(f"PARETOSCOPE_DATA is {named!r}, which is not a folder: mend it, or unset it")
    return None


@pytest.fixture(scope="session")
def external_data() -> Path:
    """The folder of the data outside the repository; a test that asks for it is not run where there is none."""
    folder = _data_folder()
    assert folder is not None, "mark the fixture that asks for external_data with needs_data"
    return folder


@pytest.fixture(autouse=True)
def same_main() -> Iterator[None]:
    """Puts the main module back: Streamlit's tests leave their script there, and processes that are spawned run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests that need data which is not there; the summary says how many."""
    for item in items:
        if "external_data" in getattr(item, "fixturenames", ()):
            item.add_marker("needs_data")
    if _data_folder() is not None:
        return
    left_out = [item for item in items if item.get_closest_marker("needs_data")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    config.stash[_not_run] = len(left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands the number to the process that prints, where pytest-xdist runs the tests in others."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_run"] = session.config.stash.get(_not_run, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes the number from a worker: each collects all tests, so they name the same one."""
    node.config.stash[_not_run] = getattr(node, "workeroutput", {}).get("not_run", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which tests were not run, so that a green run never hides them."""
    count = config.stash.get(_not_run, 0)
    if count:
        terminalreporter.write_line(
            f"{count} {'test' if count == 1 else 'tests'} that need external data were not run: set PARETOSCOPE_DATA",
            yellow=True,
        )
