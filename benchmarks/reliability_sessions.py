"""A server that many look at: how fast it answers, whether anything fails, and what it keeps in memory afterwards."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from benchmarks.dashboard import p95
from benchmarks.dashboard_browser import ANSWERS, Visit, chromium, visiting
from benchmarks.dashboard_server import served
from benchmarks.held_sessions import PAGES, Loads, load_pages
from benchmarks.report import Figure, say

SESSIONS = 20
CURVE = (1, 10, 20, 35, 50)
"""How many sessions are held for the curve."""
LOADS = 200
WARM_UP_LOADS = 20
_REST = 180
"""Seconds after the last load at which memory is looked at: Streamlit forgets a closed session after two minutes."""


def measure_sessions(quick: bool) -> tuple[list[Figure], dict[str, Any]]:
    """Measures the server's answers and its memory.

    Args:
        quick: fewer loads for the curve, and a rest of 130 seconds in place of 180.
    """
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        say("memory of the server")
        with served(Path(name) / "memory") as address:
            growth, details["memory_mb"] = _growth(address, 130 if quick else _REST)
        with served(Path(name) / "sessions") as address:
            # The first load of each page imports what it needs.
            load_pages(address, 1, len(PAGES))
            say(f"{SESSIONS} sessions, a browser beside")
            with _browser_beside(address) as seen:
                held = load_pages(address, SESSIONS, 60 if quick else LOADS)
            details["browser_beside"] = seen
            details["curve"] = {}
            for sessions in CURVE[::2] if quick else CURVE:
                say(f"{sessions} sessions")
                details["curve"][sessions] = _told(load_pages(address, sessions, 20 if quick else 40))
    details["errors"] = (held.errors + seen["errors"])[:10]
    return [
        Figure("sessions_p95_s_20", p95(held.seconds), "s", "<= 3", runs=len(held.seconds)),
        Figure("sessions_errors_20", len(held.errors) + len(seen["errors"]), "errors", "0"),
        Figure("memory_growth_mb", growth, "MB", "<= 100"),
    ], details


def _told(loads: Loads) -> dict[str, float]:
    return {"median_s": round(loads.median, 3), "p95_s": round(p95(loads.seconds), 3), "errors": len(loads.errors)}


def _growth(address: str, rest: float) -> tuple[float, dict[str, int]]:
    """Returns by how many megabytes the server has grown by loads that are over, and its sizes on the way."""
    server = _process_at(address)
    load_pages(address, SESSIONS, WARM_UP_LOADS)
    before = _megabytes(server)
    load_pages(address, SESSIONS, LOADS)
    at_once = _megabytes(server)
    say(f"{rest:.0f} s of rest")
    time.sleep(rest)
    after = _megabytes(server)
    return after - before, {"after warm-up": round(before), "after the loads": round(at_once), "later": round(after)}


def _process_at(address: str) -> psutil.Process:
    """Returns the process that serves: it was started by this one and has the port among its arguments."""
    port = address.rpartition(":")[2]
    (found,) = [child for child in psutil.Process().children() if any(port in word for word in child.cmdline())]
    return found


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 1e6)


@contextmanager
def _browser_beside(address: str) -> Iterator[dict[str, Any]]:
    """Lets a real Chromium load page after page for as long as the context lasts; tells how that went at its end."""
    seen: dict[str, Any] = {"loads": 0, "errors": []}
    stop = Event()

    def look() -> None:
        with chromium() as browser, visiting(browser, address) as visit:
            seconds = list[float]()
            while not stop.is_set():
                page = PAGES[len(seconds) % len(PAGES)]
                seconds.append(_seconds_of(visit, page))
                seen["errors"] += _alerts(visit, page)
            seen["loads"], seen["p95_s"] = len(seconds), round(p95(seconds), 3)

    # A thread of its own: Playwright's loop would be in the way of the sessions'.
    thread = Thread(target=look, name="browser beside")
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _seconds_of(visit: Visit, page: str) -> float:
    return visit.open(page, ANSWERS.get(page, "page")).seconds


def _alerts(visit: Visit, page: str) -> list[str]:
    visit.settle()
    shown = visit.page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').all_inner_texts()
    return [f"browser, {page or 'ceiling'}: {text}" for text in shown]
