"""Files that were sent to the server, each kept in the store under the hash of its bytes."""

import hashlib
import re
from pathlib import Path

from app.figures.wording import size_in_words
from app.workflow.disk_room import refuse_without_room
from app.workflow.store_contents import unnamed_uploads
from app.workflow.upload_folder import uploads_folder
from cache.store import Store
from engine.architecture_names import SKLEARN_SUFFIX
from engine.checkpoints import SUFFIXES
from engine.errors import RefusedInput
from engine.whole_files import write_whole

_CHECKPOINTS = (*SUFFIXES, SKLEARN_SUFFIX)
ENDINGS = (".csv", ".tsv", ".npz", ".parquet", *_CHECKPOINTS)
"""Of the files that are taken: tables, arrays and checkpoints."""
MOST_UNNAMED = 20 * 10**9
"""Bytes of all uploads together that no study names: a hundred of the largest, which are forms being filled in and what
was left of others. Without a bound whoever may upload could fill the disk."""
_LONGEST_NAME = 100
_SPLITS = (("validation", r"val|dev"), ("test", r"test"), ("train", r"train"))


def keep_upload(store: Store, name: str, content: bytes) -> Path:
    """Writes an uploaded file below the store; the same bytes under the same name are the same file.

    Args:
        store: that keeps it.
        name: as the browser tells it, of which letters, digits, dots, dashes and underscores are kept.
        content: its bytes.

    Raises:
        RefusedInput: if it is empty, of a kind that no study reads, or there is no room for it.
    """
    plain = re.sub(r"[^\w.-]+", "_", Path(name.replace("\\", "/")).name).lstrip(".")
    # In bytes, of which a letter may have four: a disk takes names of 255, and that of a half-written one is longer.
    plain = plain.encode()[-_LONGEST_NAME:].decode(errors="ignore").lstrip(".")
    if Path(plain).suffix.lower() not in ENDINGS:
        raise RefusedInput(
            f"{name[:80]!r} is of no kind that a study reads",
            f"a file that ends in {', '.join(ENDINGS)}",
            "Folders of pictures cannot be uploaded: browse for them",
        )
    if not content:
        raise RefusedInput(f"{plain} is an empty file", "a file with samples", "Write it again")
    path = uploads_folder(store).resolve() / hashlib.sha256(content).hexdigest()[:20] / plain
    if not path.is_file():
        _refuse_without_room(store, plain, len(content))
        try:
            write_whole(path, content)
        except OSError as error:
            raise RefusedInput(
                f"{plain} cannot be kept: {error.strerror}", "a store with room", "Free some space"
            ) from error
    return path


def _refuse_without_room(store: Store, name: str, size: int) -> None:
    remedy = "Leave the file where it lies and browse to it, or have room made by python -m app prune"
    unnamed = sum(upload.bytes for upload in unnamed_uploads(store))
    if unnamed + size > MOST_UNNAMED:
        raise RefusedInput(
            f"{name} is {size_in_words(size)}, and uploads that no study names take {size_in_words(unnamed)} already",
            f"no more than {size_in_words(MOST_UNNAMED)} of them together",
            remedy,
        )
    refuse_without_room(uploads_folder(store).resolve(), size, f"{name} is", remedy)


def field_of(path: Path) -> str:
    """Returns which field of the form an uploaded file is for, by its name: a split, or the checkpoints."""
    if path.suffix.lower() in _CHECKPOINTS:
        return "checkpoints"
    stem = path.stem.lower()
    return next((split for split, pattern in _SPLITS if re.search(pattern, stem)), "train")
