"""Selections that were given a name: one small file each in the store, which lasts longer than the cache.

A slice says which run, which pair of classes and which shape; the vectors of a run never
change, so these are the same samples for ever. Nothing here opens DuckDB.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cache.shapes import Shape
from cache.store import Store
from engine.errors import RefusedInput, first_line
from engine.whole_files import write_whole

LONGEST_NAME = 60
_ID = re.compile(r"[0-9a-f]{16}")


class Slice(BaseModel):
    """A named selection.

    Attributes:
        name: as it was given.
        run: key of the influence run.
        a: class of the x axis, an index.
        b: class of the y axis.
        region: the shape, as text; see :class:`cache.shapes.Shape`.
        created: when, in ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    run: str
    a: Annotated[int, Field(ge=0)]
    b: Annotated[int, Field(ge=0)]
    region: str
    created: str = ""

    @property
    def id(self) -> str:
        """A hash of what it says; when it was made is no part of it."""
        content = json.dumps([self.name, self.run, self.a, self.b, self.region])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def save_slice(store: Store, name: str, run: str, pair: tuple[int, int], shape: Shape) -> Slice:
    """Keeps a selection under a name; twice is once.

    Args:
        store: where slices are kept.
        name: that no other slice of the run has.
        run: key of the influence run.
        pair: the classes of the x and the y axis.
        shape: what was drawn.

    Raises:
        RefusedInput: if the name is empty, too long or taken, or the disk cannot be written.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise RefusedInput(
            f"the name of the slice has {len(name)} characters", f"1 to {LONGEST_NAME}", "Choose another name"
        )
    made = Slice(
        name=name, run=run, a=pair[0], b=pair[1], region=shape.text, created=datetime.now(UTC).isoformat("T", "seconds")
    )
    kept, _ = list_slices(store, run)
    if any(other.name == name and other.id != made.id for other in kept):
        raise RefusedInput(
            f"a slice of this run is called '{name}' already", "a name of its own", "Choose another, or delete that one"
        )
    try:
        write_whole(_path(store, made.id), made.model_dump_json(indent=1).encode())
    except OSError as error:
        raise RefusedInput(
            f"the slice cannot be written ({first_line(error)})", "some room on its disk", "Free some space"
        ) from error
    return made


def read_slice(store: Store, id: str) -> Slice:
    """Returns one slice.

    Raises:
        RefusedInput: if there is none, or its file is damaged; the file is named.
    """
    path = _path(store, id)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RefusedInput(f"there is no slice '{id}'", "one of those that were saved", "Choose one of them") from None
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    try:
        read = Slice.model_validate_json(text)
        Shape.read(read.region)
    except (ValidationError, RefusedInput) as error:
        raise _damaged(path, error) from error
    if read.id != id:
        raise _damaged(path, ValueError("its contents are not those that it was saved with"))
    return read


def list_slices(store: Store, run: str) -> tuple[list[Slice], list[RefusedInput]]:
    """Returns the slices of a run by name, and why others could not be read."""
    slices, refused = [], []
    for path in sorted(_folder(store).glob("*.json")):
        if not _ID.fullmatch(path.stem):
            continue
        try:
            slices.append(read_slice(store, path.stem))
        except RefusedInput as refusal:
            refused.append(refusal)
    return sorted((each for each in slices if each.run == run), key=lambda each: (each.name, each.id)), refused


def delete_slice(store: Store, id: str) -> None:
    """Removes a slice; without effect where there is none."""
    _path(store, id).unlink(missing_ok=True)


def _folder(store: Store) -> Path:
    return store.root / "slices"


def _path(store: Store, id: str) -> Path:
    if not _ID.fullmatch(id):
        raise RefusedInput(f"'{id[:60]}' is not the key of a slice", "sixteen hex digits", "Choose a saved slice")
    return _folder(store) / f"{id}.json"


def _damaged(path: Path, error: Exception) -> RefusedInput:
    return RefusedInput(
        f"{path.name} in the folder of slices is damaged ({first_line(error)})",
        "a slice as it was saved",
        "Delete the file, and draw and save the slice again",
    )
