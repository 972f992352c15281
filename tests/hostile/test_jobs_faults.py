"""Each way in which a job can end badly: said in words, and gone on from by the next start. The workers are real."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.jobs import JobFolder, cancel_job, open_job, start_job
from app.serving import serve
from cache.store import Store
from engine.errors import RefusedInput
from tests.hostile.kill_cache import served
from tests.hostile.preloaded import REPOSITORY
from tests.hostile.session import visiting

WORKER = (sys.executable, str(REPOSITORY / "tests" / "app" / "jobs" / "scripted_worker.py"))
STUDY = """name = "faults"
[data]
format = "npz"
train = "train.npz"
validation = 0.2
[model]
architecture = "mlp"
"""
Start = Callable[..., JobFolder]

# A server that starts a job, tells its name, and is killed.
KILLED_SERVER = """
import json, os, signal, sys
from pathlib import Path
from app.jobs import start_job
from cache.store import Store

root, study, options, argv = json.loads(sys.argv[1])
print(start_job(Store(Path(root)), "count", Path(study), options, argv).id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    (tmp_path / "train.npz").touch()
    return path


@pytest.fixture
def start(store: Store, study: Path, tmp_path: Path) -> Start:
    """Starts a command of the scripted worker."""

    def begin(command: str, **options: Any) -> JobFolder:
        return start_job(store, command, study, {"folder": str(tmp_path), **options}, WORKER)

    return begin


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def until(job: JobFolder, *states: str) -> str:
    """Waits until a job is in one of some states; returns what it says of it."""
    deadline = time.monotonic() + 100
    while job.status().state not in states and time.monotonic() < deadline:
        time.sleep(0.02)
    status = job.status()
    assert status.state in states, f"{status.state}: {status.message} {job.log_tail()}"
    return status.message or status.note


ENDED = ("finished", "cancelled", "refused", "out of memory", "out of time", "disk full", "killed", "crashed", "failed")


def end_of(job: JobFolder) -> tuple[str, str]:
    words = until(job, *ENDED)
    return job.status().state, words


@pytest.mark.parametrize("of", ["python", "torch"])
def test_a_job_that_wants_more_memory_than_its_limit_ends_alone_and_in_words(
    start: Start, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    monkeypatch.setenv("PARETOSCOPE_JOB_MEMORY", "1.5GB")
    state, words = end_of(start("grow", of=of))
    assert state == "out of memory"
    assert "reached its limit of 1.5 GB" in words
    assert "Lower [compute] batch_size" in words
    monkeypatch.setenv("PARETOSCOPE_JOB_MEMORY", "6GB")
    assert end_of(start("grow", of=of))[0] == "finished"


def test_a_job_that_had_its_time_ends_in_words_and_goes_on_when_it_is_started_again(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARETOSCOPE_JOB_HOURS", "0.00003")
    job = start("work_on")
    state, words = end_of(job)
    assert state == "out of time"
    assert "reached the time limit of 0.0018 minutes" in words
    assert "What was finished is kept" in words
    monkeypatch.delenv("PARETOSCOPE_JOB_HOURS")
    (tmp_path / "enough").touch()
    assert end_of(start("work_on"))[0] == "finished"
    assert job.status().result == {"found": True}


def test_jobs_beyond_the_places_wait_and_a_killed_worker_frees_its_own(
    start: Start, monkeypatch: pytest.MonkeyPatch, gate: Path
) -> None:
    monkeypatch.setenv("PARETOSCOPE_JOBS_AT_ONCE", "1")
    first = start("count", steps=4, gate=1)
    with gate.open("w"):
        second, third = start("work_on", number=2), start("count", steps=2)
        assert until(second, "waiting") in ("", "Waits for the one place for jobs")
        while third.status().note != "Waits for the one place for jobs; 1 was asked for before":
            time.sleep(0.02)
        cancel_job(second)
        assert end_of(second)[0] == "cancelled"
        assert first.status().state == "running"
        assert third.status().state == "waiting"
        pid = first.worker_pid()
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
    assert end_of(first)[0] == "killed"
    assert end_of(third)[0] == "finished"


@pytest.mark.parametrize("name", ["PARETOSCOPE_JOB_MEMORY", "PARETOSCOPE_JOB_HOURS", "PARETOSCOPE_JOBS_AT_ONCE"])
def test_a_limit_that_cannot_be_used_is_refused_by_the_worker_and_at_the_servers_start(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, "plenty")
    state, words = end_of(start("count", steps=1))
    assert state == "refused"
    assert f"{name} is 'plenty'" in words
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("the server was started"))
    with pytest.raises(RefusedInput, match=f"{name} is 'plenty'"):
        serve(tmp_path / "store", 8501)


@pytest.mark.parametrize("at", ["first.json", "second.json", "progress.json", "result.json", "anything"])
def test_a_full_disk_ends_the_job_in_words_and_the_next_start_goes_on(start: Start, tmp_path: Path, at: str) -> None:
    job = start("fill", at=at)
    state, words = end_of(job)
    assert state == "disk full"
    assert "No space left on device" in words or "The disk is full" in words
    assert "start it again to go on from there" in words
    (tmp_path / "room").touch()
    assert end_of(start("fill", at=at))[0] == "finished"
    result = job.status().result
    assert result is not None
    assert result["found"] == {"second.json": ["first.json"], "progress.json": ["first.json"]}.get(
        at, ["first.json", "second.json"] if at == "result.json" else []
    )


def test_a_worker_goes_on_when_its_server_is_killed(store: Store, study: Path, tmp_path: Path, gate: Path) -> None:
    options = {"folder": str(tmp_path), "steps": 3, "gate": 1}
    asked = json.dumps([str(store.root), str(study), options, WORKER])
    server = subprocess.run(
        [sys.executable, "-c", KILLED_SERVER, asked], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False
    )
    assert server.returncode == -signal.SIGKILL
    job = open_job(store, server.stdout.strip())
    with gate.open("w"):
        assert job.status().state == "running"
    assert end_of(job)[0] == "finished"


def test_a_worker_whose_end_nobody_saw_is_interrupted_and_says_so(
    store: Store, study: Path, tmp_path: Path, gate: Path
) -> None:
    options = {"folder": str(tmp_path), "steps": 3, "gate": 1}
    asked = json.dumps([str(store.root), str(study), options, WORKER])
    server = subprocess.run(
        [sys.executable, "-c", KILLED_SERVER, asked], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False
    )
    job = open_job(store, server.stdout.strip())
    with gate.open("w"):
        pid = job.worker_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert "killed, or the machine went down" in until(job, "interrupted")


@pytest.mark.timeout(300)
def test_a_second_server_is_refused_with_the_firsts_address_and_a_stopped_one_lets_go(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with served(store.root) as (first, port):
        second = subprocess.run(
            [sys.executable, "-m", "app", "--cache", str(store.root), "--port", str(port + 1)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert second.returncode == 2
        assert f"in use by process {first.pid} at http://127.0.0.1:{port}" in second.stderr
        with visiting(port) as session:
            assert b"in use" not in session.draw()
        first.terminate()
        assert first.wait(timeout=60) in (0, -signal.SIGTERM)
    with store.lock():
        pass
