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
        for item in [path, *(sorted(path.rglob("*")) if path.is_dir() else ())]:
            stamps[str(item)] = _stamp(item)
    return stamps


def is_unchanged(stamps: Mapping[str, list[int] | None]) -> bool:
    """Says whether every stamped file is still as it was."""
    return all(_stamp(Path(path)) == stamp for path, stamp in stamps.items())


def _stamp(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
