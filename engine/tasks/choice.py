"""Where tasks are done: told once by a command, asked by whoever fans out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.tasks.pool import InProcess, TaskPool, Work
from engine.tasks.processes import ProcessPool, threads_each
from engine.tasks.ray_cluster import connected

TASK_HOURS = 24.0 * 7
"""That one task may take by default: one that hangs must not keep its place for good."""


@dataclass(frozen=True)
class LocalTasks:
    """Tasks are done on this machine.

    Attributes:
        hours: that one task may take in a process of its own.
    """

    hours: float = TASK_HOURS


@dataclass(frozen=True)
class RayTasks:
    """Tasks are done by a Ray cluster.

    Attributes:
        address: of its head, ``HOST:PORT``, or ``auto`` for the cluster that this machine is a node of.
        folder: that all machines see at the same path: what is too large for Ray's object store is laid down there.
        hours: that one task may take.
    """

    address: str
    folder: Path
    hours: float = TASK_HOURS


_LOG = logging.getLogger(__name__)
_HERE = LocalTasks()
_where: ContextVar[LocalTasks | RayTasks] = ContextVar("tasks", default=_HERE)


@contextmanager
def tasks_on(where: LocalTasks | RayTasks) -> Iterator[None]:
    """Says where tasks are done for as long as the context lasts; connects to a cluster at once.

    Raises:
        RefusedInput: if there is no such cluster, or Ray is not installed.
    """
    token = _where.set(where)
    try:
        if isinstance(where, RayTasks):
            with connected(where.address):
                yield
        else:
            yield
    finally:
        _where.reset(token)


def task_pool(
    work: Work[Any, Any],
    shared: Any,
    workers: int = 1,
    device: torch.device | None = None,
    stays: bool = False,
) -> TaskPool[Any, Any]:
    """Returns what does one kind of work on items, where :func:`tasks_on` said. It is a context.

    A task computes with the threads that a process of ``workers`` on this machine gets, wherever it is done: on the
    CPU its result is the same bit for bit.

    Args:
        work: a function of a module.
        shared: what every item needs; it goes to each process once.
        workers: processes on this machine; 1 for none but this one.
        device: that the work computes on; a GPU is asked of the cluster for each task.
        stays: whether the work cannot leave this process, or is not worth the way.
    """
    where = _where.get()
    seconds = 3600 * where.hours
    if isinstance(where, RayTasks) and not stays:
        from engine.tasks.ray_pool import NotSendable, RayPool

        try:
            on_gpu = device is not None and device.type == "cuda"
            return RayPool(work, shared, threads_each(workers), on_gpu, where.folder, seconds)
        except NotSendable as error:
            _LOG.warning("This work is done here, and not by the cluster: %s", error)
    if workers > 1 and not stays:
        return ProcessPool(work, shared, workers, seconds)
    return InProcess(work, shared)
