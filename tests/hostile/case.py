"""One bad input: what it does to a study, what must be answered, and how it is asked.

A case is asked the way the product is: as a job whose worker is a process of its own, by the command line, or,
where there are many, as the job's work in this process. Payloads touch the file that :data:`CANARY` names.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.jobs import JobFolder, JobRequest, start_job
from app.jobs.launch import REPOSITORY
from app.jobs.progress import JobProgress
from app.jobs.worker import run_job
from app.workflow.folder_browser import VARIABLE
from cache import Cache, ingest_if_free
from cache.store import Store
from tests.hostile.questions import commands

CANARY = "PARETOSCOPE_CANARY"
"""The environment variable that names the file which payloads make."""
WORKER = (sys.executable, "-m", "tests.hostile.questions")
Way = Literal["here", "job", "command line"]
_LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """One kind of one row of the list of bad inputs.

    Args:
        row: its number.
        name: what is wrong, in a few words.
        spoil: writes the bad input into the folder of the small study.
        phrases: what the answer must hold: what came, what was expected, what to do; of an accepted input its notice.
        accepted: whether the work is to be done, with a notice.
        command: which is run on the study.
        options: of the command.
        roots: whether the server allows the study's folder alone.
    """

    row: int
    name: str
    spoil: Callable[[Path], None]
    phrases: tuple[str, ...]
    accepted: bool = False
    command: str = "influence"
    options: Mapping[str, Any] = field(default_factory=dict)
    roots: bool = False

    @property
    def id(self) -> str:
        """The row and the name, as tests are called."""
        return f"{self.row:02d} {self.name}"


@dataclass(frozen=True)
class Answer:
    """How a case ended.

    Attributes:
        named: whether it was refused, or accepted, with the message that it must have, and no traceback in it.
        code_executed: whether a payload ran.
        cache_changed: whether a run, or a row of the cache, that was there is another now, or one of a refused input
            has been added.
        message: what the user reads.
    """

    named: bool
    code_executed: bool
    cache_changed: bool
    message: str


def run_case(case: Case, folder: Path, store: Store, way: Way = "job") -> Answer:
    """Spoils a study and asks for work on it.

    Args:
        case: the bad input.
        folder: a copy of the small study, which is changed.
        store: that the work is kept in; of an accepted input it keeps the runs.
        way: whether by a job's worker, by the command line, or by the worker's function in this process.
    """
    case.spoil(folder)
    canary = folder.parent / f"{folder.name}-canary"
    before = _contents(store)
    with _environment({CANARY: str(canary), VARIABLE: str(folder) if case.roots else None}):
        outcome, message = _ASK[way](case, folder, store)
    ingest_if_free(store)
    after = _contents(store)
    kept = {name: after.get(name) for name in before} == before
    wanted = "finished" if case.accepted else "refused"
    named = outcome == wanted and all(phrase in message for phrase in case.phrases) and "Traceback" not in message
    return Answer(
        named=named,
        code_executed=canary.exists(),
        cache_changed=not kept or (not case.accepted and after != before),
        message=f"{outcome}: {message}",
    )


def _asked_by_job(case: Case, folder: Path, store: Store) -> tuple[str, str]:
    job = start_job(store, case.command, folder, dict(case.options), WORKER)
    deadline = time.monotonic() + _LONGEST_SECONDS
    while job.status().state in ("waiting", "running") and time.monotonic() < deadline:
        time.sleep(0.02)
    return _told(job)


def _asked_here(case: Case, folder: Path, store: Store) -> tuple[str, str]:
    job = JobFolder(store.jobs_folder / hashlib.sha256(case.id.encode()).hexdigest()[:20])
    job.path.mkdir(parents=True, exist_ok=True)
    job.clear_attempt()
    job.write_request(JobRequest(case.command, folder / "study.toml", dict(case.options), store.root, None))
    run_job(job, commands(), JobProgress(job))
    return _told(job)


def _told(job: JobFolder) -> tuple[str, str]:
    # Not the status: here nobody holds the lock.
    status = job.status()
    return status.state, json.dumps(status.result) if status.state == "finished" else status.message


def _asked_by_command_line(case: Case, folder: Path, store: Store) -> tuple[str, str]:
    options = [
        f"--{name}={','.join(value) if isinstance(value, list) else value}" for name, value in case.options.items()
    ]
    asked = [sys.executable, "-m", "app", case.command, str(folder), "--json", "--cache", str(store.root), *options]
    done = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS)
    outcome = {0: "finished", 2: "refused"}.get(done.returncode, f"exit status {done.returncode}")
    return outcome, done.stdout if outcome == "finished" else done.stderr.strip()


_ASK = {"here": _asked_here, "job": _asked_by_job, "command line": _asked_by_command_line}


def _contents(store: Store) -> dict[str, str]:
    """Returns what is stored: each file of a run by its hash, each run of the cache by what the cache tells of it."""
    files = (path for path in sorted(store.runs_folder.rglob("*")) if path.is_file() and "lock" not in path.name)
    found = {str(path.relative_to(store.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    with Cache.open(store) as cache:
        for run in cache.runs():
            told = json.dumps(run, sort_keys=True, default=str).encode()
            if run["kind"] == "influence":
                told += cache.vectors(run["key"]).tobytes() + cache.labels(run["key"]).tobytes()
            found[f"cache {run['key']}"] = hashlib.sha256(told).hexdigest()
    return found


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
