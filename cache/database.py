"""Opening the DuckDB file: closed to everything outside it, and never left half-made.

Only the holder of the store's lock opens the file, and nobody reads, copies or hashes
it by path while it is open: closing such a second handle would drop DuckDB's own lock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from cache.migrations import migrate
from engine.errors import RefusedInput

MEMORY_LIMIT = "4GB"
"""What DuckDB may hold in memory; beyond it, it writes to a folder beside its file."""
_REBUILD = "Rebuild it from the run folders with: python -m app doctor --rebuild"


def open_database(path: Path) -> duckdb.DuckDBPyConnection:
    """Opens the cache's database, making it or bringing it to the newest schema as needed.

    Args:
        path: the file.

    Raises:
        RefusedInput: if the file is damaged, foreign, newer, or open in another process.
    """
    with told_as_refusal():
        if not path.exists():
            _create(path)
        elif not path.is_file():
            raise RefusedInput(f"the cache {path} is not a regular file", "a DuckDB file", _REBUILD)
        connection = _connect(path)
        try:
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def told_as_refusal() -> Iterator[None]:
    """Turns DuckDB's complaints about disk, memory and damage into refusals.

    Raises:
        RefusedInput: in place of such a complaint. Others are faults of ours and pass.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise RefusedInput(
            "the cache needs more memory or temporary disk space than it may use",
            f"a query that fits {MEMORY_LIMIT} of memory and the disk beside it",
            "Free some disk space, or ask for fewer rows",
        ) from error
    except duckdb.Error as error:
        text = str(error).partition("\n")[0].rstrip(".")
        if "Could not set lock" in str(error):
            raise RefusedInput(
                "the cache is open in another process",
                "a cache that this process alone has open",
                "Close the other one",
            ) from error
        if "No space left" in str(error):
            raise RefusedInput(
                f"the cache cannot be written ({text})", "some room on its disk", "Free some space and try again"
            ) from error
        # A failed checksum comes as the base class itself.
        if type(error) is duckdb.Error or isinstance(
            error, (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
        ):
            raise RefusedInput(f"the cache cannot be read ({text})", "a cache as it was written", _REBUILD) from error
        raise


def _create(path: Path) -> None:
    """Makes the file under another name first: a process killed here leaves no half-made cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    for left in (new, write_ahead_log(new)):
        left.unlink(missing_ok=True)
    connection = _connect(new)
    try:
        migrate(connection)
    finally:
        connection.close()
    # A log without its database, from a file that was deleted by hand, must not be replayed into this one.
    write_ahead_log(path).unlink(missing_ok=True)
    os.replace(new, path)


def write_ahead_log(path: Path) -> Path:
    """Returns where DuckDB keeps what it has committed but not yet moved into the file."""
    return path.with_name(f"{path.name}.wal")


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(path),
        config={
            # A file with a foreign header must not lead to a download.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(path.with_name("cache-overflow")),
        },
    )
    try:
        # Without it, SQL would also reach Python variables that happen to be in scope.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection
