import duckdb
import pytest

from cache.database import open_database
from cache.migrations import MIGRATIONS, create_vectors_table, migrate
from engine.errors import RefusedInput


def oldest(connection):
    connection.execute("CREATE TABLE runs (key VARCHAR PRIMARY KEY, title VARCHAR)")


def rename(connection):
    connection.execute("ALTER TABLE runs RENAME title TO study")


def add_kind(connection):
    connection.execute("ALTER TABLE runs ADD COLUMN kind VARCHAR DEFAULT 'influence'")


def test_an_older_schema_goes_forward_step_by_step_and_keeps_its_rows():
    connection = duckdb.connect()
    assert migrate(connection, (oldest,)) == 1
    connection.execute("INSERT INTO runs VALUES ('abc', 'digits')")
    assert migrate(connection, (oldest, rename, add_kind)) == 3
    assert connection.execute("SELECT key, study, kind FROM runs").fetchall() == [("abc", "digits", "influence")]
    assert connection.execute("SELECT schema_version FROM meta").fetchall() == [(3,)]
    assert migrate(connection, (oldest, rename, add_kind)) == 3


def test_a_step_that_fails_leaves_the_version_before_it():
    connection = duckdb.connect()
    migrate(connection, (oldest,))

    def fail_half_way(connection):
        rename(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate(connection, (oldest, fail_half_way))
    assert connection.execute("SELECT title FROM runs").fetchall() == []
    assert migrate(connection, (oldest, rename)) == 2


def test_a_schema_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "cache.duckdb"
    with open_database(path) as connection:
        connection.execute("UPDATE meta SET schema_version = ?", [len(MIGRATIONS) + 1])
    with pytest.raises(RefusedInput, match=rf"schema version {len(MIGRATIONS) + 1}, made by a newer.*--rebuild"):
        open_database(path)


def test_candidates_that_were_stored_before_there_was_a_choice_are_judged_by_their_losses():
    connection = duckdb.connect()
    migrate(connection, MIGRATIONS[:1])
    row = "'abc', 'candidates-000.parquet', {}, 0, 'random', NULL, NULL, true, 0, [0, 0], {}, {}"
    connection.execute(f"INSERT INTO candidates VALUES ({row.format(0, '[1, 1]', '[0.25, 0.5]')})")
    connection.execute(f"INSERT INTO candidates VALUES ({row.format(1, 'NULL', 'NULL')})")
    assert migrate(connection) == len(MIGRATIONS)
    values = connection.execute("SELECT value FROM candidates ORDER BY number").fetchall()
    assert values == [([0.25, 0.5],), (None,)]


def test_vectors_of_each_class_count_have_a_table_of_their_own():
    connection = duckdb.connect()
    assert create_vectors_table(connection, 3) == create_vectors_table(connection, 3) == "vectors_3"
    with pytest.raises(duckdb.ConversionException):
        connection.execute("INSERT INTO vectors_3 VALUES ('abc', 0, [1, 2], [1, 2])")
