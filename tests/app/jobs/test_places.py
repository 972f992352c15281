"""Each job here is a folder whose lock the test holds, as its worker would."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.jobs import JobFolder, JobRequest, lock
from app.jobs.places import take_place
from engine.errors import Cancelled

Make = Callable[[int], JobFolder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a job that was asked for at a time, and has a living worker until the test's end."""
    held = []

    def job(time: int) -> JobFolder:
        folder = tmp_path / f"{100 - time:020x}"
        folder.mkdir()
        made = JobFolder(folder)
        made.write_request(JobRequest("train", Path("s"), {}, tmp_path, None))
        os.utime(folder / "request.json", ns=(0, time))
        descriptor = lock.acquire(made.lock_path)
        assert descriptor is not None
        held.append(descriptor)
        return made

    yield job
    for descriptor in held:
        lock.release(descriptor)


class Enough(Exception):
    """The test has seen what it waited for."""


def looked(job: JobFolder, at_once: int, looks: int = 1) -> list[int]:
    """Returns how many came before at the first looks of a job that gets no place."""
    seen: list[int] = []

    def waits(before: int) -> None:
        seen.append(before)
        if len(seen) == looks:
            raise Enough

    with pytest.raises(Enough):
        take_place(job, at_once, waits)
    return seen


def refuse_to_wait(before: int) -> None:
    raise AssertionError(f"{before} come before")


def stand_in_line(job: JobFolder) -> Path:
    """Leaves the ticket of a job that waits, as another process would have it."""
    ticket = job.path.parent / "places" / f"{job.asked_ns():020d}-{job.id}"
    ticket.parent.mkdir(exist_ok=True)
    ticket.touch()
    return ticket


def test_as_many_work_at_once_as_there_are_places(make: Make) -> None:
    first, second = (take_place(make(time), 2, refuse_to_wait) for time in (1, 2))
    third = make(3)
    assert looked(third, 2, looks=2) == [0, 0]
    lock.release(first)
    lock.release(take_place(third, 2, refuse_to_wait))
    lock.release(second)


def test_places_that_a_server_with_more_of_them_gave_away_count(make: Make) -> None:
    first, second = (take_place(make(time), 2, refuse_to_wait) for time in (1, 2))
    lock.release(first)
    third = make(3)
    assert looked(third, 1) == [0], "the first place is free, but the second is taken"
    lock.release(second)
    lock.release(take_place(third, 1, refuse_to_wait))


def test_whoever_asked_first_is_served_first(make: Make) -> None:
    early, late = make(1), make(2)
    stand_in_line(early)
    assert looked(late, 1) == [1], "a place is free, but not for the second"
    lock.release(take_place(early, 1, refuse_to_wait))
    lock.release(take_place(late, 1, refuse_to_wait))


def test_a_worker_that_died_while_it_waited_keeps_nobody_waiting(make: Make, tmp_path: Path) -> None:
    dead = make(1)
    ticket = stand_in_line(dead)
    dead.lock_path.unlink()  # which its worker held
    lock.release(take_place(make(2), 1, refuse_to_wait))
    assert not ticket.exists()


def test_a_job_that_is_started_again_goes_to_the_end_of_the_line(make: Make) -> None:
    job, other = make(1), make(2)
    stand_in_line(job)
    os.utime(job.path / "request.json", ns=(0, 3))
    stand_in_line(other)
    assert looked(job, 1) == [1]
    lock.release(take_place(other, 1, refuse_to_wait))


def test_whoever_stops_waiting_leaves_the_line(make: Make) -> None:
    place = take_place(make(1), 1, refuse_to_wait)
    stopped = make(2)

    def cancel(before: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        take_place(stopped, 1, cancel)
    assert [path.name for path in (stopped.path.parent / "places").iterdir()] == ["place-0"]
    lock.release(place)
