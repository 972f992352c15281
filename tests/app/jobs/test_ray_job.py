"""A job whose work a cluster does: within its own limits, with the result of this machine, and ended when asked."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from app.jobs import JobFolder, cancel_job, start_job
from cache.store import Store
from tests.engine.tasks.clusters import cluster_of

Wait = Callable[[JobFolder], None]
_PARTS = "vectors-*.parquet", "samples.parquet", "validation.parquet", "arithmetic.json"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_of(1) as cluster:
        yield cluster


def parts(store: Store, run: str) -> dict[str, str]:
    folder = store.run(run).path
    files = sorted(path for pattern in _PARTS for path in folder.glob(pattern))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_its_parts_are_those_that_this_machine_writes_and_its_process_keeps_to_its_memory(
    cluster: Cluster,
    trained_digits: Path,
    finished_store: Store,
    empty_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    wait: Wait,
) -> None:
    monkeypatch.setenv("PARETOSCOPE_JOB_MEMORY", "3GB")
    job = start_job(empty_store, "influence", trained_digits, {"ray": cluster.address})
    wait(job)

    status = job.status()
    assert status.state == "finished", job.log_tail()
    assert status.note.endswith("on Ray")
    assert status.result is not None
    run = status.result["run"]
    assert parts(empty_store, run) == parts(finished_store, run)
    assert len(parts(empty_store, run)) == 4
    # The same work here is the same job, and done.
    assert start_job(empty_store, "influence", trained_digits, {}, worker_argv=("false",)).status() == status


def test_it_ends_as_cancelled_in_the_middle_of_the_work_of_the_cluster(
    cluster: Cluster, trained_digits: Path, finished_store: Store, empty_store: Store, wait: Wait
) -> None:
    options = {"what": "removal", "epochs": 1000, "ray": cluster.address}
    job = start_job(empty_store, "validate", trained_digits, options)
    while not job.status().note.endswith("on Ray"):
        assert job.status().state in ("waiting", "running"), job.log_tail()
        threading.Event().wait(0.05)

    cancel_job(job)
    wait(job)

    assert job.status().state == "cancelled", job.log_tail()
    assert not list(empty_store.root.glob(".partial-*"))
