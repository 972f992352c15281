"""A store, a study and what the tests of jobs wait with."""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.jobs import JobFolder, start_job
from cache.store import Store

STUDY = """
name = "digits"
[data]
format = "npz"
train = "train.npz"
validation = 0.2
[model]
architecture = "mlp"
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store without shipped samples."""
    return Store(tmp_path / "store")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study file with a data file that no test reads."""
    (tmp_path / "train.npz").write_bytes(b"data")
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A named pipe at which a command waits for the test."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture
def worker_argv() -> tuple[str, str]:
    """The command line of a worker with the commands of ``scripted_worker.py``."""
    return sys.executable, str(Path(__file__).with_name("scripted_worker.py"))


@pytest.fixture
def start(store: Store, study: Path, tmp_path: Path, worker_argv: tuple[str, str]) -> Callable[..., JobFolder]:
    """Starts a command of the scripted worker on the study."""

    def begin(command: str, **options: Any) -> JobFolder:
        return start_job(store, command, study, {"folder": str(tmp_path), **options}, worker_argv)

    return begin


@pytest.fixture
def unconfined(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts back the handlers that a worker sets where it runs in this process, and spares this one its limits."""
    monkeypatch.setattr("app.jobs.worker.confine", lambda limits: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def wait() -> Callable[[JobFolder], None]:
    """Waits until the job's worker let go of its lock and its process was reaped by this one."""

    def until_ended(job: JobFolder) -> None:
        with job.lock_path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        for thread in threading.enumerate():
            if thread.name == f"reap-{job.id}":
                thread.join()

    return until_ended
