"""Tests that need data outside the repository are either run or said to be missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TWO_TESTS = """
import pytest

def test_plain():
    pass

def test_with_data(external_data):
    assert (external_data / "here").is_file()

@pytest.mark.needs_data
def test_marked():
    pass
"""
MARKER = "[pytest]\nmarkers = needs_data: needs data\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of three tests beside which there is no data."""
    root = tmp_path / "repository"
    (root / "tests").mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "conftest.py", root / "tests")
    (root / "tests" / "test_two.py").write_text(TWO_TESTS, encoding="utf-8")
    (root / "pytest.ini").write_text(MARKER, encoding="utf-8")
    return root


def run_pytest(root: Path, *options: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PARETOSCOPE_DATA"}
    if data is not None:
        environment["PARETOSCOPE_DATA"] = str(data)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["in one process", "by workers"])
def test_without_the_data_the_summary_says_how_many_tests_were_not_run(
    checkout: Path, options: tuple[str, ...]
) -> None:
    result = run_pytest(checkout, *options)

    assert "2 tests that need external data were not run: set PARETOSCOPE_DATA" in result.stdout
    assert "1 passed" in result.stdout
    assert result.returncode == 0


def test_with_the_data_beside_the_repository_all_tests_are_run(checkout: Path) -> None:
    data = checkout.parent / "shared" / "data"
    data.mkdir(parents=True)
    (data / "here").touch()

    result = run_pytest(checkout)

    assert "3 passed" in result.stdout
    assert "not run" not in result.stdout


def test_the_data_may_lie_elsewhere(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "here").touch()

    assert "3 passed" in run_pytest(checkout, data=tmp_path).stdout


def test_a_folder_that_is_named_but_absent_is_an_error(checkout: Path, tmp_path: Path) -> None:
    result = run_pytest(checkout, data=tmp_path / "absent")

    assert "which is not a folder: mend it, or unset it" in result.stderr
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
