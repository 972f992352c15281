import errno
import re
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from cache.database import old_copies, open_database, told_as_refusal
from engine.errors import RefusedInput


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "cache.duckdb"


def filled(path) -> bytearray:
    """Makes a cache with enough rows to fill several blocks, closes it, and returns its bytes."""
    with open_database(path) as connection:
        connection.execute("INSERT INTO runs SELECT range, 'k', '', '', 2, 1, '', random() FROM range(50_000)")
    return bytearray(path.read_bytes())


def test_a_missing_database_is_made_and_nothing_is_left_beside_it(path):
    open_database(path).close()
    assert [item.name for item in path.parent.iterdir()] == ["cache.duckdb"]
    with open_database(path) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_a_database_that_was_being_made_when_its_process_died_is_made_anew(path):
    path.parent.mkdir()
    (path.parent / "cache.duckdb.new").write_bytes(b"")
    open_database(path).close()


def test_the_log_of_a_database_that_was_deleted_does_not_stop_the_next(path):
    log = path.with_name("cache.duckdb.wal")
    with open_database(path) as connection:
        connection.execute("INSERT INTO candidate_parts VALUES ('old', 'part', 'stamp')")
        left = log.read_bytes()
    path.unlink()
    log.write_bytes(left)
    with open_database(path) as connection:
        assert connection.execute("SELECT count(*) FROM candidate_parts").fetchone() == (0,)


def test_the_database_reaches_no_file_no_network_and_no_python_variable(path, tmp_path):
    rows = pa.table({"a": [1]})
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with open_database(path) as connection:
        for statement in (
            f"SELECT * FROM '{tmp_path}/secret.csv'",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            f"ATTACH '{tmp_path}/other.duckdb'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET memory_limit = '1TB'",
            "SELECT * FROM rows",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
        connection.register("given", rows)
        assert connection.execute("SELECT a FROM given").fetchone() == (1,)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("contents", [b"", b"SQLite format 3\0" + bytes(5000), bytes(range(256)) * 100])
def test_a_foreign_file_is_refused_with_the_way_to_rebuild(path, contents):
    path.parent.mkdir()
    path.write_bytes(contents)
    with pytest.raises(RefusedInput, match=r"the cache cannot be read.*doctor --rebuild"):
        open_database(path)
    assert path.read_bytes() == contents


def read_all(path) -> None:
    with open_database(path) as connection:
        connection.execute("SELECT sum(length(manifest)), sum(length(key)) FROM runs").fetchall()


def test_a_truncated_cache_is_refused_with_the_way_to_rebuild(path):
    contents = filled(path)
    for length in (len(contents) // 10, 5000, 100):
        path.write_bytes(contents[:length])
        with pytest.raises(RefusedInput, match=r"the cache cannot be read.*doctor --rebuild"), told_as_refusal():
            read_all(path)


def test_a_flipped_byte_in_the_cache_is_noticed_when_it_is_read(path):
    contents = filled(path)
    for place in np.linspace(100, len(contents) - 100, 40).astype(int):
        contents[place] ^= 255
    path.write_bytes(contents)
    with pytest.raises(RefusedInput, match=r"the cache cannot be read \(.*doctor --rebuild"), told_as_refusal():
        read_all(path)


def test_a_folder_in_the_place_of_the_cache_is_refused(path):
    path.mkdir(parents=True)
    with pytest.raises(RefusedInput, match="is not a regular file"):
        open_database(path)


@pytest.mark.parametrize("name", ["cache.duckdb.new", "cache.duckdb.new.wal", "cache.duckdb.wal"])
def test_a_folder_in_the_place_of_what_the_cache_is_made_by_is_refused_and_stays(path, name):
    (path.parent / name).mkdir(parents=True)
    (path.parent / name / "thesis.txt").touch()
    with pytest.raises(RefusedInput, match=rf"{re.escape(name)} is in the way of the cache and cannot be removed"):
        open_database(path)
    assert (path.parent / name / "thesis.txt").is_file()
    assert not path.exists()
    (path.parent / name).rename(path.parent / "elsewhere")
    open_database(path).close()


def test_complaints_about_memory_disk_and_locks_are_told_and_faults_of_ours_are_not():
    for complaint, told in (
        (duckdb.OutOfMemoryException("x"), "needs more memory"),
        (duckdb.IOException("IO Error: No space left on device"), "cannot be written"),
        (duckdb.IOException("IO Error: Could not set lock on file"), "open in another process"),
    ):
        with pytest.raises(RefusedInput, match=told), told_as_refusal():
            raise complaint
    with pytest.raises(duckdb.ParserException), told_as_refusal():
        duckdb.connect().execute("SELEKT 1")


def version_1(connection):
    connection.execute("CREATE TABLE runs (key VARCHAR PRIMARY KEY)")


def version_2(connection):
    connection.execute("ALTER TABLE runs ADD COLUMN kind VARCHAR DEFAULT 'influence'")


def version_3(connection):
    connection.execute("ALTER TABLE runs ADD COLUMN study VARCHAR DEFAULT 'digits'")


OLD, NEW = (version_1,), (version_1, version_2, version_3)


@pytest.fixture
def older(path) -> bytes:
    """The bytes of a database of the first version, its last row still in the log beside it when it was left."""
    with open_database(path, OLD) as connection:
        connection.execute("INSERT INTO runs VALUES ('abc')")
    return path.read_bytes()


def keys(path, migrations=NEW):
    with open_database(path, migrations) as connection:
        return connection.execute("SELECT key FROM runs").fetchall()


def names(path):
    return sorted(item.name for item in path.parent.iterdir())


def test_a_copy_is_kept_from_before_a_change_of_schema_and_only_the_last(path, older):
    with open_database(path, NEW) as connection:
        assert connection.execute("SELECT * FROM runs").fetchall() == [("abc", "influence", "digits")]
    (kept,) = old_copies(path)
    assert kept.name == "cache.duckdb.before-v3"
    assert kept.read_bytes() == older
    assert keys(path) == [("abc",)]
    assert old_copies(path) == [kept]
    with open_database(path, (*NEW, version_3_again)) as connection:
        assert connection.execute("SELECT more FROM runs").fetchall() == [("x",)]
    assert [copy.name for copy in old_copies(path)] == ["cache.duckdb.before-v4"]
    assert names(path) == ["cache.duckdb", "cache.duckdb.before-v4"]


def version_3_again(connection):
    connection.execute("ALTER TABLE runs ADD COLUMN more VARCHAR DEFAULT 'x'")


def test_what_was_only_in_the_log_is_in_the_copy_as_well(path, older):
    log = path.with_name("cache.duckdb.wal")
    with open_database(path, OLD) as connection:
        connection.execute("INSERT INTO runs VALUES ('def')")
        file, left = path.read_bytes(), log.read_bytes()
    path.write_bytes(file)
    log.write_bytes(left)
    assert keys(path) == [("abc",), ("def",)]
    (kept,) = old_copies(path)
    kept.rename(path)
    assert keys(path, OLD) == [("abc",), ("def",)]


def test_a_step_that_fails_leaves_the_file_and_its_older_program_usable(path, older):
    def fail(connection):
        version_3(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        open_database(path, (version_1, version_2, fail))
    assert path.read_bytes() == older
    assert names(path) == ["cache.duckdb"]
    assert keys(path, OLD) == [("abc",)]


def test_a_process_that_dies_between_two_steps_leaves_the_file_as_it_was(path, older):
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from cache.database import open_database\n"
        "from tests.cache.test_database import OLD, version_2\n"
        "open_database(Path(sys.argv[1]), (*OLD, version_2, lambda connection: os.kill(os.getpid(), 9)))\n"
    )
    died = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert path.read_bytes() == older
    assert keys(path) == [("abc",)]
    assert names(path) == ["cache.duckdb", "cache.duckdb.before-v3"]


def test_without_room_for_a_copy_the_cache_stays_as_it_was(path, older, monkeypatch):
    def full(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(RefusedInput, match=r"older version.*No space left.*room for a second copy.*as it was"):
        open_database(path, NEW)
    assert path.read_bytes() == older
    assert names(path) == ["cache.duckdb"]


def test_a_folder_in_the_place_of_the_newer_cache_leaves_the_older_as_it_was(path, older):
    (path.parent / "cache.duckdb.new").mkdir()
    with pytest.raises(RefusedInput, match=r"cache\.duckdb\.new is in the way of the cache"):
        open_database(path, NEW)
    assert path.read_bytes() == older
    (path.parent / "cache.duckdb.new").rmdir()
    assert keys(path) == [("abc",)]


def test_where_a_file_can_have_one_name_only_it_is_copied(path, older, monkeypatch):
    def refused(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refused)
    assert keys(path) == [("abc",)]
    assert [copy.read_bytes() == older for copy in old_copies(path)] == [True]
