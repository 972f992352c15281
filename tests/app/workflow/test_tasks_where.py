"""Where a command's tasks are done, and how long one may take."""

import pytest

from app.workflow.tasks_where import tasks_where
from cache.store import Store
from engine.errors import RefusedInput
from engine.tasks import LocalTasks, RayTasks

HOURS = "PARETOSCOPE_TASK_HOURS"


def test_without_an_address_tasks_are_done_here_and_may_take_a_day(empty_store: Store) -> None:
    assert tasks_where(None, empty_store, {}) == LocalTasks(24)
    assert tasks_where(None, empty_store, {HOURS: " "}) == LocalTasks(24)


def test_a_cluster_finds_in_the_store_what_is_too_large_for_its_memory(empty_store: Store) -> None:
    assert tasks_where("10.0.0.1:6379", empty_store, {}) == RayTasks("10.0.0.1:6379", empty_store.root, 24)


def test_the_environment_sets_the_hours_here_and_on_a_cluster(empty_store: Store) -> None:
    assert tasks_where(None, empty_store, {HOURS: " 0.5 "}) == LocalTasks(0.5)
    assert tasks_where("auto", empty_store, {HOURS: "100"}) == RayTasks("auto", empty_store.root, 100)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "two", "1e9"])
def test_hours_that_cannot_be_used_are_refused_by_their_name(empty_store: Store, hours: str) -> None:
    with pytest.raises(RefusedInput, match=f"{HOURS} is '.*Expected a number of hours above 0.*leave it out for a day"):
        tasks_where(None, empty_store, {HOURS: hours})
