"""Where a command's tasks are done, and how long one may take."""

import pytest

from app.workflow.tasks_where import tasks_where
from cache.store import Store
from engine.errors import RefusedInput
from engine.tasks import LocalTasks, RayTasks

HOURS = "PARETOSCOPE_TASK_HOURS"


def test_without_an_address_tasks_are_done_here_and_may_take_a_day(empty_store: Store) -> None:
    assert tasks_where(None, empty_store, {}) == LocalTasks(168)
    assert tasks_where(None, empty_store, {HOURS: " "}) == LocalTasks(168)


def test_a_cluster_finds_in_the_store_what_is_too_large_for_its_memory(empty_store: Store) -> None:
    assert tasks_where("10.0.0.1:6379", empty_store, {}) == RayTasks("10.0.0.1:6379", empty_store.root, 168)


def test_the_environment_sets_the_hours_here_and_on_a_cluster(empty_store: Store) -> None:
    assert tasks_where(None, empty_store, {HOURS: " 0.5 "}) == LocalTasks(0.5)
    assert tasks_where("auto", empty_store, {HOURS: "100"}) == RayTasks("auto", empty_store.root, 100)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "two", "1e9"])
def test_hours_that_cannot_be_used_are_refused_by_their_name(empty_store: Store, hours: str) -> None:
    with pytest.raises(
        RefusedInput, match=f"{HOURS} is '.*Expected a number of hours above 0.*leave it out for a week"
    ):
        tasks_where(None, empty_store, {HOURS: hours})


@pytest.mark.parametrize(("memory", "is_enough"), [(15 * 10**8, False), (2 * 10**9, True)])
def test_a_process_with_little_memory_takes_part_in_no_cluster(
    memory: int, is_enough: bool, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.workflow.tasks_where.memory_limit", lambda: memory)
    assert tasks_where(None, empty_store, {}) == LocalTasks(168)
    if is_enough:
        tasks_where("auto", empty_store, {})
        return
    with pytest.raises(
        RefusedInput, match=r"may have 1.5 GB of memory.*Expected 2 GB for one.*Raise PARETOSCOPE_JOB_MEMORY"
    ):
        tasks_where("auto", empty_store, {})
