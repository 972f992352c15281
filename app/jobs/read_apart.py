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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import IO, Any

from app.jobs.endings import ended_for_memory
from app.jobs.launch import REPOSITORY, program_environment
from engine.errors import RefusedInput
from engine.progress import Progress, silent

READER_ARGV = (sys.executable, "-m", "app.jobs.reader")
LOOK_SECONDS = 120.0
"""For the head of a file, or some samples of a folder, on a machine that is busy with jobs."""
DATA_SECONDS = 1800.0
"""For all training samples of a study; those of CIFAR-10 take ten."""
WAITING = "waiting"
"""The stage that is told while others read."""
_AT_ONCE = 2
_places = threading.BoundedSemaphore(_AT_ONCE)
"""As many as jobs: each may take the memory of one."""
_TELL_SECONDS = 0.2
_END_SECONDS = 0.2
_DEATH_SECONDS = 30.0
_LONGEST_LOG = 20_000
_LONGEST_ANSWER = 1 << 24


class ReaderStopped(RefusedInput):
    """A refusal that says nothing of the files: the reader had not time or memory enough, or was ended."""


@contextmanager
def in_turn(lock: "threading.Lock | threading.Semaphore", progress: Progress = silent) -> Iterator[None]:
    """Waits for a lock of this process and holds it; who goes on to something else meanwhile waits no more.

    Args:
        lock: that is waited for.
        progress: told :data:`WAITING` several times a second; may raise.
    """
    while not lock.acquire(timeout=_TELL_SECONDS):
        progress(WAITING, 0, 0)
    try:
        yield
    finally:
        lock.release()


def read_apart(
    read: str,
    asked: dict[str, Any],
    seconds: float = LOOK_SECONDS,
    progress: Progress = silent,
    argv: Sequence[str] = READER_ARGV,
) -> dict[str, Any]:
    """Has something read by another process, and waits for it; two read at once, the others wait.

    Args:
        read: a name of ``app.workflow.reads.READS``.
        asked: what it takes, as JSON can hold it.
        seconds: that it may take, the wait for others not counted.
        progress: called several times a second with what was told last, also while nothing is told. It may raise, as a
            page does when its user has gone on: the process is killed.
        argv: of the process.

    Returns:
        What the read returns.

    Raises:
        RefusedInput: if it refuses.
        ReaderStopped: if it needs more memory or time than it may have, or was killed.
        RuntimeError: if it fails in a way that nobody foresaw; its log went to this process's.
    """
    with in_turn(_places, progress), tempfile.TemporaryFile() as log:
        killed_before = ended_for_memory()
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
        lines: SimpleQueue[str] = SimpleQueue()
        listener = threading.Thread(target=_listen, args=(process, lines), name=f"reads-{read}", daemon=True)
        listener.start()
        try:
            told = _waited(process, lines, {"read": read, "asked": asked, "seconds": seconds}, progress)
        finally:
            _end(process, listener)
        if "result" in told:
            result: dict[str, Any] = told["result"]
            return result
        if "refused" in told:
            raise RefusedInput(*told["refused"])
        _pass_on(log)
    raise _ended(process.returncode, told, seconds, ended_for_memory() > killed_before)


def _waited(
    process: subprocess.Popen[str], lines: "SimpleQueue[str]", request: dict[str, Any], progress: Progress
) -> dict[str, Any]:
    """Returns the last word of the process; nothing where it died without one, ``late`` where its time was up."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it died at its start, which its exit status tells
        process.stdin.write(f"{json.dumps(request)}\n")
        process.stdin.flush()
    deadline = time.monotonic() + request["seconds"]
    state: tuple[str, int, int, str] = ("start", 0, 0, "")
    while True:
        try:
            line = lines.get(timeout=_TELL_SECONDS)
        except Empty:
            line = None
        # What was cut off is no word.
        told = json.loads(line) if line and line.endswith("\n") else {}
        if "progress" in told:
            stage, done, total, note = told["progress"]
            state = (stage, done, total, note)
        elif told:
            return dict(told)
        elif line is not None:
            with suppress(subprocess.TimeoutExpired):  # it is dying, and how is told by its exit status
                process.wait(_DEATH_SECONDS)
            return {}
        if time.monotonic() > deadline:
            return {"late": True}
        progress(*state)


def _listen(process: subprocess.Popen[str], lines: "SimpleQueue[str]") -> None:
    """Hands on what the process says, line by line; an empty one is the end."""
    assert process.stdout is not None
    try:
        while line := process.stdout.readline(_LONGEST_ANSWER):
            lines.put(line)
    finally:
        lines.put("")


def _end(process: subprocess.Popen[str], listener: threading.Thread) -> None:
    """Sees to it that the process, and all that it started, is gone."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    # Its end is that of all who could write to it; closed before, it would be waited for here.
    listener.join(_DEATH_SECONDS)
    if not listener.is_alive() and process.stdout is not None:
        process.stdout.close()


def _pass_on(log: IO[bytes]) -> None:
    """Writes the end of what the process wrote to its log to ours, where its traceback is looked for."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LONGEST_LOG))
    sys.stderr.write(log.read().decode("utf-8", "replace"))


def _ended(code: int, told: dict[str, Any], seconds: float, for_memory: bool) -> Exception:
    """Returns what is said of a process that gave no result; its exit status counts where it did not say a word."""
    if "failed" in told:
        return RuntimeError(told["failed"])
    if "late" in told or code == -signal.SIGALRM:
        return ReaderStopped(
            f"reading this took longer than {seconds:,.0f} seconds",
            "files that are read sooner",
            "Try again when the machine is less busy, or begin with less: a part of the data, or fewer files",
        )
    if "memory" in told or (code == -signal.SIGKILL and for_memory):
        return ReaderStopped(
            "reading this takes more memory than there is for it",
            "files that fit into it",
            "Begin with less, such as a part of the data, or raise PARETOSCOPE_JOB_MEMORY where the server is started",
        )
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        return ReaderStopped("the process that read this was killed", "one that comes to its end", "Try again")
    if code < 0:
        return RefusedInput(
            f"a library crashed while it read this ({signal.Signals(-code).name})",
            "files as their programs write them",
            "Write them again, or try them one by one",
        )
    return RuntimeError(f"the reader ended with exit status {code}")
