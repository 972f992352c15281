"""What a job may take of the machine: memory, time, and a place among those that work at once.

The server's environment sets them, and workers inherit it:

==============================  ====================================================================
``PARETOSCOPE_JOB_MEMORY``      of one process, e.g. ``8GB``; by default four fifths of the machine's
``PARETOSCOPE_JOB_HOURS``       of work, the wait for a place not counted; by default a week
``PARETOSCOPE_JOBS_AT_ONCE``    workers of one store side by side; by default two
``PARETOSCOPE_TASK_HOURS``      of one task in a process of its own or on a cluster; by default a week
==============================  ====================================================================

Two, because whoever looks at a new study must not wait for somebody's search; a week, because a job that hangs would
keep its place for good, and one that ends there goes on from its parts when it is started again. Memory is not
divided by the places: most jobs need little of it, and where two together need too much the kernel takes a worker
before it takes the server (:func:`confine`). A task is a training, or a part of the scores or of the factors: one that
takes longer than its hours is begun again. That holds for commands as well.
"""

import math
import os
import re
import resource
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.errors import RefusedInput

MEMORY, HOURS, AT_ONCE = "PARETOSCOPE_JOB_MEMORY", "PARETOSCOPE_JOB_HOURS", "PARETOSCOPE_JOBS_AT_ONCE"
TASK_HOURS = "PARETOSCOPE_TASK_HOURS"
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_LEAST_MEMORY = 10**9
"""Less is used up by torch alone, before any work."""
_SHARE = 0.8
_MOST_HOURS = 24 * 366.0
_DEFAULT_HOURS = 24 * 7.0
_MOST_AT_ONCE = 64
_DEFAULT_AT_ONCE = 2
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container tells how much of the machine's memory it may use."""
_FIRST_TO_GO = "500"


@dataclass(frozen=True)
class JobLimits:
    """Limits of the jobs of one server.

    Attributes:
        memory: bytes that one process of a job may have for data.
        hours: that a job may work.
        at_once: workers side by side.
    """

    memory: int
    hours: float
    at_once: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Returns the limits that the environment sets, and the usual ones for what it leaves out or empty.

        Raises:
            RefusedInput: if one of them cannot be used; it is named.
        """
        memory, hours, at_once = (environment.get(name, "").strip() for name in (MEMORY, HOURS, AT_ONCE))
        return cls(
            memory=_memory(memory) if memory else int(_SHARE * machine_memory()),
            hours=_hours(HOURS, hours, "a week") if hours else _DEFAULT_HOURS,
            at_once=_at_once(at_once) if at_once else _DEFAULT_AT_ONCE,
        )


def task_hours(environment: Mapping[str, str] = os.environ) -> float | None:
    """Returns the hours that the environment gives one task; ``None`` where it says nothing.

    Raises:
        RefusedInput: if they cannot be used.
    """
    text = environment.get(TASK_HOURS, "").strip()
    return _hours(TASK_HOURS, text, "a week") if text else None


def confine(limits: JobLimits) -> None:
    """Holds this process, and each that it starts, to the memory limit; and makes it the kernel's first choice.

    What counts is the memory for data that is written to (``RLIMIT_DATA``): a limit on addresses would count what is
    merely mapped, of which CUDA and torch have far more than they use. An allocation beyond the limit fails,
    which is told in words; where the machine itself runs out first, the kernel ends a worker and not the server.
    """
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    memory = limits.memory if most == resource.RLIM_INFINITY else min(limits.memory, most)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, most))
    with suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def confine_server() -> None:
    """Holds the server to the share of the machine's memory that a job has by default.

    What a page asks for and needs more fails there, where the kernel would end the server with all its sessions.
    """
    own, most = resource.getrlimit(resource.RLIMIT_DATA)
    memory = int(_SHARE * machine_memory())
    if own == resource.RLIM_INFINITY or own > memory:
        # Not the hard limit, which would bind its workers as well: they may be given more.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))


def memory_limit() -> int | None:
    """Returns the bytes that this process may have for data, or ``None`` without a limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if limit == resource.RLIM_INFINITY else limit


def machine_memory() -> int:
    """Returns the bytes of memory of the machine, or of the container where that has fewer."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            sizes.append(int(path.read_text(encoding="ascii")))
    return min(sizes)


def memory_words(size: int) -> str:
    """Returns a size in the unit that suits it, e.g. ``8 GB``."""
    return f"{size / 10**9:.3g} GB" if size >= 10**9 else f"{size / 10**6:.3g} MB"


def hours_words(hours: float) -> str:
    """Returns a time in hours, or in minutes below one."""
    count, unit = (hours, "hour") if hours >= 1 else (60 * hours, "minute")
    return f"{count:.3g} {unit}{'' if round(count, 2) == 1 else 's'}"


def _memory(text: str) -> int:
    told = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)", text)
    unit = _UNITS.get(told[2].upper()) if told else None
    size = float(told[1]) * unit if told and unit else 0.0
    if not _LEAST_MEMORY <= size <= 10**18:
        raise RefusedInput(
            f"{MEMORY} is '{text[:40]}'",
            f"a size of at least {memory_words(_LEAST_MEMORY)}, such as 8GB",
            "Correct it, or leave it out for four fifths of the machine's memory",
        )
    return int(size)


def _hours(name: str, text: str, usual: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= _MOST_HOURS:
        raise RefusedInput(
            f"{name} is '{text[:40]}'",
            f"a number of hours above 0, up to {_MOST_HOURS:g}",
            f"Correct it, or leave it out for {usual}",
        )
    return hours


def _at_once(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_AT_ONCE):
        raise RefusedInput(
            f"{AT_ONCE} is '{text[:40]}'",
            f"a whole number from 1 to {_MOST_AT_ONCE}",
            f"Correct it, or leave it out for {_DEFAULT_AT_ONCE}",
        )
    return int(text)
