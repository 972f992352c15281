"""Seconds of the same work in this process, in local processes and on Ray's test clusters.

Runs that are compared are interleaved, in an order that alternates; each ratio is of one run, and figures are medians.
Processes are started and have read what is shared before anything is timed, unless it is called cold. A task computes
with one thread.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.report import say
from benchmarks.scaling_cases import Arrays, PictureCase, are_equal, arrays
from benchmarks.scaling_cluster import cluster_of
from engine.influence import PreparedInfluence
from engine.progress import Progress, silent
from engine.tasks import LocalTasks, RayTasks, tasks_on
from engine.training.side_by_side import SideBySide

WORKERS = 2


class Times:
    """Seconds of work by what did it, run after run, and whether all gave the same result."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.equal = True
        """Whether the results that were compared were the same, bit for bit."""
        self.result: Arrays | None = None
        """What the first work came to."""

    def take(self, name: str, work: Callable[[], Arrays]) -> None:
        """Does some work once more, and compares its result."""
        found = self.note(name, work)
        self.result = found if self.result is None else self.result
        self.equal &= are_equal(found, self.result)

    def note(self, name: str, work: Callable[[], Arrays]) -> Arrays:
        """Does some work once more, whose result may differ in its last bits."""
        began = time.perf_counter()
        found = work()
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)
        return found

    def in_turns(self, works: dict[str, Callable[[], Arrays]], runs: int) -> None:
        """Does some works again and again, every other time in the reverse order."""
        for run in range(runs):
            say(f"{', '.join(works)}: {run + 1} of {runs}")
            for name in list(works) if run % 2 == 0 else reversed(works):
                self.take(name, works[name])

    def ratio(self, name: str, other: str) -> float:
        """Returns the median over runs of the seconds of one divided by those of another."""
        return float(np.median(np.divide(self.seconds[name], self.seconds[other])))

    def median(self, name: str) -> float:
        """Returns the median of the seconds of one."""
        return float(np.median(self.seconds[name]))


@dataclass(frozen=True)
class Load:
    """What is timed.

    Attributes:
        trained: what candidates are of.
        candidates: how many a run, a multiple of the workers.
        scored: what parts are of.
        prepared: what scores them.
        parts: how many a run, likewise.
        runs: of everything.
    """

    trained: PictureCase
    candidates: int
    scored: PictureCase
    prepared: PreparedInfluence
    parts: int
    runs: int

    def side_by_side(self, workers: int = 1) -> SideBySide:
        """Returns what trains candidates where tasks are done now."""
        return SideBySide(self.trained.next_epoch, self.trained.judged, workers)

    def measured(self, side: SideBySide, candidates: int = 0, progress: Progress = silent) -> Arrays:
        """Returns what the candidates of a run come to, or as many as are named."""
        return arrays(side.measure(*self.trained.candidates(candidates or self.candidates), progress))

    def scores(self) -> Arrays:
        """Returns the scores of the parts of a run."""
        return self.scored.scores(self.prepared, self.parts)


@dataclass(frozen=True)
class Speedups:
    """Seconds on clusters of one and of two CPUs.

    Attributes:
        candidates: by ``1``, ``2``, and ``two threads`` of one local process.
        parts: by ``1`` and ``2``.
        cold: of the first in a process: ``connect``, ``first task`` and, beside it, a ``warm task``.
    """

    candidates: Times = field(default_factory=Times)
    parts: Times = field(default_factory=Times)
    cold: Times = field(default_factory=Times)


def local_path(load: Load) -> Times:
    """Scores two parts in this process, as what fans out does it and by a plain loop."""
    times = Times()
    times.in_turns(
        {
            "tasks": lambda: load.scored.scores(load.prepared, 2),
            "plain loop": lambda: load.scored.plain_scores(load.prepared, 2),
        },
        load.runs,
    )
    return times


def overhead(load: Load, folder: Path) -> Times:
    """Trains candidates in two local processes and in two of a cluster, which are new in each run.

    How fast a process is depends on its luck with memory: one whose allocator gives pages back and asks for them again
    takes up to a third longer, for as long as it lives.
    """
    times = Times()
    with cluster_of(WORKERS) as cluster:
        for run in range(load.runs):
            for name in ("local", "ray")[:: 1 if run % 2 == 0 else -1]:
                say(f"{name}, {run + 1} of {load.runs}")
                where = RayTasks(cluster.address, folder) if name == "ray" else LocalTasks()
                with tasks_on(where), _warm(load, 1 if name == "ray" else WORKERS) as side:
                    times.take(name, lambda side=side: load.measured(side))  # type: ignore[misc]
    return times


@contextmanager
def _warm(load: Load, workers: int) -> Iterator[SideBySide]:
    """What trains candidates in processes that have begun, each with one thread."""
    with threads(workers):
        side = load.side_by_side(workers)
    with side:
        load.measured(side, 2 * WORKERS)
        yield side


def speedups(load: Load, folder: Path) -> Speedups:
    """Does the same in one process of a cluster and in two, and candidates in one local process of two threads."""
    found = Speedups()
    with cluster_of(1) as one, cluster_of(WORKERS) as two:
        for run in range(load.runs):
            for workers, cluster in ((1, one), (WORKERS, two))[:: 1 if run % 2 == 0 else -1]:
                say(f"workers on Ray: {workers}, {run + 1} of {load.runs}")
                _on_ray(load, RayTasks(cluster.address, folder), workers, found)
            say(f"one process of two threads, {run + 1} of {load.runs}")
            with threads(WORKERS), load.side_by_side() as side:
                found.candidates.note("two threads", lambda side=side: load.measured(side))  # type: ignore[misc]
    return found


def _on_ray(load: Load, where: RayTasks, workers: int, found: Speedups) -> None:
    began = time.perf_counter()
    with tasks_on(where), load.side_by_side() as side:
        found.cold.seconds.setdefault("connect", []).append(time.perf_counter() - began)
        for name in ("first task", "warm task"):
            found.cold.take(name, lambda: load.measured(side, 1))
        load.measured(side, 2 * workers)
        found.candidates.take(str(workers), lambda: load.measured(side))
        found.parts.take(str(workers), load.scores)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Lets torch compute with so many threads in this process for as long as the context lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
