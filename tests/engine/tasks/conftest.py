"""A cluster of two machines of one processor, for the tests of one module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from engine.tasks import RayTasks, tasks_on
from tests.engine.tasks.clusters import cluster_of


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_of(2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def connected(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that all machines see; this process stays connected, so that its workers are started once."""
    folder = tmp_path_factory.mktemp("seen by all")
    with tasks_on(RayTasks(cluster.address, folder)):
        yield folder


@pytest.fixture
def on_ray(cluster: Cluster, connected: Path) -> Iterator[Path]:
    # A fixture's context variables are not the test's.
    with tasks_on(RayTasks(cluster.address, connected)):
        yield connected
