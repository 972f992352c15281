"""A command on a Ray cluster that is killed, or asked to stop, goes on from its parts and ends as one never stopped."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest
from ray.cluster_utils import Cluster

import engine.influence.parts
from benchmarks.scaling_cluster import at_work
from cache.store import Store
from engine.study import load_study
from tests.conftest import REPOSITORY
from tests.engine.tasks.clusters import cluster_of

PARTS = 64
_DRIVER = """
import signal, sys, threading
from pathlib import Path
import torch
import engine.influence.parts
from app.workflow.commands import COMMANDS
from cache.store import Store
from engine.errors import Cancelled
from engine.study import load_study

study, store, address, mark, parts = sys.argv[1:]
torch.set_num_threads(1)
engine.influence.parts.PART_SAMPLES = int(parts)
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())

def progress(stage, done, total, note=""):
    if stage == "scores" and done >= int(parts):
        Path(mark).touch()
        # A killed one ends here; one that is asked to stop is heard here, if Ray has not taken the signal.
        stopped.wait()
        raise Cancelled

try:
    COMMANDS["influence"](load_study(study), Store(Path(store)), {"ray": address}, progress)
except Cancelled:
    sys.exit(17)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_of(1) as cluster:
        yield cluster


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 17)])
def test_it_goes_on_from_its_parts(
    sent: signal.Signals, code: int, cluster: Cluster, trained_digits, tmp_path, run_use_case, monkeypatch
) -> None:
    monkeypatch.setattr(engine.influence.parts, "PART_SAMPLES", PARTS)
    study, whole, store = load_study(trained_digits), Store(tmp_path / "whole"), Store(tmp_path / "stopped")
    run_use_case("influence", study, whole)
    mark = tmp_path / "mark"
    arguments = [str(trained_digits), str(store.root), cluster.address, str(mark), str(PARTS)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, "-c", _DRIVER, *arguments], env=environment) as driver:
        while not mark.exists():
            assert driver.poll() is None
            threading.Event().wait(0.05)
        # What it started on the cluster is of its job alone, which ends with it.
        workers = [one for node in cluster.list_all_nodes() for one in at_work(node)]
        driver.send_signal(sent)
    assert driver.returncode == code
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    (stopped,) = store.unfinished_runs()
    kept = {name: stopped.path.joinpath(name).read_bytes() for name in stopped.parts if name.startswith("vectors-")}
    assert 1 <= len(kept) < 4

    # What a cluster began, this machine may end as well.
    told, where = list[tuple[str, str]](), {"ray": cluster.address} if sent == signal.SIGKILL else {}
    run_use_case("influence", study, store, lambda stage, done, total, note="": told.append((stage, note)), **where)

    assert (("scores", "1 at once on Ray") in told) == bool(where)
    (finished,), (expected,) = store.finished_runs(), whole.finished_runs()
    assert {name: finished.path.joinpath(name).read_bytes() for name in kept} == kept
    assert finished.parts == expected.parts
    tables = [name for name in expected.parts if name.endswith(".parquet")]
    assert all(finished.read_table(name).equals(expected.read_table(name)) for name in tables)
    assert not list(store.root.glob(".partial-*"))
