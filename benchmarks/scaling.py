"""What a Ray cluster gives, costs and survives (``docs/scaling.md``), by Ray's own test cluster on this machine."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, Report, say
from benchmarks.scaling_cases import Arrays, Size, are_equal, everything, picture_case
from benchmarks.scaling_cluster import Loss, cluster_of, kill_worker, remove_machine
from benchmarks.scaling_times import WORKERS, Load, Speedups, local_path, overhead, speedups, threads
from engine.cluster_address import AUTO, check_address
from engine.tasks import RayTasks, tasks_on

_SMALL = Size(train=120, validation=20, side=12, part=400)
"""What is compared: three parts of scores, and of factors."""
_TRAINED = Size(train=200, validation=50, side=32, part=1000)
_SCORED = Size(train=600, validation=50, side=32, part=1000)
"""What is timed: a candidate of the one and a part of the other take more than two seconds of one thread."""


def measure(quick: bool) -> Report:
    """Measures the figures of scaling.

    Args:
        quick: fewer runs, of fewer tasks.

    Raises:
        RefusedInput: if Ray is not installed.
    """
    check_address(AUTO)
    with tempfile.TemporaryDirectory(prefix="scaling-") as name, threads(1):
        folder = Path(name)
        equal, compared = _ray_equal(folder)
        load = _load(quick)
        local = local_path(load)
        cost = overhead(load, folder)
        assert cost.result is not None
        killed = _kept_going("worker", load, cost.result, folder)
        removed = _kept_going("node", load, cost.result, folder)
        gains = speedups(load, folder)
    equal &= cost.equal and gains.candidates.equal and gains.parts.equal and gains.cold.equal
    candidate, part = gains.candidates.median("1") / load.candidates, gains.parts.median("1") / load.parts
    figures = [
        Figure("ray_equal", float(equal), "truth", "1"),
        Figure("worker_kill_equal", float(killed["equal"]), "truth", "1"),
        Figure("node_kill_equal", float(removed["equal"]), "truth", "1"),
        Figure("ray_overhead_share", cost.ratio("ray", "local") - 1, "share", "<= 0.10", "<= 0.03", load.runs),
        Figure("speedup_2_candidates", gains.candidates.ratio("1", "2"), "times", ">= 1.6", ">= 1.7", load.runs),
        Figure("speedup_2_partitions", gains.parts.ratio("1", "2"), "times", runs=load.runs),
    ]
    data = (
        f"{load.trained.pictures}, {load.trained.size.side} pixels, a small convolutional network, tasks of one thread:"
        f" candidates on {len(load.trained.data.train):,} pictures, {candidate:.1f} s each, {load.candidates} a run;"
        f" parts of {load.scored.size.part:,} pictures, {part:.1f} s each, {load.parts} a run"
    )
    if quick:
        data += f"; quick: {load.runs} runs and fewer tasks in each"
    details = {
        "ray_equal": compared,
        "worker_kill": killed,
        "node_kill": removed,
        "candidates": _told(gains),
        "overhead_seconds": cost.seconds,
        "partitions_seconds": gains.parts.seconds,
        "cold_start_seconds": {what: gains.cold.median(what) for what in gains.cold.seconds},
        "local_path": {"tasks_to_plain_loop": local.ratio("tasks", "plain loop"), "seconds": local.seconds},
    }
    return Report(data, quick, figures, details)


def _load(quick: bool) -> Load:
    say("the networks that are timed")
    trained, scored = picture_case(_TRAINED), picture_case(_SCORED)
    candidates, parts, runs = (4, 4, 2) if quick else (8, 6, 5)
    return Load(trained, candidates, scored, scored.prepared(), parts, runs)


def _ray_equal(folder: Path) -> tuple[bool, dict[str, bool]]:
    say("everything that fans out, here and on Ray")
    case = picture_case(_SMALL)
    here = everything(case)
    with cluster_of(WORKERS) as cluster, tasks_on(RayTasks(cluster.address, folder)):
        there = everything(case)
    told = {kind: are_equal(here[kind], there[kind]) for kind in here}
    return all(told.values()), told


def _kept_going(victim: str, load: Load, expected: Arrays, folder: Path) -> dict[str, Any]:
    """Does the candidates of a run while a worker or a machine is lost; tells whether they came to the same."""
    say(f"a {victim} is killed")
    # The head does no task, or it would have to be the one that is lost.
    with cluster_of(0, 1, 1) as cluster, tasks_on(RayTasks(cluster.address, folder)):
        loss = Loss(lambda: (kill_worker if victim == "worker" else remove_machine)(cluster))
        with loss.watched(), load.side_by_side() as side:
            found = load.measured(side, progress=loss)
    return {"equal": bool(loss.lost) and are_equal(found, expected), "struck": loss.struck, "lost": loss.lost}


def _told(gains: Speedups) -> dict[str, Any]:
    return {
        "seconds": gains.candidates.seconds,
        "one_worker_to_two_threads": gains.candidates.ratio("1", "two threads"),
        "two_threads_to_two_workers": gains.candidates.ratio("two threads", "2"),
    }
