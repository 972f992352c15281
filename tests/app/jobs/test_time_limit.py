import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.jobs import JobFolder
from app.jobs.progress import JobProgress
from app.jobs.time_limit import OutOfTime, time_limit
from engine.errors import Cancelled

# A worker that never reports progress, and a program that it started; both hold the pipe open.
DEAF = """
import subprocess, sys
from pathlib import Path
from app.jobs import JobFolder
from app.jobs.progress import JobProgress
from app.jobs.time_limit import time_limit

job = JobFolder(Path(sys.argv[1]))
with time_limit(job, JobProgress(job), hours=1e-9, grace=0):
    subprocess.run(["sleep", "600"])
"""


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


def test_work_stops_at_its_first_report_after_its_time(job: JobFolder) -> None:
    progress = JobProgress(job)

    def work() -> None:
        with time_limit(job, progress, hours=1e-5 / 60):
            for step in range(10**9):
                progress("counting", step, 10**9)

    with pytest.raises(OutOfTime, match=r"time limit of 1e-05 minutes .*PARETOSCOPE_JOB_HOURS.*start it again"):
        work()


def test_a_wish_to_stop_stays_one(job: JobFolder) -> None:
    with pytest.raises(Cancelled), time_limit(job, JobProgress(job), hours=1):
        raise Cancelled


def test_no_watcher_is_left_of_work_that_ended_in_time(job: JobFolder) -> None:
    with time_limit(job, JobProgress(job), hours=1):
        pass
    assert "time limit" not in [thread.name for thread in threading.enumerate()]


def test_work_that_does_not_listen_is_killed_with_all_it_started_after_its_end_was_written(job: JobFolder) -> None:
    worker = subprocess.run(
        [sys.executable, "-c", DEAF, str(job.path)], stdout=subprocess.PIPE, start_new_session=True, check=False
    )
    # The output ended: nobody is left who holds it, the program included.
    assert worker.returncode == -9
    status = job.status()
    assert status.state == "out of time"
    assert "time limit" in status.message
