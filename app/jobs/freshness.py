"""Whether a finished job's result still describes the files it was computed from.

A job is known by what was asked. Data or checkpoints may change afterwards under the
same name; then pressing the button again must not show the old result. Sizes and times
of change are enough to notice: if they differ without need, the work runs again and
finds its run folder, which is keyed by contents.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

Stamps = dict[str, list[int] | None]
"""By path the size in bytes and the time of change in nanoseconds; ``None``: not there."""


def take_stamps(paths: Iterable[Path]) -> Stamps:
    """Notes the size and time of change of files, and of folders with all that lies below them."""
    stamps: Stamps = {}
    for path in paths:
        for item in [path, *(sorted(path.rglob("*")) if _is_folder(path) else ())]:
            stamps[str(item)] = _stamp(item)
    return stamps


def is_unchanged(stamps: Mapping[str, list[int] | None]) -> bool:
    """Says whether every stamped file is still as it was."""
    return all(_stamp(Path(path)) == stamp for path, stamp in stamps.items())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # What may not be looked at, or has a name that no disk takes, is told when it is read.


def _stamp(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
