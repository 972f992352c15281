import errno
import json

from cache.locks import Holder, NamedLock


def test_a_lock_is_held_once_and_is_free_after_its_release(tmp_path):
    first, second = NamedLock(tmp_path / "new" / "lock"), NamedLock(tmp_path / "new" / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_the_holder_is_told_with_its_address_until_the_release(tmp_path):
    lock = NamedLock(tmp_path / "lock")
    lock.acquire("http://127.0.0.1:8501")
    holder = NamedLock(tmp_path / "lock").holder()
    assert str(holder).startswith("process ")
    assert str(holder).endswith(" at http://127.0.0.1:8501")
    lock.release()
    assert lock.holder() is None


def test_a_damaged_note_about_the_holder_is_no_obstacle(tmp_path):
    (tmp_path / "lock.holder").write_text("{")
    assert NamedLock(tmp_path / "lock").holder() is None
    (tmp_path / "lock.holder").write_text(json.dumps({"pid": 7, "address": None}))
    assert NamedLock(tmp_path / "lock").holder() == Holder(7)


def test_releasing_a_lock_that_is_not_held_leaves_the_holder_alone(tmp_path):
    held, other = NamedLock(tmp_path / "lock"), NamedLock(tmp_path / "lock")
    held.acquire()
    other.acquire()
    other.release()
    assert held.holder() is not None
    assert not other.acquire()
    held.release()


def test_who_holds_a_lock_is_asked_without_taking_it(tmp_path):
    held, asking = NamedLock(tmp_path / "lock"), NamedLock(tmp_path / "lock")
    assert asking.current_holder() is None
    assert not (tmp_path / "lock").exists()
    held.acquire("http://127.0.0.1:8501")
    told = asking.current_holder()
    assert told is not None
    assert told.address == "http://127.0.0.1:8501"
    (tmp_path / "lock.holder").unlink()
    assert str(asking.current_holder()) == "another process"
    held.release()
    assert asking.current_holder() is None
    assert held.acquire()
    held.release()


def test_a_disk_too_full_for_the_note_about_the_holder_still_has_the_lock(tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cache.locks.write_whole", full)
    lock = NamedLock(tmp_path / "lock")
    assert lock.acquire()
    assert not NamedLock(tmp_path / "lock").acquire()
    lock.release()


def test_a_lock_is_free_again_even_if_what_is_told_of_its_holder_cannot_be_removed(tmp_path):
    lock = NamedLock(tmp_path / "lock")
    assert lock.acquire()
    (tmp_path / "lock.holder").unlink()
    (tmp_path / "lock.holder").mkdir()
    lock.release()
    (tmp_path / "lock.holder").rmdir()
    assert NamedLock(tmp_path / "lock").acquire()
