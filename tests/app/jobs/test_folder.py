import errno
import os
from pathlib import Path

import pytest

from app.jobs import lock
from app.jobs.folder import JobFolder, JobRequest, is_job_id
from engine.errors import RefusedInput
from engine.whole_files import PARTIAL, write_whole

ID = "0123456789abcdef0123"


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    folder = tmp_path / ID
    folder.mkdir()
    return JobFolder(folder)


@pytest.mark.parametrize("samples", [None, Path("/samples")])
def test_a_request_comes_back_as_it_was_written(job: JobFolder, samples: Path | None) -> None:
    options = {"targets": ["cat", 3], "epoch": None, "name": "Grün <b>; DROP TABLE runs"}
    request = JobRequest("reweight", Path("/some/study.toml"), options, Path("/store"), samples)
    job.write_request(request)
    assert job.request() == request
    assert job.id == ID


@pytest.mark.parametrize("text", [None, "", "{}", '{"command": '])
def test_a_missing_or_torn_request_is_refused_by_the_jobs_name(job: JobFolder, text: str | None) -> None:
    if text is not None:
        (job.path / "request.json").write_text(text)
    with pytest.raises(RefusedInput, match=ID):
        job.request()


def test_the_state_follows_the_lock_and_the_outcome(job: JobFolder) -> None:
    assert job.status().state == "interrupted"
    held = lock.acquire(job.lock_path)
    assert held is not None
    assert job.status().state == "waiting"
    job.write_worker()
    job.write_progress({"stage": "scoring", "done": 2, "total": 5, "note": "x", "seconds_left": 3.5})
    status = job.status()
    assert (status.state, status.stage, status.done, status.total, status.note) == ("running", "scoring", 2, 5, "x")
    assert status.seconds_left == 3.5
    assert status.message == ""
    assert status.started is not None
    job.write_error("failed", "It failed.")
    assert job.status().state == "running", "a worker that still holds the lock cannot be replaced yet"
    lock.release(held)
    status = job.status()
    assert (status.state, status.message, status.seconds_left) == ("failed", "It failed.", None)
    job.clear_attempt()
    job.write_result({"run": "abc"}, {})
    status = job.status()
    assert (status.state, status.result) == ("finished", {"run": "abc"})


def test_a_worker_killed_after_the_wish_to_stop_counts_as_cancelled(job: JobFolder) -> None:
    job.write_worker()
    job.request_cancel()
    status = job.status()
    assert status.state == "cancelled"
    assert "start it again" in status.message


def test_a_death_is_told_in_words(job: JobFolder) -> None:
    job.write_worker()
    job.write_exit(os.getpid(), -11)
    status = job.status()
    assert status.state == "crashed"
    assert "SIGSEGV" in status.message


def test_a_job_that_waits_for_a_place_says_so_until_it_begins(job: JobFolder) -> None:
    held = lock.acquire(job.lock_path)
    assert held is not None
    job.write_waiting(3, 2)
    job.write_worker()
    status = job.status()
    assert (status.state, status.note) == ("waiting", "Waits for one of the 2 places for jobs; 3 were asked for before")
    job.write_waiting(0, 1)
    assert job.status().note == "Waits for the one place for jobs"
    job.write_begun()
    status = job.status()
    assert (status.state, status.note) == ("running", "")
    lock.release(held)


def test_the_outcome_is_written_on_a_disk_that_is_full(job: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    job.write_worker()

    def on_a_full_disk(path: Path, content: bytes, durable: bool = True) -> None:
        # What the reserve takes up is all the room there is.
        if (job.path / "reserve").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, content, durable)

    monkeypatch.setattr("app.jobs.folder.write_whole", on_a_full_disk)
    job.write_error("disk full", "It is full.")
    assert job.status().state == "disk full"
    assert not (job.path / "reserve").exists()


def test_the_exit_of_an_earlier_worker_says_nothing_of_the_latest(job: JobFolder) -> None:
    job.write_worker()
    job.write_exit(os.getpid() + 1, -11)
    assert "SIGSEGV" not in job.status().message


def test_a_status_file_emptied_by_a_crash_of_the_machine_does_not_break_the_page(job: JobFolder) -> None:
    for name in ("progress", "worker", "error", "exit"):
        (job.path / f"{name}.json").touch()
    assert job.status().state == "interrupted"


def test_a_cleared_attempt_leaves_only_the_request_and_the_log(job: JobFolder) -> None:
    job.write_request(JobRequest("train", Path("s"), {}, Path("r"), None))
    job.log_path.write_text("log")
    job.write_worker()
    job.write_progress({})
    job.write_result({}, {})
    job.write_error("failed", "")
    job.write_exit(1, 1)
    job.write_waiting(1, 1)
    (job.path / f"{PARTIAL}1234-progress.json").write_text("{")  # as a killed worker leaves it
    job.request_cancel()
    job.clear_attempt()
    assert sorted(path.name for path in job.path.iterdir()) == ["log.txt", "request.json"]


def test_the_tail_of_the_log_is_its_end_and_survives_a_cut_letter(job: JobFolder) -> None:
    assert job.log_tail() == ""
    job.log_path.write_text("é" * 10 + "end", encoding="utf-8")
    assert job.log_tail(4).endswith("end")
    assert len(job.log_tail()) == 13


@pytest.mark.parametrize("text", ["", "..", "../" + ID, ID + "/..", ID.upper(), ID + "\n", ID[:-1]])
def test_only_plain_names_are_job_ids(text: str) -> None:
    assert not is_job_id(text)
    assert is_job_id(ID)
