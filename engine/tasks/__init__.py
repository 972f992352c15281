"""Independent tasks: the same work on many items, in this process, in others of this machine, or on a Ray cluster.

Whoever fans out asks :func:`task_pool` for a pool and does not learn where it works. A command says where, for as long
as a context lasts, with :func:`tasks_on`.
"""

from engine.tasks.choice import LocalTasks, RayTasks, task_pool, tasks_on
from engine.tasks.pool import InProcess, TaskPool, Told

__all__ = ["InProcess", "LocalTasks", "RayTasks", "TaskPool", "Told", "task_pool", "tasks_on"]
