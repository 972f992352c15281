"""Tasks of a Ray cluster: in order, through deaths of processes and machines, and ended when work is stopped."""

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
import ray
import torch
from ray.cluster_utils import Cluster

from benchmarks.scaling_cluster import add_machine
from engine.errors import Cancelled, RefusedInput
from engine.progress import Progress
from engine.tasks import RayTasks, Told, ray_pool, ray_worker, task_pool, tasks_on
from engine.tasks.ray_pool import held_bytes
from tests.engine.tasks.test_processes import Watch, dies_once, waits, worked


@pytest.fixture
def hours_are_seconds(cluster: Cluster, connected: Path) -> Iterator[None]:
    with tasks_on(RayTasks(cluster.address, connected, hours=2 / 3600)):
        yield


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        threading.Event().wait(0.05)


class During:
    """A progress that does something once, when a condition holds."""

    def __init__(self, condition: Callable[[], bool], then: Callable[[], object]) -> None:
        self._condition, self._then, self.done = condition, then, False

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if not self.done and self._condition():
            self.done = True
            self._then()


def test_results_come_in_the_order_of_the_items_and_a_refusal_is_raised_once_and_leaves_the_pool_in_use(
    on_ray: Path, tmp_path: Path
) -> None:
    told = Watch()
    with task_pool(worked, tmp_path) as pool:
        first = pool.results([0, 1, 2, 3], Told("work"), told)
        with pytest.raises(RefusedInput, match=r"item -1 is negative\. Expected none that is\.") as refused:
            pool.results([1, -1, 2], Told("work", name=lambda position: f"number {position}"))
        second = pool.results([5], Told("more"))
        assert pool.results([], Told("none")) == []

    assert [value for value, _, _ in [*first, *second]] == [0, 10, 20, 30, 50]
    assert os.getpid() not in {process for _, process, _ in [*first, *second]}
    assert {threads for _, _, threads in first} == {1}
    assert told.all[-1] == ("work", 4, 4, "2 at once on Ray")
    assert [done for _, done, _, _ in told.all] == sorted(done for _, done, _, _ in told.all)
    assert refused.value.__notes__ == ["in number 1, on the Ray cluster"]


class Noted:
    """What leaves a mark in each process that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__dict__.update(state)
        (self.folder / f"read-{os.getpid()}-{os.urandom(4).hex()}").touch()


def process_of(shared: Noted, item: int, progress: Progress) -> int:
    return os.getpid()


@pytest.mark.parametrize("share", [ray_pool.OBJECT_SHARE, 0.0])
def test_what_is_shared_is_read_once_by_each_process_from_memory_or_from_the_folder(
    share: float, on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "OBJECT_SHARE", share)
    laid_down = set[str]()
    with task_pool(process_of, Noted(tmp_path)) as pool:
        processes = set(pool.results(range(12), Told("work")))
        laid_down = {path.name for path in on_ray.iterdir()}

    assert len(list(tmp_path.glob("read-*"))) == len(processes)
    assert bool(laid_down) == (share == 0)
    assert all(name.startswith(".partial-") for name in laid_down)
    assert list(on_ray.iterdir()) == []


def test_a_folder_that_a_machine_does_not_see_is_named(
    on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "OBJECT_SHARE", 0.0)
    monkeypatch.setattr(ray_pool.RayPool, "_written", lambda self: "/not/there/shared.pt")
    with (
        pytest.raises(RefusedInput, match=r"does not see /not/there/shared\.pt.*shared disk and name it with --cache"),
        task_pool(worked, tmp_path) as pool,
    ):
        pool.results([1], Told("work"))


@pytest.mark.parametrize("name", ["torch", "the engine's code", "what an older worker does not know"])
def test_a_machine_with_other_versions_is_named(
    name: str, on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "versions", lambda: {**ray_worker.versions(), name: "1.0"})
    with (
        pytest.raises(RefusedInput, match=rf"has {name} \S+ in place of 1\.0.*same versions everywhere"),
        task_pool(worked, tmp_path) as pool,
    ):
        pool.results([1], Told("work"))


def needs_a_package(shared: None, item: int, progress: Progress) -> None:
    raise ModuleNotFoundError("No module named 'kronfluence'")


def test_a_package_that_a_machine_lacks_is_named(on_ray: Path) -> None:
    with (
        pytest.raises(RefusedInput, match=r"lacks a package: No module named 'kronfluence'.*requirements\.txt"),
        task_pool(needs_a_package, None) as pool,
    ):
        pool.results([1], Told("work"))


def fails(folder: Path, item: int, progress: Progress) -> None:
    (folder / f"began-{item}-{os.urandom(4).hex()}").touch()
    raise ZeroDivisionError(f"of item {item}")


def test_work_that_fails_by_itself_ends_the_map_at_once_with_its_own_error(on_ray: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="of item 7") as failed, task_pool(fails, tmp_path) as pool:
        pool.results([7], Told("work"))
    assert failed.value.__notes__ == ["in task 1 of 1, on the Ray cluster"]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_in_work_when_a_process_was_killed_is_done_again(on_ray: Path, tmp_path: Path) -> None:
    with task_pool(dies_once, tmp_path) as pool:
        assert pool.results([0, 1, 2, 3, 4], Told("work")) == [0, 10, 20, 30, 40]
    assert (tmp_path / "died").exists()


def dies(folder: Path, item: int, progress: Progress) -> None:
    (folder / os.urandom(4).hex()).touch()
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_item_whose_process_is_killed_each_time_is_named_and_not_begun_endlessly(
    on_ray: Path, tmp_path: Path
) -> None:
    expected = r"the first was begun 3 times and lost each time: its process was killed, most likely for want of memory"
    with pytest.raises(RefusedInput, match=expected), task_pool(dies, tmp_path) as pool:
        pool.results([1], Told("work", name=lambda position: "the first"))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_task_has_as_many_processors_and_threads_as_this_process(
    cluster: Cluster, on_ray: Path, tmp_path: Path
) -> None:
    machine = add_machine(cluster, cpus=6)
    torch.set_num_threads(3)
    try:
        with task_pool(worked, tmp_path) as pool:
            assert pool.workers == 2
            ((_, _, threads),) = pool.results([1], Told("work"))
        with task_pool(worked, tmp_path, workers=2) as pool:
            # Two processes of this machine would share its threads; so do tasks.
            ((_, _, shared),) = pool.results([1], Told("work"))
    finally:
        torch.set_num_threads(1)
        cluster.remove_node(machine)
    assert (threads, shared) == (3, 1)


@pytest.mark.usefixtures("hours_are_seconds")
def test_an_item_that_takes_too_long_is_begun_again_and_then_named(tmp_path: Path) -> None:
    expected = r"task 1 of 1 was begun 2 times and lost each time: it took longer than 0\.000555556 hours"
    with pytest.raises(RefusedInput, match=expected), task_pool(waits, tmp_path) as pool:
        pool.results([0], Told("waiting"))


def waits_with_its_process(folder: Path, item: int, progress: Progress) -> None:
    (folder / f"process-{os.getpid()}").touch()
    threading.Event().wait()


def test_a_cancellation_ends_the_processes_in_the_middle_of_their_work(on_ray: Path, tmp_path: Path) -> None:
    def both() -> bool:
        return len(list(tmp_path.glob("process-*"))) == 2

    with pytest.raises(Cancelled), task_pool(waits_with_its_process, tmp_path) as pool:
        pool.results(range(100), Told("waiting"), Watch(stop=both))

    processes = [int(path.name.removeprefix("process-")) for path in tmp_path.iterdir()]
    until(lambda: not any(psutil.pid_exists(process) for process in processes))
    # Nothing more was begun.
    assert len(list(tmp_path.iterdir())) == 2


def test_a_task_that_no_machine_has_room_for_is_refused_in_words(
    on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_pool, "NO_ROOM_SECONDS", 0.0)
    monkeypatch.setattr(ray_pool, "_COUNTS", 0.1)
    expected = r"no machine .* has room for a task: they offer .*1 CPUs.*a machine with 3 CPUs.*set \[compute\] threads"
    torch.set_num_threads(3)
    try:
        with pytest.raises(RefusedInput, match=expected), task_pool(worked, tmp_path) as pool:
            pool.results([1], Told("work"))
    finally:
        torch.set_num_threads(1)


def test_work_that_stays_is_done_in_this_process(on_ray: Path, tmp_path: Path) -> None:
    with task_pool(worked, tmp_path, stays=True) as pool:
        ((_, process, _),) = pool.results([1], Told("work"))
    assert process == os.getpid()


def where_it_runs(folder: Path, item: int, progress: Progress) -> int:
    """Says on which machine it runs, and ends when it is let go."""
    mark = folder / f"{item}-on-{ray.get_runtime_context().get_node_id()}"
    mark.touch()
    until((folder / "go on").exists)
    return 10 * item


def test_a_machine_that_is_lost_costs_its_running_tasks_only(cluster: Cluster, on_ray: Path, tmp_path: Path) -> None:
    machine = add_machine(cluster)

    def begun() -> bool:
        return any(path.name.endswith(machine.node_id) for path in tmp_path.iterdir())

    def lose() -> None:
        cluster.remove_node(machine, allow_graceful=False)
        (tmp_path / "go on").touch()

    losing = During(begun, lose)
    with task_pool(where_it_runs, tmp_path) as pool:
        assert pool.results([0, 1, 2, 3, 4, 5], Told("work"), losing) == [0, 10, 20, 30, 40, 50]

    assert losing.done
    begun_twice = {path.name.partition("-")[0] for path in tmp_path.iterdir() if path.name.endswith(machine.node_id)}
    marks = [path.name.partition("-")[0] for path in tmp_path.iterdir() if "-on-" in path.name]
    assert {item for item in marks if marks.count(item) > 1} <= begun_twice


def test_what_cannot_be_sent_is_done_in_this_process(
    on_ray: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unsendable = lambda: tmp_path  # noqa: E731
    with task_pool(process_of, unsendable) as pool:
        assert pool.results([1], Told("work")) == [os.getpid()]
    assert "This work is done here, and not by the cluster" in caplog.text


def test_another_cluster_than_the_one_that_is_connected_is_not_taken_for_it(on_ray: Path) -> None:
    with pytest.raises(ValueError, match=r"is connected to .* already"), tasks_on(RayTasks("127.0.0.1:1", on_ray)):
        pass


def test_a_file_that_cannot_be_written_whole_is_refused_and_leaves_nothing(
    on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(shared: object, file: IO[bytes]) -> None:
        file.write(b"a beginning")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ray_pool, "OBJECT_SHARE", 0.0)
    monkeypatch.setattr(torch, "save", full)
    with (
        pytest.raises(RefusedInput, match=r"cannot be laid down in .*: No space left on device.*store that has room"),
        task_pool(worked, tmp_path) as pool,
    ):
        pool.results([1], Told("work"))
    assert list(on_ray.iterdir()) == []


def test_a_machine_that_cannot_import_what_a_task_is_made_of_is_told_so() -> None:
    # In Ray's own words, which stand in place of the error.
    words = (
        "The remote function failed to import on the worker. Traceback\nModuleNotFoundError: No module named 'torch'\n"
    )
    with pytest.raises(RefusedInput, match=r"lacks a package: ModuleNotFoundError: No module named 'torch'\. Expected"):
        ray_pool._death(RuntimeError(words), "a task")


def test_bytes_are_counted_without_a_copy_of_the_numbers() -> None:
    numbers = torch.zeros(1000, 250)
    assert 10**6 <= held_bytes({"a": numbers, "b": "words"}) < 10**6 + 1000
    assert 10**6 <= held_bytes([numbers.numpy()]) < 10**6 + 1000
    # Of a view all that it looks at is sent, and of two of them once.
    assert 10**6 <= held_bytes([numbers[:1], numbers[5:]]) < 10**6 + 1000
