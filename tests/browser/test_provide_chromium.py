import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import provide_chromium


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder as the whole path, and no way to install anything."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PARETOSCOPE_CHROMIUM", raising=False)
    monkeypatch.setattr(provide_chromium, "install_playwright_build", lambda: None)
    return tmp_path


def program(path: Path, exit_status: int = 0) -> str:
    path.write_text(f"#!/bin/sh\nexit {exit_status}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_one_on_the_path_is_taken(nothing_installed: Path) -> None:
    path = program(nothing_installed / "google-chrome")

    assert provide_chromium.provide_chromium() == path


def test_a_stand_in_that_does_not_start_is_passed_over(nothing_installed: Path) -> None:
    program(nothing_installed / "chromium", exit_status=1)
    path = program(nothing_installed / "chromium-browser")

    assert provide_chromium.provide_chromium() == path


def test_the_named_one_comes_first(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(nothing_installed / "chromium")
    named = program(nothing_installed / "mine")
    monkeypatch.setenv("PARETOSCOPE_CHROMIUM", named)

    assert provide_chromium.provide_chromium() == named


def test_a_named_one_that_does_not_start_is_refused(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(nothing_installed / "chromium")
    monkeypatch.setenv("PARETOSCOPE_CHROMIUM", str(nothing_installed / "absent"))

    with pytest.raises(SystemExit, match=r"which does not start\. Expected the path of a Chromium"):
        provide_chromium.provide_chromium()


def test_debians_package_is_installed_where_it_may_be(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        if command[-1] == "chromium":
            program(nothing_installed / "chromium")
        return subprocess.CompletedProcess(command, 0)

    program(nothing_installed / "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", run)

    assert provide_chromium.provide_chromium() == str(nothing_installed / "chromium")
    assert [command[-1] for command in commands if "apt-get" in command] == ["update", "chromium"]


def test_playwrights_own_is_the_last_resort(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provide_chromium, "install_playwright_build", lambda: "/playwright/chrome")

    assert provide_chromium.provide_chromium() == "/playwright/chrome"


def test_without_any_the_tests_fail_with_the_remedy(nothing_installed: Path) -> None:
    with pytest.raises(SystemExit, match="name it: PARETOSCOPE_CHROMIUM="):
        provide_chromium.provide_chromium()


def test_the_script_prints_the_path_and_nothing_else(nothing_installed: Path) -> None:
    path = program(nothing_installed / "chromium")

    printed = subprocess.run(
        [sys.executable, provide_chromium.__file__], capture_output=True, text=True, check=True
    ).stdout

    assert printed == f"{path}\n"
