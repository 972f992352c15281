"""Where the tasks of a command are done, and how long one may take, by an option and the environment."""

import math
import os
from collections.abc import Mapping

from cache.store import Store
from engine.errors import RefusedInput
from engine.tasks import LocalTasks, RayTasks
from engine.tasks.choice import TASK_HOURS

HOURS = "PARETOSCOPE_TASK_HOURS"
"""Environment variable: hours that one task may take in a process of its own, or on a cluster."""


def tasks_where(
    address: str | None, store: Store, environment: Mapping[str, str] = os.environ
) -> LocalTasks | RayTasks:
    """Returns where tasks are done.

    Args:
        address: of a Ray cluster; None for this machine.
        store: whose folder all machines of a cluster see.
        environment: that may set :data:`HOURS`.

    Raises:
        RefusedInput: if the hours are no positive number.
    """
    text = environment.get(HOURS, "").strip()
    try:
        hours = float(text) if text else TASK_HOURS
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        raise RefusedInput(
            f"{HOURS} is {text!r}", "a positive number of hours, such as 24", "Correct it, or leave it unset"
        )
    return LocalTasks(hours) if address is None else RayTasks(address, store.root, hours)
