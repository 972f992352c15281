"""Looking around on the server's disk, below the allowed roots and nowhere else.

The roots are those of ``PARETOSCOPE_ROOTS`` (divided like a search path), by default the
working directory and the user's home. Every path is resolved before it is looked at, so
``..`` and links lead out of the roots as little as a path that names another place.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.classes import did_you_mean
from engine.errors import RefusedInput

VARIABLE = "PARETOSCOPE_ROOTS"
"""The environment variable that names the allowed roots."""
MOST_ENTRIES = 1000
"""Folders and files that a listing holds at most, of each."""


@dataclass(frozen=True)
class Listing:
    """What is in a folder, by name; what is hidden, no file, not to be looked at or out of the roots is left out.

    Attributes:
        folder: that was looked into.
        parent: the folder above; ``None`` at a root.
        folders: names of the folders in it.
        files: names of the files in it.
        left_out: how many more there are than a listing holds.
    """

    folder: Path
    parent: Path | None
    folders: tuple[str, ...]
    files: tuple[str, ...]
    left_out: int = 0


class Roots:
    """The folders below which a form may look and write.

    Args:
        folders: resolved here; those that do not exist are left out.
    """

    def __init__(self, folders: list[Path]) -> None:
        resolved = (folder.expanduser().resolve() for folder in folders)
        self.folders = tuple(dict.fromkeys(folder for folder in resolved if folder.is_dir()))

    @classmethod
    def of_environment(cls, *more: Path) -> "Roots":
        """Returns the roots that the environment names, else the working directory and the home; and some more.

        Args:
            more: folders of the project itself, such as that of uploaded files.
        """
        named = os.environ.get(VARIABLE)
        folders = [Path(part) for part in named.split(os.pathsep) if part] if named else [Path.cwd(), Path.home()]
        return cls([*folders, *more])

    def __contains__(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self.folders)

    def resolved(self, text: str) -> Path:
        """Returns where a path leads, which need not exist.

        Args:
            text: in full, with ``~``, or relative to the first root.

        Raises:
            RefusedInput: if it leads out of the roots, is no path at all, or may not be looked at.
        """
        path = _in_full(text, self.folders[0] if self.folders else Path())
        if path not in self:
            raise RefusedInput(
                f"{text} leads to {path}, which lies outside of the allowed folders",
                f"a path below {' or '.join(map(str, self.folders)) or 'a folder that ' + VARIABLE + ' names'}",
                f"Choose another, or let who runs this dashboard add the folder to {VARIABLE}",
            )
        _refuse_unreachable(path)
        return path

    def existing(self, text: str, folder: bool | None = False) -> Path:
        """Returns the file, or the folder, that a path leads to.

        Args:
            text: as for :meth:`resolved`.
            folder: whether a folder is wanted, and not a file; ``None``: either will do.

        Raises:
            RefusedInput: if it leads out of the roots, there is none, or it is a pipe or device.
        """
        path = self.resolved(text)
        expected = "a regular file or a folder" if folder is None else "a folder" if folder else "a regular file"
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise RefusedInput(f"{path}: {error.strerror}", expected, _nearest(path)) from None
        is_wanted = (stat.S_ISDIR(mode) and folder is not False) or (stat.S_ISREG(mode) and not folder)
        if not is_wanted:
            came = "a folder" if stat.S_ISDIR(mode) else "a file" if stat.S_ISREG(mode) else "a pipe, socket or device"
            raise RefusedInput(f"{path} is {came}", expected, "Choose another path")
        return path

    def listing(self, folder: Path) -> Listing:
        """Returns what is in a folder.

        Raises:
            RefusedInput: if it leads out of the roots, is no folder, or may not be read.
        """
        folder = self.existing(str(folder), folder=True)
        try:
            entries = sorted(folder.iterdir(), key=lambda path: path.name.lower())
        except OSError as error:
            raise RefusedInput(f"{folder}: {error.strerror}", "a folder that may be read", "Choose another") from None
        shown = [path for path in entries if _can_be_named(path.name) and self._leads_inside(path)]
        modes = {path.name: _mode(path) for path in shown}
        folders = [name for name, mode in modes.items() if stat.S_ISDIR(mode)]
        files = [name for name, mode in modes.items() if stat.S_ISREG(mode)]
        left_out = max(0, len(folders) - MOST_ENTRIES) + max(0, len(files) - MOST_ENTRIES)
        parent = None if folder in self.folders else folder.parent
        return Listing(folder, parent, tuple(folders[:MOST_ENTRIES]), tuple(files[:MOST_ENTRIES]), left_out)

    def _leads_inside(self, path: Path) -> bool:
        try:
            return path.resolve() in self
        except (OSError, RuntimeError):
            return False


def typed_path(text: str) -> Path:
    """Returns where a path leads that somebody typed, which need not exist.

    Args:
        text: in full, with ``~``, or relative to the working directory.

    Raises:
        RefusedInput: if it is no path at all, or may not be looked at.
    """
    path = _in_full(text, Path())
    _refuse_unreachable(path)
    return path


def _in_full(text: str, base: Path) -> Path:
    try:
        return (base / Path(text).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_path(text, error) from None


def _refuse_unreachable(path: Path) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # What is to be made there may be.
    except OSError as error:
        raise _no_path(str(path), error) from None


def _no_path(text: str, error: Exception) -> RefusedInput:
    why = error.strerror if isinstance(error, OSError) else error
    return RefusedInput(
        f"{text[:80]!r} is no path that can be followed: {why}", "the path of a file or folder", "Mend it"
    )


def _can_be_named(name: str) -> bool:
    """Says whether a name is shown: it is not hidden, and text that a page can be sent with."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not name.startswith(".")


def _mode(path: Path) -> int:
    """Returns what a path is, as ``stat`` tells it; 0 where that may not be looked at."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _nearest(path: Path) -> str:
    try:
        beside = [other.name for other in path.parent.iterdir()]
    except OSError:
        beside = []
    return did_you_mean(path.name, beside) or "Check the path"
