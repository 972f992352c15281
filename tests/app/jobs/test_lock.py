import fcntl
import os
import threading
from pathlib import Path

from app.jobs import lock


def test_only_one_holder_gets_the_lock_and_the_next_after_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not lock.is_held(path)
    first = lock.acquire(path)
    assert first is not None
    assert lock.is_held(path)
    assert lock.acquire(path) is None
    lock.release(first)
    assert not lock.is_held(path)
    second = lock.acquire(path)
    assert second is not None
    lock.release(second)


def test_whoever_only_asks_turns_no_starter_away(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    taken: list[int | None] = []
    with path.open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not lock.is_held(path)
        starter = threading.Thread(target=lambda: taken.append(lock.acquire(path)))
        starter.start()
        starter.join(0.05)
        fcntl.flock(asking, fcntl.LOCK_UN)
        starter.join()
    assert taken[0] is not None
    lock.release(taken[0])


def test_asking_and_losing_leave_no_open_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.acquire(path)
    assert held is not None
    before = os.listdir("/proc/self/fd")
    for _ in range(10):
        lock.is_held(path)
        lock.acquire(path)
    assert os.listdir("/proc/self/fd") == before
    lock.release(held)


def test_a_released_lock_is_free_although_a_forked_child_still_has_its_file_open(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.acquire(path)
    assert held is not None
    copy = os.dup(held)  # what a fork leaves in the child
    lock.release(held)
    assert not lock.is_held(path)
    os.close(copy)
