"""The parts of the benchmark of scaling: what it compares, how it takes turns, and what it ends in the middle."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.scaling_cases import PictureCase, Size, are_equal, arrays, everything, picture_case
from benchmarks.scaling_cluster import Loss, cluster_of, kill_worker, remove_machine
from benchmarks.scaling_times import Times, threads
from engine.progress import Progress
from engine.tasks import RayTasks, Told, task_pool, tasks_on
from tests.conftest import REPOSITORY


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PictureCase:
    monkeypatch.setenv("PARETOSCOPE_DATA", str(tmp_path / "nowhere"))
    with threads(1):
        return picture_case(Size(train=6, validation=4, side=8, part=25))


def test_each_kind_of_work_has_results_and_the_same_ones_twice(case: PictureCase) -> None:
    first, second = everything(case), everything(case)
    assert list(first) == ["factor statistics", "class gradients", "partitions", "candidates", "retrainings"]
    assert case.pictures == "drawn pictures in place of CIFAR-10"
    for kind, found in first.items():
        assert any(array.dtype.kind == "f" and array.size > 5 for array in found.values())
        assert are_equal(found, second[kind])


def test_a_plain_loop_gives_the_scores_of_the_parts(case: PictureCase) -> None:
    prepared = case.prepared()
    parts = case.scores(prepared, 3)
    assert [parts[f"/part {number}/start"] for number in range(3)] == [0, 25, 50]
    assert parts["/part 2/epoch"].shape == (10, prepared.fold_counts.size)
    assert are_equal(parts, case.plain_scores(prepared, 3))
    assert are_equal(case.scores(prepared, 2), case.plain_scores(prepared, 2))
    assert not are_equal(parts, case.plain_scores(prepared, 2))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"a": [np.array([1.0, np.nan])]}, True),
        ({"a": [torch.tensor([1.0, np.nan], dtype=torch.float64)]}, True),
        ({"a": [np.array([1.0, np.nan], np.float32)]}, False),
        ({"a": [np.array([np.nextafter(1.0, 2.0), np.nan])]}, False),
        ({"a": [np.array([[1.0, np.nan]])]}, False),
        ({"b": [np.array([1.0, np.nan])]}, False),
        ({"a": [np.array([1.0, np.nan])] * 2}, False),
    ],
)
def test_results_are_equal_bit_for_bit_or_not_at_all(other: Any, same: bool) -> None:
    assert are_equal(arrays({"a": [np.array([1.0, np.nan])]}), arrays(other)) == same


def test_works_take_turns_and_a_result_that_differs_is_noticed() -> None:
    done, results = list[str](), {"one": [1.0, 1.0, 1.0], "two": [1.0, 1.0, 2.0]}

    def work(name: str) -> dict[str, Any]:
        done.append(name)
        return {"": np.array(results[name][done.count(name) - 1])}

    times, equal = Times(), []
    for runs in (2, 1):
        times.in_turns({"one": lambda: work("one"), "two": lambda: work("two")}, runs)
        equal.append(times.equal)
    assert equal == [True, False]
    assert done == ["one", "two", "two", "one", "one", "two"]
    times.seconds = {"one": [3.0, 8.0, 9.0], "two": [1.0, 2.0, 9.0]}
    assert (times.ratio("one", "two"), times.median("one")) == (3.0, 8.0)


def test_a_loss_strikes_once_after_a_result_and_again_until_it_finds_somebody_at_work() -> None:
    found = iter(["", "a worker's process"])
    loss, struck = Loss(lambda: next(found)), []
    for done in (0, 1, 1, 2):
        loss("work", done, 3)
        struck.append(loss.struck)
    assert struck == ["", "", "a worker's process", "a worker's process"]


def waits_at_first(mark: Path, item: int, progress: Progress) -> int:
    if not mark.exists():
        mark.touch()
        threading.Event().wait()
    return item


def test_who_is_at_work_is_ended_and_the_item_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Processes of the cluster import the work of tests, as they would import the engine.
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    with cluster_of(0, 1, 1) as cluster, tasks_on(RayTasks(cluster.address, tmp_path / "folder")):
        for end, struck in ((kill_worker, "a worker's process"), (remove_machine, "a machine")):
            mark = tmp_path / struck
            loss = Loss(lambda end=end, mark=mark: end(cluster) if mark.exists() else "")  # type: ignore[misc]
            with loss.watched(), task_pool(waits_at_first, mark) as pool:
                assert pool.results([7], Told("work", before=1), loss) == [7]
            assert (loss.struck, len(loss.lost)) == (struck, 1)
        assert len(cluster.worker_nodes) == 1
