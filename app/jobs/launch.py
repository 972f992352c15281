"""Starting, cancelling and finding jobs, from a page or a command.

A job is known by what was asked, so two presses are one job. Who gets the lock of the
job's folder launches its worker and hands the lock on; everyone else just gets the job.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.jobs import lock
from app.jobs.endings import disk_told, ended_for_memory
from app.jobs.folder import JobFolder, JobRequest, is_job_id
from app.workflow.options import options_of_result
from cache.fingerprints import RESULT_VERSION
from cache.store import Store
from engine.errors import RefusedInput
from engine.toml_files import toml_bytes

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER_ARGV = (sys.executable, "-m", "app.jobs.worker")
GRACE_SECONDS = 5.0
_RUNS = ("run", "influence", "search")
"""Under which names a result tells the runs that its job made, that of the outcome and those on the way to it."""


def start_job(
    store: Store, command: str, study: Path, options: dict[str, Any], worker_argv: Sequence[str] = WORKER_ARGV
) -> JobFolder:
    """Starts a job, or finds the one that was asked for before.

    A job that runs, or is finished and whose data and checkpoints are unchanged, is
    returned as it is. One that was interrupted or cancelled, that failed or was
    refused, gets a new worker in the same folder, which goes on from the parts in the
    store.

    Args:
        store: where the job and its results are kept.
        command: a name of ``app.workflow.commands.COMMANDS``.
        study: the study file, or the folder that holds its ``study.toml``.
        options: the command's options, as JSON can hold them.
        worker_argv: the worker's command line, to which the folder and the lock are added.

    Raises:
        RefusedInput: if the job's folder cannot be written, as on a full disk.
    """
    study = study.resolve()
    if study.is_dir():
        study = study / "study.toml"
    samples = None if store.samples is None else store.samples.resolve()
    request = JobRequest(command, study, options, store.root.resolve(), samples)
    job = JobFolder(store.jobs_folder.resolve() / _job_id(request))
    with _disk_told():
        job.path.mkdir(parents=True, exist_ok=True)
        if not (job.path / "request.json").exists():
            # Before the lock, so that whoever comes second also returns a job that can be read.
            job.write_request(request)
        descriptor = lock.acquire(job.lock_path)
    if descriptor is None:
        return job
    try:
        if not _is_done(job, store):
            with _disk_told():
                job.clear_attempt()
                job.write_request(request)
            _launch(job, worker_argv, descriptor)
    finally:
        # Closed and not released: the worker's copy goes on holding the lock.
        os.close(descriptor)
    return job


def cancel_job(job: JobFolder, grace: float = GRACE_SECONDS) -> None:
    """Asks a job to stop and sees to it, without making the caller wait.

    The worker stops at its next report of progress. If it makes none for ``grace``
    seconds it gets SIGTERM, and after as long again its process group gets SIGKILL;
    finished parts are whole either way.
    """
    job.request_cancel()
    threading.Thread(target=_insist, args=(job, grace), name=f"cancel-{job.id}", daemon=True).start()


def list_jobs(store: Store) -> list[JobFolder]:
    """Returns all jobs of the store, the latest started first."""
    if not store.jobs_folder.is_dir():
        return []
    found = [path for path in store.jobs_folder.iterdir() if is_job_id(path.name) and (path / "request.json").is_file()]
    found.sort(key=lambda path: ((path / "request.json").stat().st_mtime_ns, path.name), reverse=True)
    return [JobFolder(path) for path in found]


def open_job(store: Store, job_id: str) -> JobFolder:
    """Returns the job with this id, which may come from the address of a page.

    Raises:
        RefusedInput: if the store has no such job.
    """
    job = JobFolder(store.jobs_folder / job_id)
    if not is_job_id(job_id) or not (job.path / "request.json").is_file():
        raise RefusedInput(
            f"no job {job_id[:40]!r} in this store", "the id of a job of this store", "Open it from the list of jobs"
        )
    return job


def is_of_current_study(job: JobFolder) -> bool:
    """Says whether the study file still reads as it did when the job was asked for.

    Raises:
        RefusedInput: if the job's request cannot be read.
    """
    return _job_id(job.request()) == job.id


def _is_done(job: JobFolder, store: Store) -> bool:
    """Says whether there is nothing left to do: the result holds, and its runs are still in the store."""
    if not job.has_current_result():
        return False
    result = job.status().result or {}
    named = (result[name] for name in _RUNS if result.get(name) is not None)
    return all(store.run(run).is_finished for run in named)


def _job_id(request: JobRequest) -> str:
    """Hashes what was asked; where the store lies or the work is done does not matter, what the study file says does.

    So whoever asks for the same work elsewhere finds the job that is at it, and no two of them come to the same run.
    """
    try:
        text = hashlib.sha256(toml_bytes(request.study)).hexdigest()
    except RefusedInput:
        text = None  # the worker refuses it, in the words of the study's reader
    options = options_of_result(request.options)
    asked = json.dumps([RESULT_VERSION, request.command, str(request.study), text, options], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:20]


@contextlib.contextmanager
def _disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_told(error) from error


def program_environment() -> dict[str, str]:
    """Returns the environment in which a program of ours is started, by the name of its module."""
    # From the repository and not from where the server was started: a folder of the
    # user's may hold a file named like one of our modules.
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"}


def _launch(job: JobFolder, worker_argv: Sequence[str], descriptor: int) -> None:
    killed_before = ended_for_memory()
    with job.log_path.open("ab") as log:
        process = subprocess.Popen(
            [*worker_argv, str(job.path), "--lock", str(descriptor)],
            cwd=REPOSITORY,
            env=program_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
            pass_fds=(descriptor,),
        )
    threading.Thread(target=_reap, args=(job, process, killed_before), name=f"reap-{job.id}", daemon=True).start()


def _reap(job: JobFolder, process: subprocess.Popen[bytes], killed_before: int) -> None:
    """Waits for a worker, so that a server that lives long keeps no zombies, and notes its end."""
    code = process.wait()
    with contextlib.suppress(OSError):  # the folder may have been removed, or the disk be full
        job.write_exit(process.pid, code, ended_for_memory() > killed_before)


def _insist(job: JobFolder, grace: float) -> None:
    for send in (_terminate, _kill):
        if _ends_within(job, grace):
            return
        pid = job.worker_pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                send(pid)


def _ends_within(job: JobFolder, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    # A flag that is gone means that the job was started again: its worker is to live.
    while lock.is_held(job.lock_path) and job.is_cancel_requested():
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(0.05, seconds))
    return True


def _terminate(pid: int) -> None:
    # The worker alone: children that died under it would make it fail and not stop.
    os.kill(pid, signal.SIGTERM)


def _kill(pid: int) -> None:
    if os.getpgid(pid) == pid:
        os.killpg(pid, signal.SIGKILL)
    else:  # started by hand, in the group of somebody's shell
        os.kill(pid, signal.SIGKILL)
