import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.serving import SAMPLES, UPLOAD_MEGABYTES, serve
from cache.store import Store, StoreBusy
from engine.errors import RefusedInput
from tests.app.workflow.test_access import SECRET_VALUES, SECRETS

REPORT = """
import json, sys
from streamlit import config
from streamlit.web import bootstrap, cli

def tell(file, args=None, flag_options=None):
    bootstrap.load_config_options(flag_options)
    names = ("server.address", "server.enableXsrfProtection", "server.enableCORS", "server.maxUploadSize",
             "browser.gatherUsageStats", "client.showErrorDetails", "secrets.files", "server.headless",
             "server.allowedHosts", "logger.hideWelcomeMessage", "server.showEmailPrompt",
             "server.fileWatcherType", "client.toolbarMode")
    print(json.dumps({name: config.get_option(name) for name in names}))

cli._main_run = tell
cli.main(["run", __import__("app.dashboard").dashboard.__file__, *sys.argv[1:]])
"""


AGAINST = """
[server]
enableXsrfProtection = false
address = "0.0.0.0"
headless = false
showEmailPrompt = true
fileWatcherType = "auto"
[browser]
gatherUsageStats = true
[client]
showErrorDetails = "full"
toolbarMode = "developer"
"""
"""What a user may have set for other dashboards."""


class Replaced(Exception):
    """Takes the place of the replaced process."""


@pytest.fixture
def served(monkeypatch, tmp_path) -> Callable[..., tuple[list[str], dict[str, str]]]:
    """Tells the arguments and the environment that the server would be started with."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    told: list[tuple[list[str], dict[str, str]]] = []

    def execve(path: str, arguments: list[str], environment: dict[str, str]) -> None:
        assert path == sys.executable
        told.append((arguments, environment))
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)

    def start(
        root: Path, port: int, address: str = "127.0.0.1", ray: str | None = None
    ) -> tuple[list[str], dict[str, str]]:
        with pytest.raises(Replaced):
            serve(root, port, address, ray)
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
    told = capsys.readouterr()
    assert "http://127.0.0.1:9000" in told.out
    assert told.err == ""


def test_a_server_that_others_reach_without_a_login_is_warned_of_in_the_terminal(served, tmp_path, capsys):
    arguments, environment = served(tmp_path / "store", 9000, "0.0.0.0")

    assert "--server.address=0.0.0.0" in arguments
    assert environment["PARETOSCOPE_ADDRESS"] == "http://0.0.0.0:9000"
    assert "without a login" in capsys.readouterr().err


def test_the_login_that_was_looked_at_is_the_one_that_is_used(served, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    arguments, _ = served(tmp_path / "store", 9000)

    used = [argument for argument in arguments if argument.startswith("--secrets.files=")]
    assert used == [f"--secrets.files={tmp_path}/{place}/.streamlit/secrets.toml" for place in ("home", "work")]


def test_a_login_that_is_set_up_wrongly_keeps_the_server_from_starting(served, tmp_path, monkeypatch):
    (tmp_path / "home" / ".streamlit").mkdir(parents=True)
    (tmp_path / "home" / ".streamlit" / "secrets.toml").write_text('[auth]\ncookie_secret = "short"\n')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    with pytest.raises(RefusedInput, match="redirect_uri is missing"):
        serve(tmp_path / "store", 9000)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_login_is_told_in_the_terminal_and_its_name_is_answered_to(served, tmp_path, monkeypatch, capsys, address):
    monkeypatch.setattr("app.workflow.access.refuse_without_authlib", lambda: None)
    (tmp_path / "home" / ".streamlit").mkdir(parents=True)
    (tmp_path / "home" / ".streamlit" / "secrets.toml").write_text(SECRETS)
    is_wide = address == "0.0.0.0"

    arguments, environment = served(tmp_path / "store", 9000, address)

    assert ("--server.allowedHosts=paretoscope.example.org" in arguments) is not is_wide
    told = capsys.readouterr()
    assert ("come back to https://paretoscope.example.org/oauth2callback" in told.out) is is_wide
    assert told.err == ""
    handed_on = f"{arguments} {set(environment.items()) - set(os.environ.items())} {told.out}"
    assert not any(value in handed_on for value in SECRET_VALUES)


def test_a_limit_of_jobs_that_cannot_be_used_keeps_the_server_from_starting(served, tmp_path, monkeypatch):
    monkeypatch.setenv("PARETOSCOPE_JOB_HOURS", "-1")

    with pytest.raises(RefusedInput, match="PARETOSCOPE_JOB_HOURS is '-1'"):
        serve(tmp_path / "store", 9000)


def test_hours_of_a_task_that_cannot_be_used_keep_the_server_from_starting(served, tmp_path, monkeypatch):
    monkeypatch.setenv("PARETOSCOPE_TASK_HOURS", "-1")

    with pytest.raises(RefusedInput, match="PARETOSCOPE_TASK_HOURS is '-1'"):
        serve(tmp_path / "store", 9000)


def test_a_cluster_is_told_in_the_terminal_and_handed_to_the_server(served, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PARETOSCOPE_RAY", "10.0.0.2:6379")
    _, environment = served(tmp_path / "store", 9000, ray="10.0.0.1:6379")
    assert environment["PARETOSCOPE_RAY"] == "10.0.0.1:6379"
    assert "Ray cluster 10.0.0.1:6379" in capsys.readouterr().out

    _, environment = served(tmp_path / "store", 9000)
    assert environment["PARETOSCOPE_RAY"] == "10.0.0.2:6379"

    monkeypatch.delenv("PARETOSCOPE_RAY")
    _, environment = served(tmp_path / "store", 9000)
    assert environment["PARETOSCOPE_RAY"] == ""
    assert "10.0.0" not in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("told", ["argument", "variable"])
def test_what_is_no_address_of_a_cluster_keeps_the_server_from_starting(served, tmp_path, monkeypatch, told):
    if told == "variable":
        monkeypatch.setenv("PARETOSCOPE_RAY", "nowhere")
    with pytest.raises(RefusedInput, match="the address of the Ray cluster is 'nowhere'"):
        serve(tmp_path / "store", 9000, ray="nowhere" if told == "argument" else None)


def test_a_cluster_without_ray_keeps_the_server_from_starting_and_says_how_to_add_it(served, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))
    with pytest.raises(RefusedInput, match=r"`pip install -r requirements-ray\.txt`"):
        serve(tmp_path / "store", 9000, ray="auto")
    assert served(tmp_path / "store", 9000)


def test_nothing_is_sent_out_and_no_traceback_is_shown(served, tmp_path):
    arguments, _ = served(tmp_path, 8501)

    assert "--browser.gatherUsageStats=false" in arguments
    assert "--client.showErrorDetails=none" in arguments


def test_requests_of_other_sites_are_refused_and_uploads_are_bounded(served, tmp_path):
    arguments, _ = served(tmp_path, 8501)

    assert {"--server.enableXsrfProtection=true", "--server.enableCORS=true"} <= set(arguments)
    assert f"--server.maxUploadSize={UPLOAD_MEGABYTES}" in arguments


def test_the_settings_are_those_that_streamlit_then_works_with(served, tmp_path, monkeypatch):
    """A setting that Streamlit does not know, or takes otherwise, would silently leave its default."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(AGAINST)
    arguments, environment = served(tmp_path / "store", 8501)

    told = subprocess.run(
        [sys.executable, "-c", REPORT, *arguments[5:]],
        cwd=tmp_path,
        env={**environment, "HOME": str(tmp_path), "STREAMLIT_SERVER_ENABLE_CORS": "false"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(told.stdout) == {
        "server.address": "127.0.0.1",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.maxUploadSize": UPLOAD_MEGABYTES,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "server.allowedHosts": ["localhost", "127.0.0.1", "::1"],
        "logger.hideWelcomeMessage": True,
        "server.headless": True,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "client.toolbarMode": "minimal",
        "secrets.files": [f"{tmp_path}/home/.streamlit/secrets.toml", f"{Path.cwd()}/.streamlit/secrets.toml"],
    }


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
