"""How fast the dashboard answers in a real browser: the first page, clicks, the slider, and what is sent for it.

The server and the browser share the machine, as on a laptop. The large studies are written for the purpose
(:mod:`benchmarks.dashboard_store`) into a folder that is deleted at the end.
"""

import math
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks.dashboard_browser import ANSWERS, Answer, Visit, chromium, visiting
from benchmarks.dashboard_server import served
from benchmarks.dashboard_store import LargeStudy, make_large_study
from benchmarks.report import Figure, Report, say

Clicks = dict[str, list[Answer]]
"""Answers by kind of click."""
_TARGETS = 2
_STEPS = 10
"""Steps that the slider is moved one way before it turns."""


@dataclass(frozen=True)
class Effort:
    """How often things are repeated.

    Attributes:
        servers: fresh servers for the first load.
        rounds: clicks of each kind, at 20,000 samples.
        rounds_large: at a million.
        steps: of the slider.
    """

    servers: int
    rounds: int
    rounds_large: int
    steps: int


FULL, QUICK = Effort(5, 12, 10, 40), Effort(3, 6, 4, 20)


def measure(quick: bool) -> Report:
    """Measures the figures of the dashboard.

    Args:
        quick: fewer repeats of everything; the sizes stay as they are.
    """
    effort = QUICK if quick else FULL
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="dashboard-") as name, chromium() as browser:
        folder = Path(name)
        say("first load on the shipped samples")
        first, second = zip(*(_first_loads(browser, folder / f"fresh-{i}") for i in range(effort.servers)), strict=True)
        details["first_verdict"] = {"fresh server": _told(first), "second session": _told(second)}

        small = _made(folder / "small", 20_000, 10, details)
        with served(small.store) as address, visiting(browser, address, small.path) as visit:
            small_clicks = _clicks(visit, small.class_names, effort.rounds, details, "20k")
        wide = _made(folder / "wide", 20_000, 100, details)
        with served(wide.store) as address, visiting(browser, address, wide.path) as visit:
            details["first_paint_s_k100"] = _told([visit.open("explore", "explore")])

        middle = _made(folder / "middle", 50_000, 10, details)
        with served(middle.store) as address, visiting(browser, address, middle.path) as visit:
            slider = _slider(visit, middle.class_names, effort.steps)
        details["slider_50k"] = _told(slider)

        large = _made(folder / "large", 1_000_000, 10, details)
        with served(large.store) as address:
            with visiting(browser, address, large.path) as visit:
                large_clicks = _clicks(visit, large.class_names, effort.rounds_large, details, "1m")
            say("the largest message at a million samples")
            with visiting(browser, address, large.path) as visit:
                largest = _largest_messages(visit, large.class_names)
        details["largest_message_mb_by_page_1m"] = {page: round(size / 1e6, 3) for page, size in largest.items()}

    figures = (
        Figure("first_verdict_s", _median(first), "s", "<= 5", "<= 2.5", len(first)),
        Figure("click_p95_s_20k", _p95(_all(small_clicks)), "s", "<= 1.0", "<= 0.4", len(_all(small_clicks))),
        Figure("click_p95_s_1m", _p95(_all(large_clicks)), "s", "<= 1.5", "<= 0.7", len(_all(large_clicks))),
        Figure("slider_p95_s_50k", _p95(slider), "s", "<= 1.0", "<= 0.3", len(slider)),
        Figure("largest_message_mb_1m", max(largest.values()) / 1e6, "MB", "<= 5", "<= 2"),
    )
    data = (
        "the shipped digits; drawn vectors of 20,000, 50,000 and 1,000,000 samples on 10 classes, and of 20,000 on 100;"
        " a real Chromium beside the server on one machine"
    )
    if quick:
        data += (
            f"; quick: {effort.rounds} clicks of each kind in place of {FULL.rounds},"
            f" {effort.rounds_large} in place of {FULL.rounds_large} at a million,"
            f" {effort.steps} steps of the slider in place of {FULL.steps}, the same sizes"
        )
    return Report(data, quick, figures, details)


def p95(values: Sequence[float]) -> float:
    """Returns the smallest of the values that at least 95% of them do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def rounds_of_pairs(classes: int, rounds: int, seed: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yields three different classes a round: a cell's row and column, and the class that is then chosen by name.

    No round begins with the pair in view, so that every click changes what is seen.
    """
    generator = random.Random(seed)
    shown: tuple[int, int] | None = None
    for _ in range(rounds):
        row, column, other = generator.sample(range(classes), 3)
        while (column, row) == shown:
            row, column, other = generator.sample(range(classes), 3)
        shown = (other, row)
        yield row, column, other


def _first_loads(browser: Browser, folder: Path) -> tuple[Answer, Answer]:
    """Loads the first page of a fresh server on a fresh store, and once more in another session."""
    with served(folder) as address:
        answers = []
        for _ in range(2):
            with visiting(browser, address) as visit:
                answers.append(visit.open("", "verdict"))
                visit.settle()
    return answers[0], answers[1]


def _made(folder: Path, samples: int, classes: int, details: dict[str, Any]) -> LargeStudy:
    say(f"{samples:,} samples, {classes} classes")
    made = make_large_study(folder, samples, classes)
    spent = {name: round(seconds, 1) for name, seconds in made.seconds.items()}
    details.setdefault("seconds_to_write", {})[f"{samples:,} x {classes}"] = spent
    return made


def _clicks(visit: Visit, names: Sequence[str], rounds: int, details: dict[str, Any], size: str) -> Clicks:
    """Clicks everything that can be clicked, ``rounds`` times each, and notes the first paint of each page."""
    clicks: Clicks = {kind: [] for kind in ("cell", "point", "box", "pair by name", "bar")}
    paint = {"explore": _told([visit.open("explore", "explore")])}
    for number, (row, column, other) in enumerate(rounds_of_pairs(len(names), rounds)):
        clicks["cell"].append(visit.click_cell(names, row, column))
        clicks["point"].append(visit.click_point(number))
        clicks["box"].append(visit.draw_box(0.2 + 0.4 * number / rounds))
        clicks["pair by name"].append(visit.choose_pair(names, other, row))
    targets = "|".join(names[:_TARGETS])
    for page, share in (("", rounds - rounds // 2), ("improve", rounds // 2)):
        paint[page or "ceiling"] = _told([visit.open(page, ANSWERS[page], targets=targets)])
        chosen: set[int] = set()
        for number in range(share):
            # Three others in turn: each becomes a target, and at the next turn no longer is.
            k = _TARGETS + number % 3
            chosen ^= {k}
            clicks["bar"].append(visit.click_bar(page or "ceiling", names[k], k, k in chosen))
    details[f"clicks_{size}"] = {kind: _told(answers) for kind, answers in clicks.items()}
    details[f"first_paint_s_{size}"] = paint
    return clicks


def _slider(visit: Visit, names: Sequence[str], steps: int) -> list[Answer]:
    visit.open("improve", "improve", targets="|".join(names[:_TARGETS]))
    return [visit.move_slider("ArrowLeft" if step // _STEPS % 2 else "ArrowRight") for step in range(steps)]


def _largest_messages(visit: Visit, names: Sequence[str]) -> dict[str, int]:
    """Walks through all pages, clicking where there is something to click, and returns bytes by page."""
    visit.watch_messages()
    visit.open("", "verdict")
    visit.settle()
    targets = "|".join(names[:_TARGETS])
    for page in visit.pages():
        visit.open(page, ANSWERS.get(page, "page"), targets=targets)
        visit.settle()
        if page in ("", "improve"):
            visit.click_bar(page or "ceiling", names[_TARGETS], _TARGETS, True)
        if page == "improve":
            visit.move_slider("ArrowRight")
        if page == "explore":
            visit.click_cell(names, 3, 7)
            visit.click_point(0)
            visit.draw_box(0.9)
            visit.choose_pair(names, 5, 3)
        visit.settle()
    return visit.largest


def _told(answers: Sequence[Answer]) -> dict[str, float]:
    """Returns what explains a figure, rounded: medians of the shares as well."""
    seconds = [answer.seconds for answer in answers]
    return {
        "p95_s": round(p95(seconds), 3),
        "median_s": round(statistics.median(seconds), 3),
        "until_asked_median_s": round(statistics.median(answer.asked for answer in answers), 3),
        "server_median_s": round(statistics.median(answer.server for answer in answers), 3),
        "received_mb": round(max(answer.megabytes for answer in answers), 3),
        "runs": len(answers),
    }


def _all(clicks: Clicks) -> list[Answer]:
    return [answer for answers in clicks.values() for answer in answers]


def _median(answers: Sequence[Answer]) -> float:
    return statistics.median(answer.seconds for answer in answers)


def _p95(answers: Sequence[Answer]) -> float:
    return p95([answer.seconds for answer in answers])
