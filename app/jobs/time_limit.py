"""An end to the work of a job that has had its time, whether or not it listens."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.jobs.endings import out_of_time
from app.jobs.folder import JobFolder
from app.jobs.progress import JobProgress
from engine.errors import Cancelled

GRACE_SECONDS = 60.0
"""That a job is given to come to its next report of progress."""


class OutOfTime(Exception):
    """The work reached its time limit; the message says so in words for the user."""


@contextmanager
def time_limit(job: JobFolder, progress: JobProgress, hours: float, grace: float = GRACE_SECONDS) -> Iterator[None]:
    """Stops the work inside at its first report of progress after the time is up.

    Work that makes no report for ``grace`` seconds is killed with all that it started. Its end is written down
    before.

    Args:
        job: whose worker this process is.
        progress: that the work reports to.
        hours: that it may take.
        grace: in seconds.

    Raises:
        OutOfTime: in place of :class:`engine.errors.Cancelled` where the time was up.
    """
    ended = threading.Event()

    def watch() -> None:
        if ended.wait(3600 * hours):
            return
        progress.run_out()
        if not ended.wait(grace):
            job.write_error("out of time", out_of_time(hours))
            _kill_this_process()

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield
    except Cancelled:
        if progress.is_out_of_time:
            raise OutOfTime(out_of_time(hours)) from None
        raise
    finally:
        ended.set()
        watcher.join()


def _kill_this_process() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)  # started by hand, in the group of somebody's shell
