"""Files that a reader finds either as they were before or complete, whatever happens to the writer.

A temporary name in the same folder, fsync, ``os.replace``: a process that is killed leaves
at most a file whose name begins with :data:`PARTIAL`, which nobody reads.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"
"""How the names of unfinished files begin."""


@contextmanager
def whole_file(path: Path, durable: bool = True) -> Iterator[Path]:
    """Gives a temporary path to write to, and puts what was written in the file's place at the end.

    Args:
        path: of the file; its folder is made where missing.
        durable: whether to wait until the disk has it.

    Yields:
        The temporary path; it ends in the file's name, since some writers choose the format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield temporary
        if durable:
            _synchronise(temporary)
        os.replace(temporary, path)
        if durable:
            _synchronise(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes, durable: bool = True) -> None:
    """Writes a file's bytes by :func:`whole_file`."""
    with whole_file(path, durable) as temporary:
        temporary.write_bytes(content)


def _synchronise(path: Path) -> None:
    """Waits until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
