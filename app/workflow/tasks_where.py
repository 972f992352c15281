"""Where the tasks of a command are done, and how long one may take, by an option and the environment."""

import os
from collections.abc import Mapping

from app.jobs.limits import MEMORY, memory_limit, memory_words, task_hours
from cache.store import Store
from engine.errors import RefusedInput
from engine.tasks import LocalTasks, RayTasks
from engine.tasks.choice import TASK_HOURS

CLUSTER_MEMORY = 2 * 10**9
"""Bytes that a process needs to take part in a cluster: with fewer Ray's threads fail, or wait for good."""


def tasks_where(
    address: str | None, store: Store, environment: Mapping[str, str] = os.environ
) -> LocalTasks | RayTasks:
    """Returns where tasks are done.

    Args:
        address: of a Ray cluster; None for this machine.
        store: whose folder all machines of a cluster see.
        environment: that may set the hours of a task.

    Raises:
        RefusedInput: if the hours are no positive number, or this process may have too little memory for a cluster.
    """
    set_hours = task_hours(environment)
    hours = TASK_HOURS if set_hours is None else set_hours
    if address is None:
        return LocalTasks(hours)
    memory = memory_limit()
    if memory is not None and memory < CLUSTER_MEMORY:
        raise RefusedInput(
            f"this job may have {memory_words(memory)} of memory",
            f"{memory_words(CLUSTER_MEMORY)} for one whose work a Ray cluster does",
            f"Raise {MEMORY}, or let it run on this machine",
        )
    return RayTasks(address, store.root.resolve(), hours)
