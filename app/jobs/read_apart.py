"""Reading files from elsewhere for a page that waits: in a process of its own, bounded in memory and time.

A reader that is led astray by a file then costs what it was asked for, and not the server with all its sessions.
What takes long, or is to go on when nobody looks, is a job (:mod:`app.jobs.launch`).
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Any

from app.jobs.launch import REPOSITORY, program_environment
from engine.errors import RefusedInput
from engine.progress import Progress, silent

READER_ARGV = (sys.executable, "-m", "app.jobs.reader")
LOOK_SECONDS = 120.0
"""For the head of a file, or some samples of a folder, on a machine that is busy with jobs."""
DATA_SECONDS = 1800.0
"""For all samples of a study; CIFAR-10 takes ten seconds."""
_TELL_SECONDS = 0.2
_DEATH_SECONDS = 30.0
_LONGEST_LOG = 20_000


def read_apart(
    read: str,
    asked: dict[str, Any],
    seconds: float = LOOK_SECONDS,
    progress: Progress = silent,
    argv: Sequence[str] = READER_ARGV,
) -> dict[str, Any]:
    """Has something read by another process, and waits for it.

    Args:
        read: a name of ``app.workflow.reads.READS``.
        asked: what it takes, as JSON can hold it.
        seconds: that it may take.
        progress: called several times a second with what was told last, also while nothing is told. It may raise, as a
            page does when its user has gone on: the process is killed.
        argv: of the process.

    Returns:
        What the read returns.

    Raises:
        RefusedInput: if it refuses, or needs more memory or time than it may have.
        RuntimeError: if it fails in a way that nobody foresaw; its log went to this process's.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=program_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            told = _waited(process, {"read": read, "asked": asked, "seconds": seconds}, seconds, progress)
        finally:
            _end(process)
        if "result" in told:
            result: dict[str, Any] = told["result"]
            return result
        if "refused" in told:
            raise RefusedInput(*told["refused"])
        _pass_on(log)
    raise _ended(process.returncode, told, seconds)


def _waited(
    process: subprocess.Popen[str], request: dict[str, Any], seconds: float, progress: Progress
) -> dict[str, Any]:
    """Returns the last word of the process; nothing where it died without one, ``late`` where its time was up."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it died at its start, which its exit status tells
        process.stdin.write(f"{json.dumps(request)}\n")
        process.stdin.flush()
    lines: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(process.stdout, lines), name=f"reads-{request['read']}", daemon=True).start()
    deadline = time.monotonic() + seconds
    state: tuple[str, int, int, str] = ("start", 0, 0, "")
    while True:
        try:
            line = lines.get(timeout=_TELL_SECONDS)
        except Empty:
            line = ""
        if line is None:
            with suppress(subprocess.TimeoutExpired):  # it is dying, and how is told by its exit status
                process.wait(_DEATH_SECONDS)
            return {}
        told = json.loads(line) if line else {}
        if "progress" in told:
            state = tuple(told["progress"])
        elif told:
            return dict(told)
        if time.monotonic() > deadline:
            return {"late": True}
        progress(*state)


def _listen(stream: IO[str], lines: "SimpleQueue[str | None]") -> None:
    with suppress(ValueError):  # closed, since nobody waits any more
        for line in stream:
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """Sees to it that the process, and all that it started, is gone."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_TELL_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError, ValueError):
            if stream is not None:
                stream.close()


def _pass_on(log: IO[bytes]) -> None:
    """Writes the end of what the process wrote to its log to ours, where its traceback is looked for."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LONGEST_LOG))
    sys.stderr.write(log.read().decode("utf-8", "replace"))


def _ended(code: int, told: dict[str, Any], seconds: float) -> Exception:
    """Returns what is said of a process that gave no result; its exit status counts where it did not say a word."""
    if "failed" in told:
        return RuntimeError(told["failed"])
    if "late" in told or code == -signal.SIGALRM:
        return RefusedInput(
            f"reading this took longer than {seconds:,.0f} seconds",
            "files that are read sooner",
            "Try again when the machine is less busy, or begin with less: a part of the data, or fewer files",
        )
    if "memory" in told or code == -signal.SIGKILL:
        return RefusedInput(
            "reading this takes more memory than a job may have",
            "files that fit into it",
            "Begin with less, such as a part of the data, or raise PARETOSCOPE_JOB_MEMORY where the server is started",
        )
    if code < 0:
        return RefusedInput(
            f"a library crashed while it read this ({signal.Signals(-code).name})",
            "files as their programs write them",
            "Write them again, or try them one by one",
        )
    return RuntimeError(f"the reader ended with exit status {code}")
