import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.jobs import JobFolder, JobRequest, lock
from app.jobs.progress import JobProgress
from app.jobs.worker import main, run_job
from cache.store import Store
from engine.data import torchvision_download
from engine.errors import Cancelled, RefusedInput
from engine.progress import Progress
from engine.study import Study
from tests.engine.data.vision_sets import write_set

Start = Callable[..., JobFolder]
Wait = Callable[[JobFolder], None]


@pytest.fixture
def job(store: Store, study: Path, tmp_path: Path) -> JobFolder:
    """A job that asks for the command ``do``, not yet begun."""
    folder = tmp_path / "0123456789abcdef0123"
    folder.mkdir()
    job = JobFolder(folder)
    job.write_request(JobRequest("do", study, {}, store.root, tmp_path / "samples"))
    return job


@pytest.fixture
def run(job: JobFolder) -> Callable[[Any], int]:
    """Does the job in this process, with a command that raises or returns what is given."""

    def with_outcome(outcome: Any) -> int:
        def do(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return run_job(job, {"do": do}, JobProgress(job))

    return with_outcome


def test_a_command_gets_the_study_the_store_and_its_options(start: Start, wait: Wait, store: Store) -> None:
    job = start("count", steps=3)
    wait(job)
    status = job.status()
    assert status.state == "finished"
    assert status.result == {"made": [0, 1, 2], "study": "digits", "store": str(store.root.resolve())}
    assert (status.stage, status.done, status.total) == ("counting", 3, 3)


def test_the_traceback_of_an_unforeseen_error_goes_to_the_log_and_not_to_the_message(start: Start, wait: Wait) -> None:
    job = start("fail")
    wait(job)
    status = job.status()
    assert status.state == "failed"
    assert "ZeroDivisionError: no samples" in status.message
    assert "second line" not in status.message
    assert "Traceback" not in status.message
    assert "Traceback" in job.log_tail()
    assert "second line" in job.log_tail()


def test_a_refusal_arrives_with_its_message(job: JobFolder, run: Callable[[Any], int]) -> None:
    assert run(RefusedInput("the picture is torn", "a whole one", "Mend it")) == 2
    status = job.status()
    assert (status.state, status.message) == ("refused", "the picture is torn. Expected a whole one. Mend it.")


def test_running_out_of_memory_is_told_in_words(job: JobFolder, run: Callable[[Any], int]) -> None:
    assert run(MemoryError()) == 1
    status = job.status()
    assert status.state == "out of memory"
    assert "ran out of memory" in status.message
    assert "MemoryError" not in status.message


def test_a_cancelled_command_is_cancelled(job: JobFolder, run: Callable[[Any], int]) -> None:
    assert run(Cancelled()) == 1
    assert job.status().state == "cancelled"


def test_a_job_cancelled_while_it_waited_does_not_begin(job: JobFolder, run: Callable[[Any], int]) -> None:
    job.request_cancel()
    assert run({}) == 1
    assert job.status().state == "cancelled"
    assert job.status().result is None


def test_a_result_that_json_cannot_hold_is_a_failure_and_not_a_torn_file(
    job: JobFolder, run: Callable[[Any], int]
) -> None:
    assert run({"values": {1, 2}}) == 1
    status = job.status()
    assert status.state == "failed"
    assert "TypeError" in status.message
    assert not list(job.path.glob("*result*"))


def test_an_unknown_command_is_refused_with_the_known_ones(job: JobFolder) -> None:
    assert run_job(job, {"train": lambda *_: {}, "influence": lambda *_: {}}, JobProgress(job)) == 2
    assert "no command 'do'. Expected one of influence, train." in job.status().message


def test_a_study_file_that_is_gone_is_refused(job: JobFolder, run: Callable[[Any], int], study: Path) -> None:
    study.unlink()
    assert run({}) == 2
    assert "study.toml" in job.status().message


@pytest.mark.parametrize("name", ["train.npz", "checkpoints"])
def test_a_result_is_current_until_data_or_checkpoints_change(
    job: JobFolder, run: Callable[[Any], int], tmp_path: Path, name: str
) -> None:
    assert not job.has_current_result()
    assert run({}) == 0
    assert job.has_current_result()
    (tmp_path / name).write_bytes(b"something else")
    assert not job.has_current_result()


def test_a_result_is_current_until_the_users_code_changes(job: JobFolder, study: Path, tmp_path: Path) -> None:
    study.write_text(study.read_text().replace('"mlp"', '"file:model.py:build"'))
    (tmp_path / "model.py").write_text("one")
    assert run_job(job, {"do": lambda *_: {}}, JobProgress(job)) == 0
    assert job.has_current_result()
    (tmp_path / "model.py").write_text("another")
    assert not job.has_current_result()


def test_training_that_writes_its_checkpoints_keeps_its_own_result_current(job: JobFolder, tmp_path: Path) -> None:
    def do(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        study.checkpoints_path.mkdir()
        (study.checkpoints_path / "epoch-001.safetensors").touch()
        return {}

    assert run_job(job, {"do": do}, JobProgress(job)) == 0
    assert job.has_current_result()


def test_data_that_changed_in_the_middle_of_the_job_makes_its_result_stale(job: JobFolder, tmp_path: Path) -> None:
    def do(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        study.path(study.data.train).write_bytes(b"something else")
        return {}

    assert run_job(job, {"do": do}, JobProgress(job)) == 0
    assert not job.has_current_result()


def test_a_worker_that_finds_another_at_work_leaves_quietly(job: JobFolder, capfd: pytest.CaptureFixture[str]) -> None:
    held = lock.acquire(job.lock_path)
    assert held is not None
    job.write_progress({"stage": "of the other"})
    assert main([str(job.path)], {}) == 0
    assert job.status().stage == "of the other"
    assert capfd.readouterr() == ("", "")
    lock.release(held)


def test_a_worker_started_by_hand_takes_the_lock_itself_and_frees_it_at_the_end(
    job: JobFolder, unconfined: None
) -> None:
    def do(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        return {"state": job.status().state, "samples": str(store.samples)}

    job.write_error("failed", "of an earlier attempt")
    assert main([str(job.path)], {"do": do}) == 0
    status = job.status()
    assert status.result == {"state": "running", "samples": str(job.request().samples)}
    assert job.worker_pid() == os.getpid()
    assert not lock.is_held(job.lock_path)
    assert not (job.path / "error.json").exists()


def test_programs_that_the_work_starts_do_not_hold_the_lock(job: JobFolder, unconfined: None) -> None:
    descriptor = lock.acquire(job.lock_path)
    assert descriptor is not None
    os.set_inheritable(descriptor, True)  # as a starter hands it on

    def do(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        return {"inherited": os.get_inheritable(descriptor)}

    assert main([str(job.path), "--lock", str(descriptor)], {"do": do}) == 0
    assert job.status().result == {"inherited": False}


def test_a_set_that_the_job_fetches_leaves_its_own_result_current(
    job: JobFolder, run: Callable[[Any], int], study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_download, "_download", lambda name, root, split: write_set(name, root))
    file = study / "study.toml" if study.is_dir() else study
    data = '[data]\nformat = "torchvision"\ndataset = "MNIST"\nroot = "sets"\ndownload = true\n'
    file.write_text(f'name = "set"\n{data}[model]\narchitecture = "cnn"\n')

    assert run({}) == 0

    assert (file.parent / "sets/MNIST/raw/train-images-idx3-ubyte").is_file()
    assert job.has_current_result()
