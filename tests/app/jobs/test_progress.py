import json
import threading
from pathlib import Path
from typing import Any

import pytest

from app.jobs.folder import JobFolder
from app.jobs.progress import JobProgress
from engine.errors import Cancelled


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(job: JobFolder, clock: Clock) -> JobProgress:
    return JobProgress(job, clock)


def written(job: JobFolder) -> dict[str, Any]:
    return json.loads((job.path / "progress.json").read_text())


def test_a_report_holds_what_the_page_shows(job: JobFolder, progress: JobProgress) -> None:
    progress("scoring", 0, 10, "batch 1")
    report = written(job)
    assert (report["stage"], report["done"], report["total"], report["note"]) == ("scoring", 0, 10, "batch 1")
    assert report["seconds_left"] is None
    assert report["updated"] >= report["started"]


def test_seconds_left_follow_the_pace_of_this_stage_alone(job: JobFolder, progress: JobProgress, clock: Clock) -> None:
    progress("factors", 0, 2)
    clock.now += 1000
    progress("scoring", 0, 10)
    clock.now += 6
    progress("scoring", 3, 10)
    assert written(job)["seconds_left"] == pytest.approx(14)


def test_parts_found_from_an_earlier_worker_do_not_count_as_fast(
    job: JobFolder, progress: JobProgress, clock: Clock
) -> None:
    progress("scoring", 90, 100)
    clock.now += 5
    progress("scoring", 91, 100)
    assert written(job)["seconds_left"] == pytest.approx(45)


def test_a_stage_that_begins_again_is_estimated_anew(job: JobFolder, progress: JobProgress, clock: Clock) -> None:
    progress("epoch", 0, 4)
    clock.now += 400
    progress("epoch", 4, 4)
    progress("epoch", 0, 4)
    assert written(job)["seconds_left"] is None
    clock.now += 2
    progress("epoch", 1, 4)
    assert written(job)["seconds_left"] == pytest.approx(6)


def test_reports_in_quick_succession_are_not_all_written_but_the_last_is(
    job: JobFolder, progress: JobProgress, clock: Clock
) -> None:
    progress("scoring", 0, 10)
    progress("scoring", 1, 10)
    assert written(job)["done"] == 0
    clock.now += 1
    progress("scoring", 2, 10)
    assert written(job)["done"] == 2
    progress("scoring", 10, 10)
    assert written(job)["done"] == 10


def test_the_flag_stops_the_next_report_even_where_none_would_be_written(job: JobFolder, progress: JobProgress) -> None:
    progress("scoring", 0, 10)
    job.request_cancel()
    with pytest.raises(Cancelled):
        progress("scoring", 1, 10)


def test_a_signal_stops_every_later_report(progress: JobProgress) -> None:
    progress("scoring", 0, 10)
    progress.stop(15, None)
    for _ in range(2):
        with pytest.raises(Cancelled):
            progress("scoring", 1, 10)


def test_a_reader_never_sees_half_a_report(job: JobFolder, progress: JobProgress) -> None:
    notes = ("short", "long" * 5000)

    def write() -> None:
        for step in range(400):
            progress(f"stage {step}", step, 400, notes[step % 2])

    progress("first", 0, 1, notes[0])
    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(written(job)["note"])
    writer.join()
    assert seen <= set(notes)
    assert sorted(path.name for path in job.path.iterdir()) == ["progress.json"]
