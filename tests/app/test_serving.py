import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.serving import SAMPLES, serve
from cache.store import Store, StoreBusy


class Replaced(Exception):
    """Takes the place of the replaced process."""


@pytest.fixture
def served(monkeypatch) -> Callable[[Path, int], tuple[list[str], dict[str, str]]]:
    """Tells the arguments and the environment that the server would be started with."""
    told: list[tuple[list[str], dict[str, str]]] = []

    def execve(path: str, arguments: list[str], environment: dict[str, str]) -> None:
        assert path == sys.executable
        told.append((arguments, environment))
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)

    def start(root: Path, port: int) -> tuple[list[str], dict[str, str]]:
        with pytest.raises(Replaced):
            serve(root, port)
        return told.pop()

    return start


def test_the_server_is_reached_from_this_machine_only(served, tmp_path, capsys):
    arguments, environment = served(tmp_path / "store", 9000)

    assert arguments[1:4] == ["-m", "app.dashboard.server", "run"]
    assert Path(arguments[4]).is_file()
    assert "--server.address=127.0.0.1" in arguments
    assert "--server.port=9000" in arguments
    assert environment["PARETOSCOPE_STORE"] == str(tmp_path / "store")
    assert environment["PARETOSCOPE_ADDRESS"] == "http://127.0.0.1:9000"
    assert "http://127.0.0.1:9000" in capsys.readouterr().out


def test_nothing_is_sent_out_and_no_traceback_is_shown(served, tmp_path):
    arguments, _ = served(tmp_path, 8501)

    assert "--browser.gatherUsageStats=false" in arguments
    assert "--client.showErrorDetails=none" in arguments


def test_the_project_is_importable_and_what_was_importable_stays_so(served, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    _, environment = served(tmp_path, 8501)

    root, *rest = environment["PYTHONPATH"].split(os.pathsep)
    assert (Path(root) / "app" / "serving.py").is_file()
    assert rest == ["/elsewhere"]


def test_the_lock_is_free_for_the_server_to_take(served, tmp_path):
    served(tmp_path, 8501)

    with Store(tmp_path).lock():
        pass


def test_a_store_that_is_held_is_refused_in_the_terminal(served, tmp_path):
    with Store(tmp_path).lock("http://127.0.0.1:8000"), pytest.raises(StoreBusy, match="8000"):
        serve(tmp_path, 8501)


def test_shipped_samples_are_where_the_server_looks():
    assert (SAMPLES / "digits" / "study.toml").is_file()
