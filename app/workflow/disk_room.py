"""Room that is left free on the disk of the store, whatever is kept there for convenience."""

import shutil
from pathlib import Path

from app.figures.wording import size_in_words
from engine.errors import RefusedInput

SPARED = 10**9
"""Bytes that are left free: jobs and the cache write there, and ``doctor`` tells of less."""


def nearest_existing(folder: Path) -> Path:
    """Returns a folder, or what there is of the way to it: that lies on the disk on which it would."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def refuse_without_room(folder: Path, size: int, what: str, remedy: str) -> None:
    """Refuses what would leave too little room on the disk.

    Args:
        folder: that it is to be written to; need not exist.
        size: of it, in bytes.
        what: it is, as the beginning of a sentence: ``"train.csv is"``, ``"the samples take"``.
        remedy: what to do.

    Raises:
        RefusedInput: if less than 1 GB would be left.
    """
    free = shutil.disk_usage(nearest_existing(folder)).free
    if free - size < SPARED:
        raise RefusedInput(
            f"{what} {size_in_words(size)}, and {size_in_words(free)} are free on the disk of the store",
            f"{size_in_words(SPARED)} left free beside that",
            remedy,
        )
