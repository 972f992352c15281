"""One run, stored as immutable parts in one folder: the truth that the cache is built from.

A part appears whole or not at all (temporary name in the same folder, fsync,
``os.replace``), and ``run.json`` is written last, so a run is finished exactly when that
file exists. A process that is killed leaves at most a temporary file behind.

Just before, the SHA-256 of every part is written down in ``.hashes.json``, which is no part itself: a byte of a tensor
that changes later would be loaded without a word. :meth:`RunFolder.damaged_parts` compares; runs from before that have
no such file.
"""

import errno
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cache.locks import NamedLock
from engine.errors import RefusedInput
from engine.whole_files import PARTIAL, whole_file

MANIFEST = "run.json"
HASHES = ".hashes.json"
LOCK = ".lock"
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}


class RunFolder:
    """The parts of one run.

    Args:
        path: the folder; its name is the run's key. It need not exist yet.
        readonly: whether it was shipped, and so may not be written.
    """

    def __init__(self, path: Path, readonly: bool = False) -> None:
        self.path = path
        self.key = path.name
        self.readonly = readonly

    def __repr__(self) -> str:
        return f"RunFolder({self.key!r})"

    @property
    def is_finished(self) -> bool:
        """Whether ``run.json`` exists."""
        return (self.path / MANIFEST).is_file()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that are there, sorted."""
        if not self.path.is_dir():
            return ()
        return tuple(sorted(item.name for item in self.path.iterdir() if not item.name.startswith(".")))

    def manifest(self) -> dict[str, Any]:
        """Returns what ``run.json`` says.

        Raises:
            RefusedInput: if the run is unfinished or the file is damaged.
        """
        manifest = self.read_json(MANIFEST)
        if not isinstance(manifest, dict):
            raise self._damaged(MANIFEST, "it holds no table of names and values")
        return manifest

    def read_json(self, name: str) -> Any:
        """Returns the contents of a JSON part.

        Raises:
            RefusedInput: if it is missing or damaged.
        """
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise self._missing(name) from None
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error

    def read_table(self, pattern: str) -> pa.Table:
        """Returns one table part, or all that match a pattern, one below the other.

        Args:
            pattern: a name, or a glob such as ``candidates-*.parquet``; parts are taken in the order of their names.

        Raises:
            RefusedInput: if none matches, or one is damaged or has other columns than the first.
        """
        names = [path.name for path in sorted(self.path.glob(pattern)) if not path.name.startswith(".")]
        if not names:
            raise self._missing(pattern)
        tables = [self._read_parquet(name) for name in names]
        try:
            return pa.concat_tables(tables)
        except pa.ArrowInvalid as error:
            raise self._damaged(pattern, error) from error

    def write_json(self, name: str, contents: Any) -> None:
        """Writes a JSON part. A figure that does not exist (NaN) becomes null; arrays become lists.

        Raises:
            RefusedInput: if the folder is shipped, or the disk is full or closed to writing.
            ValueError: if a number is infinite.
        """
        self._write_text(name, _json_text(contents))

    def write_table(self, name: str, table: pa.Table) -> None:
        """Writes a Parquet part.

        Raises:
            RefusedInput: if the folder is shipped, or the disk is full or closed to writing.
        """
        self._write(name, lambda path: pq.write_table(table, path, compression="zstd"))

    def write_tensors(self, name: str, save: Callable[[Path], Any]) -> None:
        """Writes a part by a function that is given the path to write to.

        Args:
            name: of the part, e.g. ``improved.safetensors``.
            save: called once with a temporary path that ends in ``name``.

        Raises:
            RefusedInput: if the folder is shipped, or the disk is full or closed to writing.
        """
        self._write(name, save)

    def finish(self, manifest: dict[str, Any]) -> None:
        """Writes ``run.json``, with this run's key: from then on the run is finished.

        Raises:
            RefusedInput: if the folder is shipped, or the disk is full or closed to writing.
        """
        self._refuse_readonly()
        text = _json_text({**manifest, "key": self.key})
        hashes = {name: _sha256(self.path / name) for name in self.parts if name != MANIFEST}
        hashes[MANIFEST] = hashlib.sha256(text.encode()).hexdigest()
        self.write_json(HASHES, hashes)
        self._write_text(MANIFEST, text)

    def damaged_parts(self) -> list[str] | None:
        """Returns the parts that are not as they were when the run was finished, or are gone.

        Returns:
            Their names; None where it was not written down how they were.

        Raises:
            RefusedInput: if that record is damaged itself.
        """
        if not (self.path / HASHES).is_file():
            return None
        hashes = self.read_json(HASHES)
        if not isinstance(hashes, dict):
            raise self._damaged(HASHES, "it holds no table of names and values")
        return [name for name, told in hashes.items() if not self._is_as_written(name, told)]

    def _is_as_written(self, name: str, told: object) -> bool:
        try:
            part = self.path / name
            # A pipe in a part's place would be waited for without end.
            return name in self.parts and part.is_file() and _sha256(part) == told
        except OSError:
            return False  # A disk that cannot give the part back has lost it.

    def discard(self) -> None:
        """Removes every part of a run that turned out not to be what its key says.

        Raises:
            RefusedInput: if the folder is shipped.
        """
        self._refuse_readonly()
        for name in self.parts:
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes from computing this run, and clears what a killed one left.

        Raises:
            RefusedInput: if another process holds the lock; it is named.
        """
        self._refuse_readonly()
        lock = NamedLock(self.path / LOCK)
        if not lock.acquire():
            raise RefusedInput(
                f"run {self.key} is being computed by {lock.holder() or 'another process'}",
                "one process a run",
                "Wait until it has finished, or cancel it",
            )
        try:
            for left in self.path.glob(f"{PARTIAL}*"):
                left.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def _write_text(self, name: str, text: str) -> None:
        self._write(name, lambda path: path.write_bytes(text.encode()))

    def _write(self, name: str, save: Callable[[Path], Any]) -> None:
        self._refuse_readonly()
        try:
            with whole_file(self.path / name) as temporary:
                save(temporary)
        except OSError as error:
            if error.errno not in _DISK_ERRORS:
                raise
            raise RefusedInput(
                f"part {name} of run {self.key} cannot be written: {error.strerror}",
                "a store that has room and may be written",
                "Free some space, or name another store with --cache",
            ) from error

    def _read_parquet(self, name: str) -> pa.Table:
        try:
            # Without a memory map: a part that shrinks under a map would end the process.
            table = pq.read_table(self.path / name, memory_map=False)
            # Columns are looked up by name, and a damaged name may be no text.
            _ = table.column_names
            return table
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self._damaged(name, error) from error

    def _refuse_readonly(self) -> None:
        if self.readonly:
            raise RefusedInput(
                f"run {self.key} was shipped with the samples and cannot be changed",
                "a run of your own store",
                "Copy the study to a folder of your own and compute it there",
            )

    def _missing(self, name: str) -> RefusedInput:
        return RefusedInput(
            f"run {self.key} has no part {name}", "a run whose parts are all there", "Compute the run again"
        )

    def _damaged(self, name: str, reason: object) -> RefusedInput:
        first_line = str(reason).partition("\n")[0].rstrip(".")
        return RefusedInput(
            f"run {self.key}: part {name} is damaged ({first_line})",
            "a part as it was written",
            "Delete the run's folder and compute the run again",
        )


def _json_text(contents: Any) -> str:
    return json.dumps(_plain(contents), indent=1, allow_nan=False) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    """Returns a value in the types that JSON has."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return str(value) if isinstance(value, Path) else value
