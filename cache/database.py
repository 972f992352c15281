"""Opening the DuckDB file: closed to everything outside it, and never left half-made.

Only the holder of the store's lock opens the file, and nobody reads, copies or hashes
it by path while it is open: closing such a second handle would drop DuckDB's own lock.

A file of an older schema is never changed itself: a copy of it goes through the steps and
takes its place at the end, and the old one is kept beside it (:func:`old_copies`). So a step
that fails, a full disk or a killed process leaves the cache as it was.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from cache.migrations import MIGRATIONS, Migration, migrate, schema_version
from engine.errors import RefusedInput

MEMORY_LIMIT = "4GB"
"""What DuckDB may hold in memory; beyond it, it writes to a folder beside its file."""
_REBUILD = (
    "Close the dashboard, if one is open, and rebuild it from the run folders with: python -m app doctor --rebuild"
)
_NO_ROOM = ("No space left", "Disk quota exceeded", "File too large")
_OLD_COPY = "before-v"


def open_database(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> duckdb.DuckDBPyConnection:
    """Opens the cache's database, making it or bringing it to the newest schema as needed.

    Args:
        path: the file.
        migrations: the steps that lead to the newest schema.

    Raises:
        RefusedInput: if the file is damaged, foreign, newer, or open in another process, or if there is no room for
            a second copy of one that is older.
    """
    with told_as_refusal():
        if not path.exists():
            _create(path, migrations)
        elif not path.is_file():
            raise RefusedInput(f"the cache {path} is not a regular file", "a DuckDB file", _REBUILD)
        connection = _connect(path)
        try:
            if 0 < schema_version(connection) < len(migrations):
                # What is committed but still in the log must be in the file that is copied.
                connection.execute("CHECKPOINT")
                connection.close()
                _bring_forward(path, migrations)
                connection = _connect(path)
            migrate(connection, migrations)
        except BaseException:
            connection.close()
            raise
        return connection


def old_copies(path: Path) -> list[Path]:
    """Returns the copy of the database that is kept from before its last change of schema, if there is one."""
    return sorted(path.parent.glob(f"{path.name}.{_OLD_COPY}*"))


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
        if any(complaint in str(error) for complaint in _NO_ROOM):
            raise RefusedInput(
                f"the cache cannot be written ({text})", "some room on its disk", "Free some space and try again"
            ) from error
        # A failed checksum comes as the base class itself.
        if type(error) is duckdb.Error or isinstance(
            error, (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
        ):
            raise RefusedInput(f"the cache cannot be read ({text})", "a cache as it was written", _REBUILD) from error
        raise


def _create(path: Path, migrations: Sequence[Migration]) -> None:
    """Makes the file under another name first: a process killed here leaves no half-made cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = _unused_name(path)
    connection = _connect(new)
    try:
        migrate(connection, migrations)
    finally:
        connection.close()
    # A log without its database, from a file that was deleted by hand, must not be replayed into this one.
    _clear(write_ahead_log(path))
    os.replace(new, path)


def _bring_forward(path: Path, migrations: Sequence[Migration]) -> None:
    """Puts a copy of the newest schema in the place of a closed file, which is kept under another name.

    Raises:
        RefusedInput: if there is no room for the copy.
    """
    new, kept = _unused_name(path), path.with_name(f"{path.name}.{_OLD_COPY}{len(migrations)}")
    try:
        shutil.copyfile(path, new)
        connection = _connect(new)
        try:
            migrate(connection, migrations)
            connection.execute("CHECKPOINT")
        finally:
            connection.close()
        for earlier in old_copies(path):
            earlier.unlink()
        try:
            # The same file under a second name, so that there is no moment without a cache.
            os.link(path, kept)
        except OSError:
            shutil.copyfile(path, kept)
        os.replace(new, path)
    except OSError as error:
        raise RefusedInput(
            f"the cache is of an older version, and cannot be brought to this one: {error.strerror}",
            "room for a second copy of it, in a folder that may be written",
            "Free some space and try again: the cache is as it was",
        ) from error
    finally:
        _unused_name(path)


def _unused_name(path: Path) -> Path:
    """Returns the name under which a database is made before it takes its place, with nothing left there."""
    new = path.with_name(f"{path.name}.new")
    for left in (new, write_ahead_log(new)):
        _clear(left)
    return new


def _clear(left: Path) -> None:
    """Removes a file that a process of ours left; a folder in its place is somebody's.

    Raises:
        RefusedInput: if something stays there.
    """
    try:
        left.unlink(missing_ok=True)
    except OSError as error:
        raise RefusedInput(
            f"{left} is in the way of the cache and cannot be removed: {error.strerror}",
            "a name that is free",
            "Move it elsewhere",
        ) from error


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
