"""A bounded number of workers at once: places, and a line of those that wait for one.

A place is a locked file like a job's own (:mod:`app.jobs.lock`), so the kernel frees it when its worker dies, however
it dies, and nobody need look after it. A ticket in the line is an empty file named by when the job was asked for; it
counts while its job's lock is held. Only the first in line may take a place, so jobs begin in the order in which
they were asked for.
"""

import time
from collections.abc import Callable
from pathlib import Path

from app.jobs import lock
from app.jobs.folder import JobFolder

_LOOK_SECONDS = 0.1


def take_place(job: JobFolder, at_once: int, waits: Callable[[int], object]) -> int:
    """Waits until it is this job's turn and a place is free.

    Args:
        job: whose lock this process holds.
        at_once: how many places there are.
        waits: called at each look that finds none, with the number of jobs that come before; may raise to cancel.

    Returns:
        The descriptor of the place, to be given to :func:`app.jobs.lock.release`.
    """
    folder = job.path.parent / "places"
    folder.mkdir(exist_ok=True)
    ticket = folder / f"{job.asked_ns():020d}-{job.id}"
    for former in folder.glob(f"*-{job.id}"):  # of a worker that was killed while it waited
        former.unlink(missing_ok=True)
    ticket.touch()
    try:
        while True:
            before = _before(ticket)
            # Those of a server that was allowed more count as well: its workers may outlive it.
            if before == 0 and sum(lock.is_held(place) for place in folder.glob("place-*")) < at_once:
                for number in range(at_once):
                    place = lock.acquire(folder / f"place-{number}")
                    if place is not None:
                        return place
            waits(before)
            time.sleep(_LOOK_SECONDS)
    finally:
        ticket.unlink(missing_ok=True)


def _before(ticket: Path) -> int:
    """Returns how many jobs come before; the tickets of dead ones are thrown away."""
    before = 0
    for other in ticket.parent.glob("[0-9]*-*"):
        if other.name >= ticket.name:
            continue
        if lock.is_held(ticket.parent.parent / other.name.partition("-")[2] / "lock"):
            before += 1
        else:
            other.unlink(missing_ok=True)
    return before
