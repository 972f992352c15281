"""Where the tasks of a command are done, and how long one may take, by an option and the environment."""

import os
from collections.abc import Mapping

from app.jobs.limits import task_hours
from cache.store import Store
from engine.tasks import LocalTasks, RayTasks
from engine.tasks.choice import TASK_HOURS


def tasks_where(
    address: str | None, store: Store, environment: Mapping[str, str] = os.environ
) -> LocalTasks | RayTasks:
    """Returns where tasks are done.

    Args:
        address: of a Ray cluster; None for this machine.
        store: whose folder all machines of a cluster see.
        environment: that may set the hours of a task.

    Raises:
        RefusedInput: if the hours are no positive number.
    """
    set_hours = task_hours(environment)
    hours = TASK_HOURS if set_hours is None else set_hours
    return LocalTasks(hours) if address is None else RayTasks(address, store.root, hours)
