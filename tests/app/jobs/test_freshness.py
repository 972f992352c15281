import os
from pathlib import Path

import pytest

from app.jobs.freshness import is_unchanged, take_stamps


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints"
    path.mkdir()
    (path / "epoch-001.pt").write_bytes(b"one")
    return path


def test_untouched_files_are_unchanged(folder: Path) -> None:
    assert is_unchanged(take_stamps([folder, folder / "absent"]))


def test_a_name_that_no_disk_takes_is_a_file_that_is_not_there(folder: Path) -> None:
    long = folder / ("n" * 300)
    assert take_stamps([long]) == {str(long): None}


def test_a_rewritten_file_of_the_same_size_is_a_change(folder: Path) -> None:
    stamps = take_stamps([folder])
    file = folder / "epoch-001.pt"
    file.write_bytes(b"two")
    # A coarse clock could give both writes the same time.
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert not is_unchanged(stamps)


def test_a_file_that_grew_is_a_change_even_at_the_same_time(folder: Path) -> None:
    stamps = take_stamps([folder])
    file = folder / "epoch-001.pt"
    before = file.stat().st_mtime_ns
    file.write_bytes(b"longer")
    os.utime(file, ns=(before, before))
    assert not is_unchanged(stamps)


def test_a_new_file_in_a_folder_is_a_change(folder: Path) -> None:
    os.utime(folder, ns=(0, 0))
    stamps = take_stamps([folder])
    (folder / "epoch-002.pt").write_bytes(b"two")
    assert not is_unchanged(stamps)


def test_a_missing_file_that_appears_and_one_that_goes_are_changes(folder: Path) -> None:
    absent = folder.parent / "absent"
    stamps = take_stamps([absent])
    absent.touch()
    assert not is_unchanged(stamps)
    stamps = take_stamps([absent])
    absent.unlink()
    assert not is_unchanged(stamps)
