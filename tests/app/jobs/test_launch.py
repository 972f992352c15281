import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.jobs import JobFolder, cancel_job, is_of_current_study, list_jobs, lock, open_job, start_job
from app.jobs.freshness import take_stamps
from app.jobs.launch import REPOSITORY
from cache.store import Store
from engine.errors import RefusedInput

Start = Callable[..., JobFolder]
Wait = Callable[[JobFolder], None]

# Fifty processes that have all imported what they need and wait for the end of one pipe.
RACERS = """
import json, os, sys
from pathlib import Path
from app.jobs import start_job
from cache.store import Store

root, study, options, argv = json.loads(sys.argv[1])
waiting, line = os.pipe()
for _ in range(50):
    if os.fork() == 0:
        os.close(line)
        os.read(waiting, 1)
        job = start_job(Store(Path(root)), "count", Path(study), options, argv)
        os.write(1, f"{job.id} ".encode())
        os._exit(0)
os.close(line)
sys.exit(sum(os.waitstatus_to_exitcode(os.wait()[1]) != 0 for _ in range(50)))
"""


def pid_of(job: JobFolder) -> int:
    pid = job.worker_pid()
    assert pid is not None
    return pid


def launched_nothing(store: Store, study: Path, options: dict[str, object]) -> JobFolder:
    """Starts a job whose worker ends at once and writes nothing."""
    return start_job(store, "count", study, options, ("true",))


def test_a_killed_worker_is_told_as_killed_and_the_next_one_resumes_its_parts(
    start: Start, wait: Wait, gate: Path
) -> None:
    job = start("count", steps=6, gate=3)
    with gate.open("w"):
        assert job.status().state == "running"
        os.kill(pid_of(job), signal.SIGKILL)
        wait(job)
    status = job.status()
    assert status.state == "killed"
    assert "killed from outside (SIGKILL)" in status.message
    assert status.result is None
    again = start("count", steps=6, gate=3)
    assert again.id == job.id
    wait(again)
    status = again.status()
    assert status.state == "finished", again.log_tail()
    assert status.result is not None
    assert status.result["made"] == [4, 5]


def test_a_cancelled_job_stops_within_one_report_and_can_be_started_again(
    start: Start, wait: Wait, gate: Path, tmp_path: Path
) -> None:
    job = start("count", steps=50, gate=3)
    with gate.open("w"):
        cancel_job(job)
    wait(job)
    assert job.status().state == "cancelled"
    assert len(list(tmp_path.glob("part-*"))) == 4
    wait(start("count", steps=50, gate=3))
    status = job.status()
    assert status.state == "finished"
    assert status.result is not None
    assert status.result["made"] == list(range(4, 50))


def test_sigterm_is_a_wish_to_stop(start: Start, wait: Wait, gate: Path, tmp_path: Path) -> None:
    job = start("count", steps=50, gate=3)
    with gate.open("w"):
        os.kill(pid_of(job), signal.SIGTERM)
    wait(job)
    status = job.status()
    assert status.state == "cancelled"
    assert "Stopped from outside" in status.message
    assert len(list(tmp_path.glob("part-*"))) == 4


def test_a_worker_that_does_not_listen_is_killed_with_all_it_started(start: Start, wait: Wait, gate: Path) -> None:
    job = start("hang")
    with gate.open() as opened:
        cancel_job(job, grace=0.05)
        wait(job)
        # The end of the file: nobody is left who holds the other end, the program included.
        assert opened.read() == ""
    assert job.status().state == "cancelled"


def test_a_job_that_was_started_again_is_spared_by_the_old_wish_to_stop(store: Store, study: Path, wait: Wait) -> None:
    job = launched_nothing(store, study, {})
    wait(job)
    held = lock.acquire(job.lock_path)
    assert held is not None
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as next_worker:
        (job.path / "worker.json").write_text(json.dumps({"pid": next_worker.pid}))
        cancel_job(job, grace=3)
        (job.path / "cancel").unlink()
        for thread in threading.enumerate():
            if thread.name == f"cancel-{job.id}":
                thread.join()
        assert next_worker.poll() is None
        next_worker.kill()
    lock.release(held)


def test_of_racing_starters_exactly_one_starts_a_worker(
    store: Store, study: Path, gate: Path, tmp_path: Path, worker_argv: tuple[str, str], wait: Wait
) -> None:
    options = {"folder": str(tmp_path), "steps": 6, "gate": 3}
    argument = json.dumps([str(store.root), str(study), options, worker_argv])
    racers = subprocess.run(
        [sys.executable, "-c", RACERS, argument], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True
    )
    ids = racers.stdout.split()
    assert len(ids) == 50
    assert len(set(ids)) == 1
    job = open_job(store, ids[0])
    with gate.open("w"):
        assert job.status().state == "running"
    wait(job)
    assert job.status().state == "finished"
    assert len((tmp_path / "workers.txt").read_text().split()) == 1


def test_a_second_press_finds_the_running_and_then_the_finished_job(
    start: Start, wait: Wait, gate: Path, tmp_path: Path
) -> None:
    job = start("count", steps=6, gate=3)
    with gate.open("w"):
        assert start("count", steps=6, gate=3).id == job.id
    wait(job)
    assert start("count", steps=6, gate=3).status().state == "finished"
    assert len((tmp_path / "workers.txt").read_text().split()) == 1


def test_a_worker_leaves_no_zombie(store: Store, study: Path, wait: Wait) -> None:
    job = start_job(store, "count", study, {}, ("sh", "-c", 'echo $$ > "$0/pid"'))
    wait(job)
    with pytest.raises(ProcessLookupError):
        os.kill(int((job.path / "pid").read_text()), 0)


def test_a_finished_job_is_begun_anew_once_its_inputs_changed(store: Store, study: Path, wait: Wait) -> None:
    job = launched_nothing(store, study, {})
    wait(job)
    job.write_result({"count": 3}, take_stamps([study.parent / "train.npz"]))
    assert launched_nothing(store, study, {}).status().result == {"count": 3}
    (study.parent / "train.npz").write_bytes(b"something else")
    assert launched_nothing(store, study, {}).status().result is None


def test_a_finished_job_is_begun_anew_once_its_run_is_gone(store: Store, study: Path, wait: Wait) -> None:
    job = launched_nothing(store, study, {})
    wait(job)
    store.run("abc").finish({"kind": "ceiling"})
    job.write_result({"run": "abc"}, {})
    assert launched_nothing(store, study, {}).status().result == {"run": "abc"}
    shutil.rmtree(store.run("abc").path)
    assert launched_nothing(store, study, {}).status().result is None


@pytest.mark.parametrize("gone", ["influence", "search"])
def test_a_finished_job_is_begun_anew_once_a_run_that_it_made_on_the_way_is_gone(
    store: Store, study: Path, wait: Wait, gone: str
) -> None:
    job = launched_nothing(store, study, {})
    wait(job)
    for key in ("abc", "influence", "search"):
        store.run(key).finish({"kind": "reweight"})
    job.write_result({"run": "abc", "influence": "influence", "search": "search"}, {})
    assert launched_nothing(store, study, {}).status().result is not None
    store.delete_run(gone)
    assert launched_nothing(store, study, {}).status().result is None


def test_a_job_is_of_the_study_as_its_file_reads_now(store: Store, study: Path, wait: Wait) -> None:
    job = launched_nothing(store, study, {})
    wait(job)
    assert is_of_current_study(job)
    study.write_text(study.read_text() + "# another")
    assert not is_of_current_study(job)


@pytest.mark.timeout(60)
def test_a_study_without_end_is_left_to_the_worker_to_refuse(store: Store, study: Path, wait: Wait) -> None:
    study.unlink()
    os.mkfifo(study)  # like a device, and only waits where that fills the memory
    wait(launched_nothing(store, study, {}))

    study.unlink()
    with study.open("wb") as file:
        file.truncate(2**20 + 1)
    huge = launched_nothing(store, study, {})
    wait(huge)
    study.write_text("another")
    assert not is_of_current_study(huge)


def test_a_job_that_a_full_disk_keeps_from_its_start_is_refused_and_starts_once_there_is_room(
    start: Start, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(JobFolder, "write_request", full)
        with pytest.raises(RefusedInput, match="cannot be started: No space left on device"):
            start("count", steps=2)
    job = start("count", steps=2)
    wait(job)
    assert job.status().state == "finished"


def test_a_worker_that_cannot_be_launched_leaves_the_job_free(store: Store, study: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start_job(store, "count", study, {}, ("/no/such/program",))
    (job,) = list_jobs(store)
    assert job.status().state == "interrupted"


def test_a_module_in_the_servers_working_directory_is_not_what_the_worker_runs(
    store: Store, study: Path, wait: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine.py").touch()
    monkeypatch.chdir(tmp_path)
    # Like -m, -c looks for modules in the working directory first.
    code = "import engine, pathlib, sys; pathlib.Path(sys.argv[1], 'found').write_text(engine.__file__)"
    job = start_job(store, "count", study, {}, (sys.executable, "-c", code))
    wait(job)
    assert (job.path / "found").read_text() == str(REPOSITORY / "engine" / "__init__.py")


def test_what_was_asked_makes_the_job_and_not_where_the_store_lies(store: Store, study: Path, tmp_path: Path) -> None:
    job = launched_nothing(store, study, {"targets": ["cat"], "epoch": 3})
    assert launched_nothing(store, study.parent, {"epoch": 3, "targets": ("cat",)}).id == job.id
    assert launched_nothing(Store(tmp_path / "other"), study, {"targets": ["cat"], "epoch": 3}).id == job.id
    assert launched_nothing(store, study, {"targets": ["dog"], "epoch": 3}).id != job.id
    study.write_text(study.read_text() + "seed = 1\n")
    assert launched_nothing(store, study, {"targets": ["cat"], "epoch": 3}).id != job.id


def test_the_same_work_elsewhere_is_the_same_job_so_that_no_two_are_at_it(
    start: Start, wait: Wait, gate: Path, store: Store
) -> None:
    here = start("count", steps=6, gate=3)
    with gate.open("w"):
        there = start("count", steps=6, gate=3, ray="10.0.0.1:6379")
        assert there.id == here.id
        assert "ray" not in there.request().options
    wait(here)
    # Done is done, wherever.
    assert start("count", steps=6, gate=3, ray="auto").status().state == "finished"
    assert len(list_jobs(store)) == 1


def test_a_job_that_ended_is_begun_anew_where_it_is_asked_for_now(store: Store, study: Path, wait: Wait) -> None:
    for options in ({"ray": "auto"}, {}, {"ray": "10.0.0.1:6379"}):
        job = launched_nothing(store, study, dict(options))
        wait(job)
        assert job.request().options == options
        assert is_of_current_study(job)
    assert len(list_jobs(store)) == 1


def test_jobs_are_listed_with_the_latest_start_first(store: Store, study: Path) -> None:
    assert list_jobs(store) == []
    first, second = (launched_nothing(store, study, {"number": number}) for number in range(2))
    (store.jobs_folder / "notes").mkdir()
    os.utime(first.path / "request.json", ns=(0, 2))
    os.utime(second.path / "request.json", ns=(0, 1))
    assert [job.id for job in list_jobs(store)] == [first.id, second.id]
    assert open_job(store, first.id).request().options == {"number": 0}


@pytest.mark.parametrize("name", ["../secrets", "0123456789abcdef0123", "<b>"])
def test_a_job_that_is_not_in_the_store_is_refused(store: Store, name: str) -> None:
    outside = store.root / "secrets"
    outside.mkdir(parents=True)
    (outside / "request.json").touch()
    store.jobs_folder.mkdir()
    with pytest.raises(RefusedInput, match="no job"):
        open_job(store, name)
