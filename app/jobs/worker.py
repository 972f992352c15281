"""The process that does a job: ``python -m app.jobs.worker FOLDER``.

It holds the lock of the folder, looks the command up in ``app.workflow.commands.COMMANDS``, and
ends with exactly one of ``result.json`` and ``error.json``, unless it is killed. What
the user reads is one sentence; tracebacks go to the log.
"""

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.jobs import lock
from app.jobs.folder import CANCELLED, JobFolder
from app.jobs.freshness import Stamps, take_stamps
from app.jobs.progress import JobProgress
from cache.store import Store
from engine.errors import Cancelled, RefusedInput
from engine.progress import Progress
from engine.study import Study, load_study

Command = Callable[[Study, Store, dict[str, Any], Progress], dict[str, Any]]

_LONGEST_REASON = 200


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
        job.write_worker()
        return run_job(job, commands, progress)
    finally:
        # The outcome is written: whoever waits need not wait for the interpreter to close.
        lock.release(descriptor)


def run_job(job: JobFolder, commands: Mapping[str, Command] | None, progress: JobProgress) -> int:
    """Does what the folder's request asks and writes the outcome there.

    Args:
        job: a folder whose lock this process holds.
        commands: by name what can be done; ``None``: ``app.workflow.commands.COMMANDS``.
        progress: given to the command.

    Returns:
        The exit status: 0 if finished, 2 if refused, else 1.
    """
    try:
        result, inputs = _do(job, commands, progress)
        job.write_result(result, inputs)
    except Cancelled:
        job.write_error("cancelled", CANCELLED)
        return 1
    except RefusedInput as refusal:
        traceback.print_exc()
        job.write_error("refused", str(refusal))
        return 2
    except Exception as error:
        traceback.print_exc()
        job.write_error("failed", failure_in_words(error))
        return 1
    return 0


def failure_in_words(error: Exception) -> str:
    """Returns one or two sentences on an error nobody foresaw, and what to do about it."""
    reason = (str(error).strip().splitlines() or [""])[0][:_LONGEST_REASON]
    # torch tells of memory in RuntimeErrors of its own.
    if isinstance(error, MemoryError) or "out of memory" in reason or "can't allocate memory" in reason:
        return "The job ran out of memory. Lower [compute] batch_size or the limits of [data.limit] and start it again."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Make room and start the job again: what was finished is kept."
    name = type(error).__name__
    return f"The job stopped at an unexpected error ({name}{': ' if reason else ''}{reason}). Its log has the details."


def _do(job: JobFolder, commands: Mapping[str, Command] | None, progress: JobProgress) -> tuple[dict[str, Any], Stamps]:
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
    study = load_study(request.study)
    if study.data.download:
        # What is fetched now was not changed in the middle of the job.
        from engine.data.torchvision_download import fetch_missing

        fetch_missing(study, progress)
    # The data, and the user's code where it builds the model, as they were before, so that a
    # change in the middle of the job shows; the checkpoints as they are after, since training
    # writes them.
    stamps = take_stamps(study.input_paths)
    result = known[request.command](study, Store(request.store, request.samples), request.options, progress)
    return result, stamps | take_stamps([study.checkpoints_path])


def _commands_of_the_project() -> Mapping[str, Command]:
    # Not at the top: it brings in the whole engine, and if that cannot be imported the
    # user is told so like of any other failure.
    from app.workflow.commands import COMMANDS

    return COMMANDS


if __name__ == "__main__":
    sys.exit(main())
