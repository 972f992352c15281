import duckdb
import numpy as np
import pyarrow as pa
import pytest

from cache.database import open_database, told_as_refusal
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
