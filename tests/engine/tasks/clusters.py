"""Ray's own test cluster: machines of a cluster as processes of this one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.cluster_utils import Cluster

from tests.conftest import REPOSITORY

_MACHINE = {"object_store_memory": 100 * 2**20, "include_dashboard": False}


@contextmanager
def cluster_of(machines: int, cpus: int = 1) -> Iterator[Cluster]:
    """A head without processors, so that it does no task and can go on when machines are lost, and some machines."""
    before = os.environ.get("PYTHONPATH")
    # Processes of the cluster import the work of tests, as they would import the engine.
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    try:
        cluster = Cluster(initialize_head=True, head_node_args={**_MACHINE, "num_cpus": 0})
        for _ in range(machines):
            add_machine(cluster, cpus)
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    try:
        yield cluster
    finally:
        cluster.shutdown()


def add_machine(cluster: Cluster, cpus: int = 1) -> Any:
    """Adds a machine."""
    return cluster.add_node(num_cpus=cpus, **_MACHINE)
