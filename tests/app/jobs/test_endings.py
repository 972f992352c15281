import errno
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.jobs.endings import boot_id, death_in_words, ended_for_memory, failure_in_words
from engine.errors import RefusedInput

WORKER = {"pid": 7, "boot": boot_id()}


@pytest.fixture
def memory_limit() -> Iterator[int]:
    """A limit of this process, far from what it needs."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (64 * 10**9, before[1]))
    yield 64 * 10**9
    resource.setrlimit(resource.RLIMIT_DATA, before)


def refusal_of(error: OSError) -> RefusedInput:
    try:
        raise RefusedInput("part a of run b cannot be written", "room", "Free some space") from error
    except RefusedInput as refusal:
        return refusal


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory", "on the GPU"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory", "ran out of memory"),
        (MemoryError("std::bad_alloc"), "out of memory", "Lower [compute] batch_size"),
        (RuntimeError("can't start new thread"), "out of memory", "ran out of memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full", "The disk is full"),
        (OSError("I/O error: No space left on device (os error 28)"), "disk full", "start it again"),
        (refusal_of(OSError(errno.ENOSPC, "No space")), "disk full", "Free some space. What was finished is kept"),
        (refusal_of(OSError(errno.EACCES, "Permission denied")), "refused", "part a of run b"),
        (RefusedInput("the picture is torn", "a whole one", "Mend it"), "refused", "Expected a whole one. Mend it."),
        (KeyError(), "failed", "(KeyError)"),
        (ValueError("x" * 5000), "failed", "ValueError: xxx"),
    ],
)
def test_failures_are_named_in_a_sentence_or_two(error: Exception, kind: str, words: str) -> None:
    told, sentence = failure_in_words(error)
    assert told == kind
    assert words in sentence
    assert len(sentence) < 400


def test_a_memory_limit_that_was_reached_is_told_with_what_to_do(memory_limit: int) -> None:
    assert "its limit of 64 GB" in failure_in_words(MemoryError())[1]
    assert "raise PARETOSCOPE_JOB_MEMORY" in failure_in_words(MemoryError())[1]


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [
        ({"return_code": -signal.SIGKILL}, "killed", "from outside (SIGKILL)"),
        ({"return_code": -signal.SIGTERM}, "killed", "SIGTERM"),
        ({"return_code": -signal.SIGKILL, "ended_for_memory": True}, "out of memory", "its kernel ended the worker"),
        ({"return_code": -signal.SIGTERM, "ended_for_memory": True}, "killed", "SIGTERM"),
        ({"return_code": -signal.SIGSEGV}, "crashed", "SIGSEGV"),
        ({"return_code": -signal.SIGABRT, "ended_for_memory": True}, "crashed", "SIGABRT"),
        ({"return_code": 3}, "failed", "exit status 3"),
        ({"return_code": 0}, "interrupted", "without a result"),
        ({"return_code": "nine"}, "interrupted", "without a result"),
    ],
)
def test_a_death_is_told_by_its_exit(end: dict[str, Any], state: str, words: str) -> None:
    told, sentence = death_in_words({"pid": 7, **end}, WORKER)
    assert told == state
    assert words in sentence


def test_the_exit_of_an_earlier_worker_says_nothing_of_the_latest() -> None:
    assert death_in_words({"pid": 6, "return_code": -signal.SIGSEGV}, WORKER)[0] == "interrupted"


def test_a_worker_that_died_before_it_told_its_process_is_told_by_its_exit() -> None:
    assert death_in_words({"pid": 6, "return_code": -signal.SIGSEGV}, {})[0] == "crashed"


def test_a_machine_that_went_down_is_told_from_a_worker_whose_end_nobody_saw() -> None:
    assert "it was killed, or the machine went down" in death_in_words({}, WORKER)[1]
    assert "The machine went down" in death_in_words({}, {"pid": 7, "boot": "of another start"})[1]


def test_where_the_kernel_counts_nothing_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended_for_memory() >= 0

    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert ended_for_memory() == 0
    assert boot_id() is None
