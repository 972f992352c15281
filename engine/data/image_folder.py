"""Folders of pictures: one folder a class, named like it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

from engine.data.locations import file_bytes
from engine.data.pictures import decoded_pictures
from engine.data.reader import Pictures, RawLabels, RowsDone
from engine.errors import RefusedInput
from engine.study import Data

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"))


class ImageFolderReader:
    """Reads one folder of class folders; pictures may lie deeper within a class folder.

    Names that begin with a dot and files that are no pictures by their suffix are left out.

    Args:
        path: an existing folder.
        data: the study's ``[data]``.

    Raises:
        RefusedInput: if there is no class folder, if a name is no text, or a picture is a pipe, a device or a link that
            leads out.
    """

    input_names = ("picture",)

    def __init__(self, path: Path, data: Data) -> None:
        self.file = path.name
        self._path, self._data = path, data
        self._classes = tuple(
            sorted(folder.name for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
        )
        if not self._classes:
            raise RefusedInput(
                f"{self.file} has no folder in it",
                "one folder of pictures a class",
                "Sort the pictures into folders named like the classes",
            )
        for name in self._classes:
            _refuse_unreadable(name)
        self._pictures = [(name, picture) for name in self._classes for picture in self._pictures_of(path / name)]

    def _pictures_of(self, folder: Path) -> list[Path]:
        root = self._path.resolve()
        pictures = [
            path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        ]
        for picture in pictures:
            _refuse_unreadable(self._source(picture))
            if not picture.is_file() or not picture.resolve().is_relative_to(root):
                raise RefusedInput(
                    f"{self._source(picture)} is not a file in {self.file}",
                    "pictures as regular files inside the folder",
                    "Copy the picture there or take it out",
                )
        return pictures

    def labels(self) -> RawLabels:
        """Returns the folder of each picture; opens none."""
        return RawLabels(np.array([name for name, _ in self._pictures], dtype=np.str_), self._classes)

    def inputs(self, rows: np.ndarray, done: RowsDone) -> Tensor:
        """Returns the pictures ``(n, C, H, W)`` uint8 of ``rows``."""
        return self.pictures(rows, done).pixels

    def pictures(self, rows: np.ndarray, done: RowsDone) -> Pictures:
        """Returns the pictures of ``rows`` with the sizes that they had."""
        return decoded_pictures(self._contents(rows), self._data.transform.resize, done)

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the path of each picture within the folder."""
        return tuple(self._source(self._pictures[row][1]) for row in rows)

    def _contents(self, rows: np.ndarray) -> Iterator[tuple[str, bytes]]:
        for row in rows:
            picture = self._pictures[row][1]
            source = f"{self.file}/{self._source(picture)}"
            yield source, file_bytes(picture, source)

    def _source(self, picture: Path) -> str:
        return picture.relative_to(self._path).as_posix()


def _refuse_unreadable(name: str) -> None:
    """Refuses a name of other bytes than those of a text: neither a result nor a page can hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RefusedInput(f"the name {name!a} is no text in UTF-8", "names in UTF-8", "Rename it") from None
