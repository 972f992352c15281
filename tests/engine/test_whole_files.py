"""A reader never finds half a file."""

from pathlib import Path

import pytest

from engine.whole_files import PARTIAL, whole_file, write_whole


def test_a_rewritten_file_is_replaced_and_not_changed_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, b"old")
    with path.open("rb") as reader:
        write_whole(path, b"new!")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new!"


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_whole(path, b"old", durable=False)

    def stop_half_way() -> None:
        with whole_file(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_the_temporary_name_is_hidden_beside_the_file_and_ends_like_it(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.parquet") as temporary:
        temporary.touch()
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(PARTIAL)
        assert temporary.suffix == ".parquet"
