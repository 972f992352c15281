"""Ray's own test cluster: machines of a cluster as processes of this one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from ray.cluster_utils import Cluster

from benchmarks.scaling_cluster import cluster_of as cluster_with
from tests.conftest import REPOSITORY


@contextmanager
def cluster_of(machines: int, cpus: int = 1) -> Iterator[Cluster]:
    """A head without processors, so that it does no task and can go on when machines are lost, and some machines."""
    # Processes of the cluster import the work of tests, as they would import the engine.
    with mock.patch.dict(os.environ, {"PYTHONPATH": str(REPOSITORY)}), cluster_with(0, *[cpus] * machines) as cluster:
        yield cluster
