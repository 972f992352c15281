"""The cache's schema, as the steps that lead to it; they go forward only.

The cache can always be rebuilt from the run folders, so a step may move rows or drop
them, and there is none that goes back.

Vectors lie in one table a class count, ``vectors_K``, made by :func:`create_vectors_table`
when the first run of K classes is taken in: a ``FLOAT[K]`` column has one length only.
"""

from collections.abc import Callable, Sequence

import duckdb

from engine.errors import RefusedInput

Migration = Callable[[duckdb.DuckDBPyConnection], object]


def _first_schema(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        CREATE TABLE runs (
            key VARCHAR PRIMARY KEY, kind VARCHAR NOT NULL, study VARCHAR, influence VARCHAR,
            classes INTEGER NOT NULL, samples INTEGER, created VARCHAR, manifest VARCHAR NOT NULL
        );
        CREATE TABLE samples (
            run VARCHAR NOT NULL, idx INTEGER NOT NULL, label SMALLINT NOT NULL, source VARCHAR NOT NULL,
            predicted SMALLINT NOT NULL, confidence FLOAT NOT NULL
        );
        CREATE TABLE candidates (
            run VARCHAR NOT NULL, part VARCHAR NOT NULL,
            number INTEGER NOT NULL, generation INTEGER NOT NULL, origin VARCHAR NOT NULL,
            alpha FLOAT[], step FLOAT, feasible BOOLEAN NOT NULL, fitness DOUBLE NOT NULL,
            predicted FLOAT[] NOT NULL, accuracy FLOAT[], loss FLOAT[]
        );
        CREATE TABLE candidate_parts (run VARCHAR NOT NULL, part VARCHAR NOT NULL, stamp VARCHAR NOT NULL);
        """
    )


def _candidates_have_values(connection: duckdb.DuckDBPyConnection) -> None:
    # Until there was a choice of measurement, candidates were judged by their losses.
    connection.execute("ALTER TABLE candidates ADD COLUMN value FLOAT[]; UPDATE candidates SET value = loss")


def _candidates_have_orders(connection: duckdb.DuckDBPyConnection) -> None:
    # Until candidates raced, each was trained in one batch order.
    connection.execute("ALTER TABLE candidates ADD COLUMN orders INTEGER; UPDATE candidates SET orders = 1")


MIGRATIONS: tuple[Migration, ...] = (_first_schema, _candidates_have_values, _candidates_have_orders)
"""Step i leads from version i to version i + 1; version 0 is an empty database."""


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """Returns the version of a database's schema; 0 where it has none."""
    table = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'meta' AND NOT internal").fetchone()
    row = connection.execute("SELECT max(schema_version) FROM meta").fetchone() if table else None
    return row[0] if row and row[0] is not None else 0


def migrate(connection: duckdb.DuckDBPyConnection, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Brings a database to the newest schema, each step in a transaction of its own.

    Args:
        connection: to a database of any earlier version, or an empty one.
        migrations: the steps from version 0 on.

    Returns:
        The version it has now.

    Raises:
        RefusedInput: if the database was written by a newer version than this one.
    """
    version = schema_version(connection)
    if not version:
        connection.execute("CREATE TABLE IF NOT EXISTS meta (schema_version INTEGER NOT NULL)")
    if version > len(migrations):
        raise RefusedInput(
            f"the cache has schema version {version}, made by a newer Paretoscope",
            f"version {len(migrations)} or earlier",
            "Update Paretoscope, or rebuild the cache with: python -m app doctor --rebuild",
        )
    for number, step in enumerate(migrations[version:], start=version + 1):
        connection.begin()
        try:
            step(connection)
            connection.execute("DELETE FROM meta")
            connection.execute("INSERT INTO meta VALUES (?)", [number])
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
    return len(migrations)


def vectors_table(classes: int) -> str:
    """Returns the name of the table that holds vectors of ``classes`` values."""
    return f"vectors_{int(classes)}"


def create_vectors_table(connection: duckdb.DuckDBPyConnection, classes: int) -> str:
    """Makes the table for vectors of ``classes`` values where it is missing, and returns its name."""
    name = vectors_table(classes)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {name} (run VARCHAR NOT NULL, idx INTEGER NOT NULL,"
        f" ceiling FLOAT[{int(classes)}] NOT NULL, epoch FLOAT[{int(classes)}] NOT NULL)"
    )
    return name
