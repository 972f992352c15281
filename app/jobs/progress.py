"""How a worker reports how far it is, and where it can be stopped.

Every call is a point of cancellation; only some are written down, since a computation
may call thousands of times a second and nobody looks more often than a few times.
"""

import time
from collections.abc import Callable

from app.jobs.folder import JobFolder
from engine.errors import Cancelled

_INTERVAL_SECONDS = 0.25


class JobProgress:
    """The :class:`engine.progress.Progress` of a worker.

    Args:
        job: where the reports go, and where the user's wish to stop is found.
        clock: seconds that only grow.

    Attributes:
        is_out_of_time: whether the work is stopped by its time limit.
    """

    def __init__(self, job: JobFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._clock = clock
        self._started = time.time()
        self._stop = False
        self.is_out_of_time = False
        self._stage: str | None = None
        self._first = (0.0, 0)  # time and steps done at the first report of the stage
        self._done = 0
        self._written = 0.0

    def stop(self, *_signal: object) -> None:
        """Makes the next report raise; a handler of signals."""
        self._stop = True

    def run_out(self) -> None:
        """Makes the next report raise, since the time for the job is up."""
        self.is_out_of_time = self._stop = True

    def raise_if_cancelled(self) -> None:
        """Raises :class:`engine.errors.Cancelled` if the user, a signal or the time limit asked the work to stop."""
        if self._stop or self._job.is_cancel_requested():
            raise Cancelled

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Reports that ``done`` of ``total`` steps of ``stage`` are finished.

        Raises:
            Cancelled: if the user, or a signal, asked the work to stop.
        """
        self.raise_if_cancelled()
        now = self._clock()
        # A count that went back is the same stage once more, of the next candidate for instance.
        is_new = stage != self._stage or done < self._done
        if is_new:
            self._stage, self._first = stage, (now, done)
        self._done = done
        if is_new or done >= total or now - self._written >= _INTERVAL_SECONDS:
            self._written = now
            self._job.write_progress(
                {
                    "stage": stage,
                    "done": done,
                    "total": total,
                    "note": note,
                    "started": self._started,
                    "updated": time.time(),
                    "seconds_left": self._seconds_left(now, done, total),
                }
            )

    def _seconds_left(self, now: float, done: int, total: int) -> float | None:
        # Steps that an earlier worker finished took this one no time: count from the first report.
        began, done_at_first = self._first
        if done <= done_at_first:
            return None
        return (now - began) / (done - done_at_first) * max(0, total - done)
