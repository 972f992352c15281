"""Where the splits may lie: a regular file or a folder, relative to the study file or named in full.

Pipes and devices are refused before they are opened, because opening one may wait for ever.
"""

import stat
from pathlib import Path

from engine.classes import did_you_mean
from engine.data.memory import refuse_beyond_memory
from engine.errors import RefusedInput
from engine.study import Study


def split_location(study: Study, split: str) -> Path:
    """Returns the file, or for ``image_folder`` the folder, of a split after checking it.

    Raises:
        RefusedInput: if there is none, if it is empty, or no regular file.
    """
    named, path = getattr(study.data, split), study.data_paths[split]
    where = f"[data] {split} is {named!r}"
    wants_folder = study.data.format == "image_folder"
    expected = "a folder with one folder a class" if wants_folder else f"a {study.data.format} file"
    try:
        mode = path.stat().st_mode
    except (OSError, RuntimeError):
        raise RefusedInput(f"{where}, which does not exist", expected, _nearest_path(path)) from None
    if not (stat.S_ISDIR(mode) if wants_folder else stat.S_ISREG(mode)):
        raise RefusedInput(f"{where}, which is {_kind(mode)}", expected, f"Mend [data] {split} or [data] format")
    if not wants_folder and path.stat().st_size == 0:
        raise RefusedInput(f"{where}, an empty file", f"{expected} with samples", "Write the file again")
    return path


def file_bytes(path: Path, name: str) -> bytes:
    """Returns what is in a file that was found before.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        RefusedInput: if it is gone by now, may not be read, or is larger than memory.
    """
    try:
        refuse_beyond_memory(path.stat().st_size, name)
        return path.read_bytes()
    except OSError as error:
        raise RefusedInput(
            f"{name} cannot be read: {error.strerror}",
            "data files that stay where they are and may be read",
            "Check that the file is still there, and its permissions",
        ) from None


def _nearest_path(path: Path) -> str:
    try:
        beside = sorted(other.name for other in path.parent.iterdir())
    except OSError:
        beside = []
    return did_you_mean(path.name, beside) or "Check the path: it is relative to the study file"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a file" if stat.S_ISREG(mode) else "a pipe, socket or device"
