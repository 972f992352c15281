"""Processes that do the same work on many items: in order, through refusals, and ended at once when work is stopped."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Event

import psutil
import pytest
import torch

from engine.errors import Cancelled, RefusedInput
from engine.progress import Progress, silent
from engine.tasks import Told, processes
from engine.tasks.processes import ProcessPool
from tests.conftest import REPOSITORY

# Functions of a module: the processes import them.


def worked(folder: Path, item: int, progress: Progress) -> tuple[int, int, int]:
    if item < 0:
        raise RefusedInput(f"item {item} is negative", "none that is", "Leave it out")
    (folder / str(item)).touch()
    # The first item is done after the second.
    while item == 0 and not (folder / "1").exists():
        Event().wait(0.01)
    return 10 * item, os.getpid(), torch.get_num_threads()


def waits(folder: Path, item: int, progress: Progress) -> None:
    (folder / f"began-{item}").touch()
    Event().wait()


def ends_its_process(shared: None, item: int, progress: Progress) -> None:
    os._exit(1)


def children() -> list[str]:
    """The processes of a pool that still run; others, such as the browser of another test, are no concern here."""
    lines = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    return [line for line in lines if "multiprocessing.spawn" in line]


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []
    assert children() == []


class Watch:
    """A progress that remembers what it was told and cancels when a condition holds."""

    def __init__(self, stop=lambda: False) -> None:
        self.all: list[tuple[str, int, int, str]] = []
        self._stop = stop

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.all.append((stage, done, total, note))
        if self._stop():
            raise Cancelled


# One story of one pair of processes: they take seconds to start.
def test_results_come_in_the_order_of_the_items_and_a_refusal_passes_through_and_leaves_the_pool_in_use(
    tmp_path: Path,
) -> None:
    told, more_told = Watch(), Watch()
    with ProcessPool(worked, tmp_path, 2) as pool:
        assert children() == []
        first = pool.results([0, 1, 2, 3], Told("work"), told)
        assert len(children()) == 2
        with pytest.raises(RefusedInput, match=r"item -1 is negative\. Expected none that is\. Leave it out\."):
            pool.results([1, -1, 2], Told("work"))
        second = pool.results([5], Told("more"), more_told)
        assert pool.results([], Told("none")) == []

    assert [value for value, _, _ in [*first, *second]] == [0, 10, 20, 30, 50]
    assert len({process for _, process, _ in [*first, *second]} | {os.getpid()}) == 3
    # This process may use one thread, and no process of the pool fewer than that.
    assert {threads for _, _, threads in first} == {1}
    assert told.all[-1] == ("work", 4, 4, "2 side by side")
    assert [done for _, done, _, _ in told.all] == sorted(done for _, done, _, _ in told.all)
    assert more_told.all[-1] == ("more", 1, 1, "2 side by side")


def test_a_cancellation_ends_processes_in_the_middle_of_their_work(tmp_path: Path) -> None:
    both_began = Watch(stop=lambda: len(list(tmp_path.glob("began-*"))) == 2)
    with pytest.raises(Cancelled), ProcessPool(waits, tmp_path, 2) as pool:
        pool.results(list(range(100)), Told("waiting"), both_began)

    # Nothing more was begun, and waiting for it took no ten minutes.
    assert len(list(tmp_path.iterdir())) == 2
    assert {done for _, done, _, _ in both_began.all} == {0}


def test_a_cancellation_ends_processes_that_are_still_starting(tmp_path: Path) -> None:
    with pytest.raises(Cancelled), ProcessPool(waits, tmp_path, 2) as pool:
        pool.results([1, 2, 3], Told("waiting"), Watch(stop=lambda: True))


def test_an_item_whose_process_is_killed_each_time_is_a_refusal_that_names_it_and_memory() -> None:
    expected = r"task 1 of 2 was begun 3 times.*killed, most likely for want of memory.*lower \[compute\] workers"
    with (
        pytest.raises(RefusedInput, match=expected),
        ProcessPool(ends_its_process, None, 1) as pool,
    ):
        pool.results([1, 2], Told("ending"))


def test_a_pool_that_is_asked_for_nothing_starts_no_process() -> None:
    with ProcessPool(worked, Path(), 4) as pool:
        assert pool.workers == 4
        assert children() == []


def dies_once(folder: Path, item: int, progress: Progress) -> int:
    if item == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * item


def test_what_was_in_work_when_a_process_was_killed_is_done_again_by_half_as_many(tmp_path: Path) -> None:
    told = Watch()
    with ProcessPool(dies_once, tmp_path, 2) as pool:
        assert pool.results([0, 1, 2, 3, 4], Told("work"), told) == [0, 10, 20, 30, 40]
    assert pool.workers == 1
    assert told.all[-1] == ("work", 5, 5, "1 side by side")
    assert [done for _, done, _, _ in told.all] == sorted(done for _, done, _, _ in told.all)


def test_processes_that_were_killed_between_two_maps_are_started_again(tmp_path: Path) -> None:
    with ProcessPool(dies_once, tmp_path, 2) as pool:
        assert pool.results([0, 1], Told("work")) == [0, 10]
        for process in multiprocessing.active_children():
            process.kill()
            process.join()
        assert pool.results([3, 4], Told("work")) == [30, 40]


class TooLittleMemory:
    """A pool of processes that dies whenever more than one is at work: it starts none."""

    def __init__(self, workers: int, initargs: tuple, **_: object) -> None:
        (self._work, self._shared, _), self._workers = initargs, workers
        self._processes: dict[int, object] = {}

    def submit(self, _: object, item: int) -> Future[int]:
        future = Future[int]()
        if self._workers > 1:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(self._work(self._shared, item, silent))
        return future

    def shutdown(self, **_: object) -> None:
        pass


def tens(shared: None, item: int, progress: Progress) -> int:
    return 10 * item


def test_memory_that_only_one_process_has_is_found_before_an_item_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ProcessPoolExecutor", TooLittleMemory)
    with ProcessPool(tens, None, 16) as pool:
        assert pool.results([1, 2, 3, 4], Told("work")) == [10, 20, 30, 40]
    assert pool.workers == 1


def test_an_item_that_takes_too_long_is_begun_again_and_then_named(tmp_path: Path) -> None:
    expected = r"item 0 was begun 2 times and lost each time: it took longer than 0.000277778 hours.*TASK_HOURS higher"
    with pytest.raises(RefusedInput, match=expected), ProcessPool(waits, tmp_path, 2, seconds=1) as pool:
        pool.results([0], Told("waiting", name=lambda position: f"item {position}"))


_PARENT = """
import sys
from pathlib import Path
from engine.tasks import Told
from engine.tasks.processes import ProcessPool
from tests.engine.tasks.test_processes import waits
if __name__ == "__main__":
    with ProcessPool(waits, Path(sys.argv[1]), 2) as pool:
        pool.results([0, 1], Told("waiting"))
"""


def test_they_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script, marks = tmp_path / "parent.py", tmp_path / "marks"
    script.write_text(_PARENT)
    marks.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, str(script), str(marks)], cwd=REPOSITORY, env=environment) as parent:
        while not {"began-0", "began-1"} <= {path.name for path in marks.iterdir()}:
            assert parent.poll() is None
            Event().wait(0.05)
        workers = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    assert workers
    assert psutil.wait_procs(workers, timeout=60)[1] == []
