"""Kills in the middle of commits to DuckDB, by a process that does nothing else and by the dashboard's server."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from cache import Cache
from cache.store import Store
from engine.errors import RefusedInput
from tests.hostile.onlooker import KillReport, Seen
from tests.hostile.preloaded import REPOSITORY, add_run, preloaded
from tests.hostile.session import visiting
from tests.hostile.small_study import fill_store, write_study

_LONGEST_COMMIT_SECONDS = 1.0
_LONGEST_SERVICE_SECONDS = 2.0
_START_SECONDS = 90


def kill_commits(folder: Path, kills: int, seed: int = 0) -> KillReport:
    """Kills a process that takes run after run into the cache, and opens the cache after each kill.

    A run is acknowledged once the process has written down that its commit returned.

    Args:
        folder: that is made, for the study and the store.
        kills: how many.
        seed: of the moments.
    """
    template = _template(folder)
    store, told = Store(folder / "store"), folder / "acknowledged.txt"
    told.touch()
    moments, seen, killed = random.Random(seed), Seen(), 0
    expected = _vectors_of(template)
    with preloaded() as committers:
        while killed < kills:
            first = len(list(store.runs_folder.glob("run*")))
            committer = committers.begin("commit", store.root, template, first, told)
            time.sleep(moments.uniform(0, _LONGEST_COMMIT_SECONDS))
            if not committers.kill(committer):
                raise RuntimeError("the process that commits ended by itself")
            killed += 1
            _look(store, told.read_text().split(), expected, seen)
    return KillReport.of(killed, seen)


def kill_server(folder: Path, kills: int, seed: int = 0) -> KillReport:
    """Kills the dashboard's server while it takes runs in for a session; the next server opens the same cache.

    A run is acknowledged once a page was drawn after it was there, since every page takes in what it finds.

    Args:
        folder: that is made, for the study and the store.
        kills: how many; each starts a server of its own, which takes seconds.
        seed: of the moments.
    """
    template = _template(folder)
    store, seen, moments = Store(folder / "store"), Seen(), random.Random(seed)
    expected, acknowledged = _vectors_of(template), list[str]()
    for number in range(kills + 1):
        with served(store.root) as (process, port), visiting(port) as session:
            page = session.draw()
            if any(words in page for words in (b"store is in use", b"is damaged")):
                seen.failed_opens.append(f"server {number} shows a refusal")
            if number == kills:
                break  # it was there to open what the last kill left
            threading.Timer(moments.uniform(0, _LONGEST_SERVICE_SECONDS), process.kill).start()
            add = partial(add_run, template, store.runs_folder)
            acknowledged += session.draw_until_killed(add, f"server{number}x")
        _look(store, acknowledged, expected, seen)
    return KillReport.of(kills, seen)


def _template(folder: Path) -> Path:
    """Makes a study with a finished influence run; returns the run's folder."""
    study = write_study(folder / "study")
    (run,) = fill_store(study, folder / "template").finished_runs()
    return run.path


def _vectors_of(template: Path) -> np.ndarray:
    """Returns the vectors that every copy of a run is to have in the cache."""
    with Cache.open(Store(template.parents[1])) as cache:
        cache.ingest()
        return cache.vectors(template.name)


def _look(store: Store, acknowledged: list[str], expected: np.ndarray, seen: Seen) -> None:
    """Opens the cache as the next process does, and asks for all that is in it."""
    seen.looks += 1
    try:
        with Cache.open(store) as cache:
            # Not the samples, which every store shows.
            keys = {run["key"] for run in cache.runs() if (store.runs_folder / run["key"]).is_dir()}
            seen.lost += [f"run {key} is not in the cache" for key in acknowledged if key not in keys]
            seen.torn += [f"run {key} is not whole" for key in keys if not _is_whole(cache, key, expected)]
    except RefusedInput as refusal:
        seen.failed_opens.append(str(refusal))


def _is_whole(cache: Cache, key: str, expected: np.ndarray) -> bool:
    try:
        return np.array_equal(cache.vectors(key), expected)
    except (RefusedInput, ValueError):  # rows are missing, or there twice
        return False


@contextmanager
def served(store: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Serves the dashboard on a store until the end, or until it is killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store.mkdir(parents=True, exist_ok=True)
    with (store.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "--cache", str(store), "--port", str(port)],
            cwd=REPOSITORY,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(process, port)
            yield process, port
        finally:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the dashboard's server did not answer")
