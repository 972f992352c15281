"""Which files and folders of a folder may be the splits of a study, by their names alone.

At most :data:`MOST_ENTRIES` entries of a folder are looked at. What is hidden, a pipe or a
device, a link that leads out of the folder, or has a name that is no text, is left out.
"""

import itertools
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.workflow.init_study_findings import Findings
from engine.data.image_folder import SUFFIXES as PICTURES

MOST_ENTRIES = 5000
"""Entries of one folder that are looked at; in the order in which the disk gives them beyond."""
FORMATS = {".parquet": "parquet", ".npz": "npz", ".csv": "csv", ".tsv": "csv"}
"""By ending, the likelier first where a folder has several."""
_PLACES = ("", "data", "dataset")
_ROLES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
_OTHER_FOLDERS = ("checkpoints", "checkpoint", "models", "weights", "runs", "logs", "__pycache__", "venv")


@dataclass(frozen=True)
class Entries:
    """What lies in a folder, by name.

    Attributes:
        files: regular ones.
        folders: those that are not hidden.
        left_out: by name why an entry is not looked at.
        is_whole: whether all entries were looked at.
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    is_whole: bool = True


@dataclass(frozen=True)
class Candidate:
    """Files or folders of one format that may be the data.

    Attributes:
        format: as the study file names it.
        splits: by split what has its name; ``train`` may have none of the usual ones.
        rivals: that could be ``train`` just as well.
        is_named: whether ``train`` has a usual name.
    """

    format: str
    splits: dict[str, Path]
    rivals: tuple[Path, ...] = ()
    is_named: bool = True


def entries_of(folder: Path, root: Path) -> Entries:
    """Looks at the entries of a folder.

    Args:
        folder: whose entries are wanted.
        root: out of which no link may lead.
    """
    files, folders, left_out = [], [], {}
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in itertools.islice(found, MOST_ENTRIES + 1)]
    except OSError as error:
        return Entries((), (), {folder.name: error.strerror or "it cannot be looked into"})
    for name in sorted(names[:MOST_ENTRIES]):
        if name.startswith("."):
            continue
        path = folder / name
        try:
            name.encode()
            mode = path.stat().st_mode
            is_inside = path.resolve().is_relative_to(root)
        except UnicodeEncodeError:
            left_out[repr(os.fsencode(name))] = "its name is no text"
            continue
        except (OSError, RuntimeError):
            left_out[name] = "it cannot be looked at, or is a link that leads nowhere"
            continue
        if not is_inside:
            left_out[name] = "it is a link that leads out of the folder"
        elif stat.S_ISREG(mode):
            files.append(path)
        elif stat.S_ISDIR(mode):
            folders.append(path)
        else:
            left_out[name] = "it is a pipe, a socket or a device"
    return Entries(tuple(files), tuple(folders), left_out, len(names) <= MOST_ENTRIES)


def split_of(path: Path) -> str | None:
    """Returns the split that a name tells, e.g. ``train-00000-of-00001.parquet``; ``None`` if it tells none or two."""
    words = set(re.split(r"[^a-z]+", path.stem.lower() if path.suffix else path.name.lower()))
    told = [split for split, names in _ROLES.items() if words & set(names)]
    return told[0] if len(told) == 1 else None


def candidates(root: Path, findings: Findings) -> list[Candidate]:
    """Returns what may be the data of a study, the likeliest first; tells what was left out and why."""
    found: list[Candidate] = []
    for place in _PLACES:
        folder = root / place
        if place and not (folder.is_dir() and not folder.is_symlink()):
            continue
        entries = entries_of(folder, root)
        for name, why in entries.left_out.items():
            findings.leave_open(
                f"whether {_shown(name)} belongs to the study", why, "Name it yourself, if it does, or copy it here"
            )
        if not entries.is_whole:
            findings.leave_open(
                f"all that is in {folder.name}",
                f"it has more than {MOST_ENTRIES:,} entries, of which no more were looked at",
                "Check train, validation and test in [data]",
            )
        found += [*_tables(entries), *_pictures(entries, folder, root)]
    return sorted(found, key=lambda one: (not one.is_named, -len(one.splits)))


def _tables(entries: Entries) -> Iterator[Candidate]:
    for data_format in dict.fromkeys(FORMATS.values()):
        files = [path for path in entries.files if format_of_file(path) == data_format]
        # The data are larger than what is written about them.
        files.sort(key=lambda path: (-path.stat().st_size, path.name))
        yield from _candidate(data_format, files)


def _pictures(entries: Entries, folder: Path, root: Path) -> Iterator[Candidate]:
    usual = [path for path in entries.folders if path.name.lower() not in _OTHER_FOLDERS]
    sorted_by_class = [path for path in usual if any(holds_pictures(one) for one in entries_of(path, root).folders)]
    yield from _candidate("image_folder", sorted_by_class)
    classes = [path for path in usual if holds_pictures(path) and split_of(path) is None]
    if len(classes) > 1:
        yield Candidate("image_folder", {"train": folder}, is_named=False)


def format_of_file(path: Path) -> str | None:
    """Returns the format of a file by its ending; a text file counts as a table where its name is that of a split."""
    if path.suffix.lower() == ".txt":
        return "csv" if split_of(path) is not None else None
    return FORMATS.get(path.suffix.lower())


def _candidate(data_format: str, paths: list[Path]) -> Iterator[Candidate]:
    """Yields what of the paths is the data, if there is any: training data by their name, else what has none."""
    by_split: dict[str | None, list[Path]] = {}
    for path in paths:
        by_split.setdefault(split_of(path), []).append(path)
    training = by_split.get("train") or by_split.get(None)
    if training:
        splits = {"train": training[0]}
        splits |= {split: by_split[split][0] for split in ("validation", "test") if split in by_split}
        rivals = tuple(other for split in ("train", "validation", "test") for other in by_split.get(split, [])[1:])
        if "train" not in by_split:
            rivals = tuple(training[1:]) + rivals
        yield Candidate(data_format, splits, rivals, is_named="train" in by_split)


def holds_pictures(folder: Path) -> bool:
    """Says whether there is a file in a folder that is a picture by its ending."""
    try:
        with os.scandir(folder) as found:
            return any(
                Path(entry.name).suffix.lower() in PICTURES and not entry.name.startswith(".")
                for entry in itertools.islice(found, MOST_ENTRIES)
            )
    except OSError:
        return False


def _shown(name: str) -> str:
    return ascii(name)[:80]
