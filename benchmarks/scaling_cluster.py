"""Ray's own test cluster, whose machines are processes of this one, and losses of them in the middle of work."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import psutil

from engine.tasks.attempts import Death, Ledger

_MACHINE: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 200 * 2**20}
_AT_WORK = "ray::run"
"""What a process of Ray calls itself while it does a task of ours, by the name of the task's function."""


@contextmanager
def cluster_of(*cpus: int) -> Iterator[Any]:
    """A cluster of machines with so many processors, the head first. Nothing is connected to it yet.

    It asks for no token, whatever the user of this machine has: it is of this process alone.
    """
    from ray.cluster_utils import Cluster

    with mock.patch.dict(os.environ, {"RAY_AUTH_MODE": "disabled"}):
        cluster = Cluster(initialize_head=True, head_node_args={**_MACHINE, "num_cpus": cpus[0]})
        try:
            for further in cpus[1:]:
                add_machine(cluster, further)
            yield cluster
        finally:
            cluster.shutdown()


def add_machine(cluster: Any, cpus: int = 1) -> Any:
    """Adds a machine."""
    return cluster.add_node(num_cpus=cpus, **_MACHINE)


@dataclass
class Loss:
    """A progress that strikes once, as soon as a result has come and another task is at work.

    Attributes:
        strike: returns what it ended, in words; nothing if nothing was at work.
        struck: what was ended.
        lost: what became of tasks: each was begun anew.
    """

    strike: Callable[[], str]
    struck: str = ""
    lost: list[str] = field(default_factory=list)

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Strikes if it is time."""
        if done and not self.struck:
            self.struck = self.strike()

    @contextmanager
    def watched(self) -> Iterator["Loss"]:
        """Notes what is begun anew for as long as the context lasts."""
        again = Ledger.again

        def noted(ledger: Ledger, position: int, death: Death) -> None:
            self.lost.append(death.why)
            again(ledger, position, death)

        with mock.patch.object(Ledger, "again", noted):
            yield self


def kill_worker(cluster: Any) -> str:
    """Kills one process that is at work, by SIGKILL."""
    for node in cluster.list_all_nodes():
        for worker in at_work(node)[:1]:
            worker.kill()
            return "a worker's process"
    return ""


def remove_machine(cluster: Any) -> str:
    """Ends all processes of one machine that is at work, beside the head."""
    for node in list(cluster.worker_nodes):
        if at_work(node):
            cluster.remove_node(node, allow_graceful=False)
            return "a machine"
    return ""


def at_work(node: Any) -> list[psutil.Process]:
    """Returns the processes of a machine that do a task; others may have clusters of their own here."""
    found = []
    for raylet in node.all_processes["raylet"]:
        for process in psutil.Process(raylet.process.pid).children(recursive=True):
            try:
                if process.cmdline()[:1] and process.cmdline()[0].startswith(_AT_WORK):
                    found.append(process)
            except psutil.Error:
                continue
    return found
