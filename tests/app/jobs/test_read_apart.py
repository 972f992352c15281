"""Reading in another process: what it answers, and every way in which it may end without an answer."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.jobs.limits import memory_limit
from app.jobs.read_apart import WAITING, ReaderStopped, read_apart
from engine.errors import RefusedInput
from engine.progress import Progress, silent

SCRIPTED = (sys.executable, "-m", "tests.app.jobs.scripted_reader")


def scripted(
    read: str, asked: dict[str, Any] | None = None, seconds: float = 60, progress: Progress = silent
) -> dict[str, Any]:
    return read_apart(read, asked or {}, seconds, progress, SCRIPTED)


def is_gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_an_answer_comes_through_whatever_libraries_print():
    told = []

    assert scripted("fine", {"a": ["é", 1]}, progress=lambda *state: told.append(state)) == {"asked": {"a": ["é", 1]}}
    assert ("data", 3, 4, "half") in told


def test_a_refusal_is_the_same_on_this_side():
    with pytest.raises(RefusedInput) as refusal:
        scripted("refuses")

    assert (refusal.value.problem, refusal.value.expected) == ("it is a cat", "a dog")
    assert refusal.value.remedy == "Bring one"


def test_what_nobody_foresaw_is_an_error_with_its_traceback_in_the_log(capsys):
    with pytest.raises(RuntimeError, match="nobody foresaw this"):
        scripted("fails")

    assert "KeyError" in capsys.readouterr().err


def test_more_memory_than_a_job_may_have_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("PARETOSCOPE_JOB_MEMORY", "1GB")

    with pytest.raises(RefusedInput, match="more memory than there is"):
        scripted("takes_all")
    assert memory_limit() is None or memory_limit() != 10**9, "the limit is the reader's alone"


def test_a_reader_that_never_ends_is_killed_when_its_time_is_up(tmp_path):
    with pytest.raises(RefusedInput, match="took longer than 3 seconds"):
        scripted("never_ends", {"pid": str(tmp_path / "pid"), "deaf": True}, seconds=3)

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_reader_whose_time_is_up_dies_without_whoever_waited(tmp_path, monkeypatch):
    # As if the server had been killed: nobody looks at the clock but the kernel.
    monkeypatch.setattr("app.jobs.read_apart.time.monotonic", lambda: 0.0)

    with pytest.raises(RefusedInput, match="took longer"):
        scripted("never_ends", {"pid": str(tmp_path / "pid")}, seconds=3)
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_who_goes_on_to_something_else_ends_the_reader(tmp_path):
    class Gone(BaseException):
        """As Streamlit's, which is no Exception."""

    pid = tmp_path / "pid"

    def leaves(stage: str, done: int, total: int, note: str = "") -> None:
        if pid.is_file() and pid.read_text():
            raise Gone

    with pytest.raises(Gone):
        scripted("never_ends", {"pid": str(pid)}, progress=leaves)

    assert is_gone(int(pid.read_text()))
    assert not [thread for thread in threading.enumerate() if thread.name == "reads-never_ends" and thread.is_alive()]


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGSEGV, r"crashed while it read this \(SIGSEGV\)"), (signal.SIGKILL, r"was killed\..*Try again")],
)
def test_a_crash_costs_the_page_alone(number, told):
    with pytest.raises(RefusedInput, match=told):
        scripted("crashes", {"signal": int(number)})


def test_a_process_that_the_kernel_ended_for_want_of_memory_is_told(monkeypatch):
    counts = iter((3, 4))
    monkeypatch.setattr("app.jobs.read_apart.ended_for_memory", lambda: next(counts))

    with pytest.raises(ReaderStopped, match="more memory than there is"):
        scripted("crashes", {"signal": int(signal.SIGKILL)})


def test_half_an_answer_is_none():
    program = "import os; print('{\"result\": {', end='', flush=True); os.kill(os.getpid(), 9)"

    with pytest.raises(ReaderStopped, match="was killed"):
        read_apart("any", {}, argv=(sys.executable, "-c", program))


def test_two_read_at_once_and_the_others_wait_until_they_are_called_away(tmp_path):
    class Gone(BaseException):
        """As Streamlit's, which is no Exception."""

    left, waited = threading.Event(), threading.Event()
    pids = [tmp_path / str(number) for number in range(3)]

    def look(number: int, progress: Progress) -> None:
        with suppress(Gone):
            scripted("never_ends", {"pid": str(pids[number])}, progress=progress)

    def stays(stage: str, done: int, total: int, note: str = "") -> None:
        if left.is_set():
            raise Gone

    def leaves(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == WAITING:
            waited.set()
            raise Gone

    readers = [threading.Thread(target=look, args=(number, stays)) for number in (0, 1)]
    for reader in readers:
        reader.start()
    while not all(pid.is_file() for pid in pids[:2]):
        time.sleep(0.05)
    look(2, leaves)
    left.set()
    for reader in readers:
        reader.join(60)

    assert waited.is_set()
    assert not pids[2].exists()
    assert scripted("fine") == {"asked": {}}, "the places are free again"


def test_an_end_without_a_word_is_an_error():
    with pytest.raises(RuntimeError, match="exit status 7"):
        scripted("ends")


def test_the_reads_of_the_project_are_found(tmp_path: Path):
    (tmp_path / "notes.npz").write_bytes(b"nothing of the kind")

    with pytest.raises(RefusedInput, match=r"notes\.npz cannot be read"):
        read_apart("head", {"path": str(tmp_path / "notes.npz"), "format": "npz", "delimiter": None})
