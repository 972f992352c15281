"""What holds under bad inputs, drawn inputs, kills, races and many sessions (``docs/reliability.md``).

The cases, properties and kills are those of ``tests/hostile``, in larger numbers and by processes of their own.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.reliability_sessions import measure_sessions
from benchmarks.report import Figure, Report, say
from tests.hostile.case import Way
from tests.hostile.cases import CASES, Bench
from tests.hostile.kill_cache import kill_commits, kill_server
from tests.hostile.kill_loop import KillReport, kill_workers, race
from tests.hostile.properties import count_cases

PROPERTY_CASES, QUICK_PROPERTY_CASES = 10_000, 1_000
KILLS = {"workers": 100, "commits": 100, "server": 3}
QUICK_KILLS = {"workers": 15, "commits": 15, "server": 1}
"""SIGKILLs of a job's worker, of a process that commits to the cache, and of the dashboard's server."""
PRESSES = 50
_TOLD = 20
"""Faults that are told in full, at most."""


def measure(quick: bool) -> Report:
    """Measures the figures of reliability.

    Args:
        quick: all bad inputs in this process, fewer drawn inputs, kills and loads.
    """
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        folder = Path(name)
        figures = _bad_inputs(folder / "inputs", quick, details)
        figures += _properties(QUICK_PROPERTY_CASES if quick else PROPERTY_CASES, details)
        figures += _kills(folder / "kills", QUICK_KILLS if quick else KILLS, details)
        say(f"{PRESSES} racing presses")
        figures.append(Figure("workers_of_50_presses", race(folder / "race", PRESSES), "workers", "1"))
    sessions, details["sessions"] = measure_sessions(quick)
    data = (
        "small studies that the tests write, one bad input of each kind asked by a job's worker and the others in"
        " its way by one process; the shipped samples in the browser"
    )
    if quick:
        data += (
            f"; quick: all bad inputs by one process, {QUICK_PROPERTY_CASES:,} drawn inputs in place"
            f" of {PROPERTY_CASES:,}, {sum(QUICK_KILLS.values())} kills in place of {sum(KILLS.values())}, fewer loads"
        )
    return Report(data, quick, [*figures, *sessions], details)


def _bad_inputs(folder: Path, quick: bool, details: dict[str, Any]) -> list[Figure]:
    folder.mkdir()
    bench, answers, rows = Bench(folder), {}, set[int]()
    for done, case in enumerate(CASES, start=1):
        # A job takes seconds to import torch: one of each kind is asked by a process of its own, the others as in it.
        way: Way = "here" if quick or case.row in rows else "job"
        rows.add(case.row)
        say(f"bad inputs, {done} of {len(CASES)}: {case.id} ({way})")
        answers[case.id] = bench.run(case, way)
    details["answers"] = {name: answer.message for name, answer in answers.items()}
    named = sum(answer.named for answer in answers.values())
    return [
        Figure("bad_inputs", len(CASES), "inputs"),
        Figure("bad_inputs_named", named, "inputs", f"{len(CASES)}"),
        Figure("code_executed", sum(answer.code_executed for answer in answers.values()), "inputs", "0"),
        Figure("cache_changed", sum(answer.cache_changed for answer in answers.values()), "inputs", "0"),
    ]


def _properties(asked: int, details: dict[str, Any]) -> list[Figure]:
    say(f"{asked:,} drawn inputs")
    cases, unhandled, faults = count_cases(asked)
    details["unhandled"] = faults[:_TOLD]
    return [
        Figure("property_cases", cases, "cases", f">= {PROPERTY_CASES}"),
        Figure("unhandled", unhandled, "cases", "0"),
    ]


def _kills(folder: Path, counts: dict[str, int], details: dict[str, Any]) -> list[Figure]:
    folder.mkdir()
    reports: dict[str, KillReport] = {}
    for victim, kill in (("workers", kill_workers), ("commits", kill_commits), ("server", kill_server)):
        say(f"kills: {victim}")
        reports[victim] = kill(folder / victim, counts[victim])
    details["kills"] = {victim: json.loads(json.dumps(vars(report))) for victim, report in reports.items()}
    told = reports.values()
    return [
        Figure("kills", sum(report.kills for report in told), "kills", ">= 200"),
        Figure("lost", sum(report.lost for report in told), "results", "0"),
        Figure("torn", sum(report.torn for report in told), "reads", "0"),
        Figure("failed_opens", sum(report.failed_opens for report in told), "opens", "0"),
        Figure("resume_equal", float(all(report.resumed_equal for report in told)), "truth", "1"),
    ]
