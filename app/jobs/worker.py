"""The process that does a job: ``python -m app.jobs.worker FOLDER``.

It holds the lock of the folder, waits for a place among those that work at once, looks the
command up in ``app.workflow.commands.COMMANDS``, and ends with exactly one of ``result.json``
and ``error.json``, unless it is killed. What the user reads is a sentence or two; tracebacks
go to the log.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.jobs import lock
from app.jobs.endings import CANCELLED, STOPPED, failure_in_words
from app.jobs.folder import JobFolder
from app.jobs.freshness import Stamps, take_stamps
from app.jobs.limits import JobLimits, confine
from app.jobs.places import take_place
from app.jobs.progress import JobProgress
from app.jobs.time_limit import OutOfTime, time_limit
from app.workflow.study_roots import allowed_study
from cache.store import Store
from engine.errors import Cancelled, RefusedInput
from engine.progress import Progress
from engine.study import Study

Command = Callable[[Study, Store, dict[str, Any], Progress], dict[str, Any]]
Done = tuple[dict[str, Any], Stamps]
"""A command's result, and stamps of what it came from."""


def main(arguments: Sequence[str] | None = None, commands: Mapping[str, Command] | None = None) -> int:
    """Does the job of a folder, unless another worker is at it.

    Args:
        arguments: the folder and, from a starter, ``--lock`` with the descriptor of the
            lock that it took; by default those of the command line.
        commands: by name what can be done; by default ``app.workflow.commands.COMMANDS``.

    Returns:
        The exit status: 0 if finished or left to another worker, 2 if refused, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m app.jobs.worker", description="Does the job of a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock", type=int, help="descriptor of the lock, where a starter took it")
    parsed = parser.parse_args(arguments)
    job = JobFolder(parsed.folder.resolve())
    descriptor = parsed.lock
    if descriptor is None:
        descriptor = lock.acquire(job.lock_path)
        if descriptor is None:
            return 0
        job.clear_attempt()
    else:
        # Programs that the work starts must not hold the lock beyond its end.
        os.set_inheritable(descriptor, False)
    try:
        progress = JobProgress(job)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, progress.stop)
        return _ended(job, progress, lambda: _within_limits(job, commands, progress))
    finally:
        # The outcome is written: whoever waits need not wait for the interpreter to close.
        lock.release(descriptor)


def run_job(job: JobFolder, commands: Mapping[str, Command] | None, progress: JobProgress) -> int:
    """Does what the folder's request asks, without limits, and writes the outcome there.

    Args:
        job: a folder whose lock this process holds.
        commands: by name what can be done; ``None``: ``app.workflow.commands.COMMANDS``.
        progress: given to the command.

    Returns:
        The exit status: 0 if finished, 2 if refused, else 1.
    """
    return _ended(job, progress, lambda: _do(job, commands, progress))


def _ended(job: JobFolder, progress: JobProgress, work: Callable[[], Done]) -> int:
    """Works, and writes the outcome; returns the exit status."""
    try:
        result, inputs = work()
        job.write_result(result, inputs)
    except Cancelled:
        job.write_error("cancelled", CANCELLED if job.is_cancel_requested() else STOPPED)
        return 1
    except OutOfTime as end:
        job.write_error("out of time", str(end))
        return 1
    except Exception as error:
        with suppress(OSError):  # a log that cannot be written must not cost the message
            traceback.print_exc()
        kind, message = failure_in_words(error)
        job.write_error(kind, message)
        return 2 if kind == "refused" else 1
    return 0


def _within_limits(job: JobFolder, commands: Mapping[str, Command] | None, progress: JobProgress) -> Done:
    """Works in a place of its own, in no more than its memory and time."""
    limits = JobLimits.from_environment()
    told = -1

    def waits(before: int) -> None:
        nonlocal told
        progress.raise_if_cancelled()
        if before != told:
            job.write_waiting(before, limits.at_once)
            if told < 0:
                job.write_worker()
            told = before

    place = take_place(job, limits.at_once, waits)
    try:
        job.write_begun()
        confine(limits)
        with time_limit(job, progress, limits.hours):
            return _do(job, commands, progress)
    finally:
        lock.release(place)


def _do(job: JobFolder, commands: Mapping[str, Command] | None, progress: JobProgress) -> Done:
    request = job.request()
    print(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {request.command} by process {os.getpid()}", flush=True)
    progress.raise_if_cancelled()
    known = _commands_of_the_project() if commands is None else commands
    if request.command not in known:
        raise RefusedInput(
            f"no command '{request.command}'",
            f"one of {', '.join(sorted(known))}",
            "Start the work from the dashboard anew",
        )
    store = Store(request.store, request.samples)
    study = allowed_study(request.study, store)
    if study.data.download:
        # What is fetched now was not changed in the middle of the job.
        from engine.data.torchvision_download import fetch_missing

        fetch_missing(study, progress)
    # The data, and the user's code where it builds the model, as they were before, so that a
    # change in the middle of the job shows; the checkpoints as they are after, since training
    # writes them.
    stamps = take_stamps(study.input_paths)
    result = known[request.command](study, store, request.options, progress)
    return result, stamps | take_stamps([study.checkpoints_path])


def _commands_of_the_project() -> Mapping[str, Command]:
    # Not at the top: it brings in the whole engine, and if that cannot be imported the
    # user is told so like of any other failure.
    from app.workflow.commands import COMMANDS

    return COMMANDS


if __name__ == "__main__":
    sys.exit(main())
