"""Secrets of the server's surroundings appear in no log, no result, no report and no packed study."""

import fcntl
import shutil
from pathlib import Path

import pytest

from app.jobs import start_job
from app.workflow.export import export_study
from app.workflow.pack import pack_study
from cache import Cache
from engine.study import load_study
from tests.app.workflow.test_access import SECRET_VALUES, SECRETS

TOKEN = "a-token-of-the-environment-6b1f"


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """A home with a login, and a token in the environment, as a server has them."""
    (tmp_path / "home" / ".streamlit").mkdir(parents=True)
    (tmp_path / "home" / ".streamlit" / "secrets.toml").write_text(SECRETS)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PROVIDER_TOKEN", TOKEN)


def files_with(folder: Path, *values: str) -> list[str]:
    """Returns the files below a folder in which one of the values stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if any(value.encode() in path.read_bytes() for value in values)]


def test_no_log_no_result_no_report_and_no_packed_study_holds_a_secret(surroundings, tmp_path, digits, digits_store):
    for run in digits_store.finished_runs():
        # What is there already was computed without secrets around it.
        if run.manifest()["kind"] != "reweight":
            shutil.rmtree(run.path)
    done = start_job(digits_store, "ceiling", digits, {})
    # One that ends in an error: its traceback goes to the log.
    failing = start_job(digits_store, "ceiling", digits, {"epoch": 4000})
    for job in (done, failing):
        # The kernel frees the lock when the worker is at its end.
        with job.lock_path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
    assert done.status().state == "finished", done.log_tail()
    assert "Traceback" in failing.log_tail()
    study = load_study(digits)
    export_study(digits / "study.toml", study, digits_store, tmp_path / "export", {})
    pack_study(digits / "study.toml", study, digits_store, tmp_path / "packed")
    with Cache.open(digits_store) as cache:
        cache.ingest()
    for folder in (digits_store.root, tmp_path / "export", tmp_path / "packed"):
        assert files_with(folder, TOKEN, *SECRET_VALUES) == []


def test_the_search_for_secrets_finds_one(tmp_path):
    (tmp_path / "log.txt").write_text(f"os.environ = {{'PROVIDER_TOKEN': '{TOKEN}'}}")
    assert files_with(tmp_path, TOKEN) == ["log.txt"]
