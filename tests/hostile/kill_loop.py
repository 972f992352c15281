"""Workers, commits and servers that are killed at random points, and what must be left after each.

For the tests in small numbers, and in large ones for ``benchmarks/reliability.py``. All that is killed does real work:
a job of the project on a small study, an ingestion into DuckDB, the dashboard's server with a session.
"""

import hashlib
import itertools
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.jobs import JobFolder, list_jobs, start_job
from cache.store import Store
from tests.hostile.kill_cache import kill_commits, kill_server
from tests.hostile.onlooker import KillReport, Seen, onlooker
from tests.hostile.preloaded import REPOSITORY, Preloaded, preloaded
from tests.hostile.small_study import edit, write_study

__all__ = ["KillReport", "kill_commits", "kill_server", "kill_workers", "race"]

COMMAND = "reweight"
"""Influence in parts, probe epochs, a search in generations and its result: all ways to go on that there are."""
_TOLD_ANEW = {"created", "seconds", "seconds_per_epoch"}
"""What a manifest says of when and how fast, and not of the result."""

# Processes that have imported what they need, and press the button together at the end of one pipe.
_RACERS = """
import json, os, sys
from pathlib import Path
from app.jobs import start_job
from cache.store import Store

root, study, presses, options, argv = json.loads(sys.argv[1])
waiting, line = os.pipe()
for _ in range(presses):
    if os.fork() == 0:
        os.close(line)
        os.read(waiting, 1)
        start_job(Store(Path(root)), "count", Path(study), options, argv)
        os._exit(0)
os.close(line)
sys.exit(sum(os.waitstatus_to_exitcode(os.wait()[1]) != 0 for _ in range(presses)))
"""


def kill_workers(folder: Path, kills: int, seed: int = 0) -> KillReport:
    """Kills a job's worker at random moments and resumes it, while somebody looks on; anew until there were enough.

    Args:
        folder: that is made, for the study and the stores.
        kills: how many.
        seed: of the moments.
    """
    study = write_study(folder / "study")
    edit(study, "iterations = 1", "iterations = 5")
    moments, seen, different, killed = random.Random(seed), Seen(), list[str](), 0
    with preloaded() as workers:
        whole = Store(folder / "whole")
        seconds = _finish(workers, _job(whole, study))
        expected = results(whole)
        with onlooker(seen) as look_at:
            for number in itertools.count():
                if killed >= kills:
                    break
                store = Store(folder / f"killed-{number}")
                job = _job(store, study)
                look_at(store.root)
                while job.status().state != "finished":
                    worker = workers.begin("job", job.path)
                    if workers.ended(moments.uniform(0, seconds) if killed < kills else None) is None:
                        killed += workers.kill(worker)
                    _refuse_other_ends(job)
                different += [f"{store.root.name}: {name}" for name in _different(results(store), expected)]
    return KillReport.of(killed, seen, different)


def results(store: Store) -> dict[str, str]:
    """Returns the hash of every part of every run, of manifests without what they say of time."""
    found = {}
    for run in store.runs_folder.iterdir():
        for part in run.glob("[!.]*"):
            content = part.read_bytes()
            if part.suffix == ".json":
                content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
            found[f"{run.name}/{part.name}"] = hashlib.sha256(content).hexdigest()
    return found


def race(folder: Path, presses: int) -> int:
    """Presses one button from many processes at the same instant; returns how many workers did the job.

    Args:
        folder: that is made, for the study and the store.
        presses: of as many processes.
    """
    folder.mkdir(parents=True)
    study = folder / "study.toml"
    data = 'format = "npz"\ntrain = "train.npz"\nvalidation = 0.2\n'
    study.write_text(f'name = "raced"\n[data]\n{data}[model]\narchitecture = "mlp"\n')
    worker = (sys.executable, str(REPOSITORY / "tests" / "app" / "jobs" / "scripted_worker.py"))
    options = {"folder": str(folder), "steps": 3}
    told = json.dumps([str(folder / "store"), str(study), presses, options, worker])
    subprocess.run([sys.executable, "-c", _RACERS, told], cwd=REPOSITORY, check=True)
    (job,) = list_jobs(Store(folder / "store"))
    deadline = time.monotonic() + 120
    while job.status().state in ("waiting", "running") and time.monotonic() < deadline:
        time.sleep(0.05)
    if job.status().state != "finished":
        raise RuntimeError(f"the job is {job.status().state}: {job.log_tail()}")
    return len((folder / "workers.txt").read_text().split())


def _job(store: Store, study: Path) -> JobFolder:
    """Asks for the job by a worker that ends at once: those that do it are killed ones of our own."""
    return start_job(store, COMMAND, study, {}, ("true",))


def _finish(workers: Preloaded, job: JobFolder) -> float:
    """Lets a job end by itself; returns how many seconds it took."""
    workers.begin("job", job.path)
    began = time.monotonic()
    workers.ended()
    _refuse_other_ends(job)
    return time.monotonic() - began


def _refuse_other_ends(job: JobFolder) -> None:
    status = job.status()
    if status.state not in ("interrupted", "finished"):
        raise RuntimeError(f"the job is {status.state}: {status.message}\n{job.log_tail()}")


def _different(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def _timeless(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _timeless(value) for name, value in told.items() if name not in _TOLD_ANEW}
    return [_timeless(value) for value in told] if isinstance(told, list) else told
