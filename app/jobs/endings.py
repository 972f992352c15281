"""How a job ended, in a state and one or two sentences: what happened, and what to do about it.

Where the worker itself meets the end, it says so; of a worker that died, its exit status and the kernel's count of
processes that it ended for want of memory tell how.
"""

import errno
import os
import signal
from pathlib import Path
from typing import Any, Literal

from app.jobs.limits import HOURS, MEMORY, hours_words, memory_limit, memory_words
from engine.errors import RefusedInput

ToldEnd = Literal["cancelled", "refused", "out of memory", "out of time", "disk full", "failed"]
"""Ends that a worker itself can tell of."""
Death = Literal["out of memory", "killed", "crashed", "failed", "interrupted"]

GO_ON = "What was finished is kept: start it again to go on from there."
CANCELLED = f"Cancelled. {GO_ON}"
STOPPED = f"Stopped from outside, as when a machine shuts down. {GO_ON}"
_DISK_FULL = f"The disk is full. Make room. {GO_ON}"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NEED_LESS = "Lower [compute] batch_size or the limits of [data.limit]"
_LONGEST_REASON = 200
_WORDS_OF_MEMORY = ("out of memory", "can't allocate memory", "std::bad_alloc", "can't start new thread")
"""The last: a new thread's stack is memory for data like any other."""
_ENDED_BY_SOMEBODY = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def failure_in_words(error: Exception) -> tuple[ToldEnd, str]:
    """Returns how a job ends at an error that its command raised."""
    reason = (str(error).strip().splitlines() or [""])[0][:_LONGEST_REASON]
    # safetensors and Parquet tell of the disk in errors of their own, and refusals come of one.
    if isinstance(error, RefusedInput):
        return ("disk full", f"{error} {GO_ON}") if _is_full(error.__cause__) else ("refused", str(error))
    if _is_full(error) or "No space left on device" in reason:
        return "disk full", _DISK_FULL
    if "CUDA" in reason and "out of memory" in reason:
        return "out of memory", f"The job ran out of memory on the GPU. {_NEED_LESS}. {GO_ON}"
    # torch tells of memory in RuntimeErrors of its own.
    if isinstance(error, MemoryError) or any(words in reason for words in _WORDS_OF_MEMORY):
        return "out of memory", _out_of_memory()
    name = type(error).__name__
    return (
        "failed",
        f"The job stopped at an unexpected error ({name}{': ' if reason else ''}{reason}). Its log has the details.",
    )


def out_of_time(hours: float) -> str:
    """Returns what is said of a job that worked as long as it may."""
    return f"The job reached the time limit of {hours_words(hours)} ({HOURS}). {GO_ON}"


def death_in_words(end: dict[str, Any], worker: dict[str, Any]) -> tuple[Death, str]:
    """Returns how a worker ended that left no outcome.

    Args:
        end: of ``exit.json``; empty where its starter did not outlive it.
        worker: of ``worker.json``.
    """
    # Where a worker was too short-lived to tell its process, the exit cannot be of an earlier one.
    code = end.get("return_code") if end.get("pid") == worker.get("pid", end.get("pid")) else None
    if not isinstance(code, int):
        if worker.get("boot") not in (None, boot_id()):
            return "interrupted", f"The machine went down, or was started anew, while the job ran. {GO_ON}"
        return "interrupted", f"The worker ended without a result: it was killed, or the machine went down. {GO_ON}"
    fatal = next((known for known in signal.Signals if code == -known), None)
    if fatal == signal.SIGKILL and end.get("ended_for_memory"):
        return "out of memory", f"The machine ran out of memory, and its kernel ended the worker. {_NEED_LESS}. {GO_ON}"
    if fatal in _ENDED_BY_SOMEBODY:
        return "killed", f"The worker was killed from outside ({fatal.name}). {GO_ON}"
    if fatal is not None:
        return "crashed", f"The worker crashed ({fatal.name}); its log may say where. {GO_ON}"
    if code > 0:
        return "failed", f"The worker ended with exit status {code}, without a reason; its log may have one. {GO_ON}"
    return "interrupted", f"The worker ended without a result. {GO_ON}"


def boot_id() -> str | None:
    """Returns what tells one start of this machine from the next; ``None`` where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def ended_for_memory() -> int:
    """Returns how many processes the kernel ended for want of memory since the machine started, where it counts."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _out_of_memory() -> str:
    limit = memory_limit()
    if limit is None:
        return f"The job ran out of memory. {_NEED_LESS}. {GO_ON}"
    return (
        f"The job ran out of memory: it reached its limit of {memory_words(limit)}. {_NEED_LESS}, or raise {MEMORY}"
        f" where the server is started. {GO_ON}"
    )


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def disk_told(error: OSError) -> RefusedInput:
    """Returns the refusal of a job whose folder cannot be written."""
    return RefusedInput(
        f"the job cannot be started: {error.strerror or os.strerror(error.errno or errno.EIO)}",
        "a store that has room and may be written",
        "Free some space, or mend the store's permissions, and press again",
    )
