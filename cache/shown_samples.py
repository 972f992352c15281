"""The training samples of an influence run as pages show them: kept in a folder, of which a page reads what it shows.

Reading the files of a study means to decode what may come from anywhere, and takes from seconds to minutes; so another
process does it, once, and writes plain arrays. They are neither parsed nor mapped: whatever happens to a file here, it
costs a wrong pixel or a refusal, and not the server.

A folder holds ``inputs.bin`` and, where pictures had other sizes, ``sizes.bin``; or ``texts.bin``, with ``offsets.bin``
and ``lengths.bin``, for texts; and ``about.json``, which tells their shapes. Nothing in it is a result: it is
made anew where it is missing or damaged.
"""

import json
import math
import os
import shutil
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import RefusedInput, first_line
from engine.whole_files import PARTIAL, whole_file

_ABOUT = "about.json"
_TYPES = {"inputs": ("uint8", "float32"), "sizes": ("int32",), "offsets": ("int64",), "lengths": ("int32",)}
_AXES = {"image": 4, "tabular": 2}


class StoredRows:
    """An array ``(N, ...)`` in a file, of which rows are read when they are asked for.

    Args:
        path: of the file: the array's bytes and nothing else.
        shape: of the array.
        dtype: of the array.

    Raises:
        ValueError: if the file is of another size.
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path, shape: Sequence[int], dtype: str) -> None:
        self.shape, self.dtype = tuple(int(side) for side in shape), np.dtype(dtype)
        self._row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        # Held open as long as anybody has these rows: what is deleted meanwhile can be shown to its end.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        if min(self.shape) < 0 or os.fstat(self._descriptor).st_size != self.shape[0] * self._row_bytes:
            raise ValueError(f"{path.name} is not of the size that was written")

    def __len__(self) -> int:
        """Returns N."""
        return self.shape[0]

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Returns one row, shape ``(...)``.

        Raises:
            IndexError: if there is no such row.
            RefusedInput: if the file can no longer be read.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        return np.frombuffer(self.bytes(index * self._row_bytes, self._row_bytes), self.dtype).reshape(self.shape[1:])

    def whole(self) -> NDArray[Any]:
        """Returns all rows.

        Raises:
            RefusedInput: if the file can no longer be read.
        """
        return np.frombuffer(self.bytes(0, len(self) * self._row_bytes), self.dtype).reshape(self.shape)

    def bytes(self, start: int, count: int) -> bytes:
        """Returns some bytes of the file.

        Raises:
            RefusedInput: if they can no longer be read.
        """
        try:
            found = os.pread(self._descriptor, count, start)
        except OSError as error:
            raise _unreadable(first_line(error)) from error
        if len(found) != count:
            raise _unreadable("the file ends before")
        return found


@dataclass(frozen=True, eq=False)
class StoredTexts:
    """N texts in a file, one after the other in UTF-8; where each begins and the last ends, ``(N + 1,)``."""

    offsets: NDArray[np.int64]
    letters: StoredRows

    def __len__(self) -> int:
        """Returns N."""
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        """Returns one text.

        Raises:
            RefusedInput: if the file can no longer be read, or is damaged.
        """
        start, end = int(self.offsets[index]), int(self.offsets[index + 1])
        if not 0 <= start <= end <= len(self.letters):
            raise _unreadable("it is damaged")
        return self.letters.bytes(start, end - start).decode("utf-8", "replace")


@dataclass(frozen=True, eq=False)
class ShownTexts:
    """N texts.

    Attributes:
        values: the texts, which are read when they are asked for.
        lengths: how many ``unit`` each has before anything is cut, ``(N,)`` int32.
        unit: ``tokens`` of a transformer, or the ``words`` that TF-IDF knows.
        most: how many of them the model sees at most; None: all.
    """

    values: Sequence[str] | StoredTexts
    lengths: NDArray[np.int32]
    unit: str
    most: int | None

    def __len__(self) -> int:
        """Returns N."""
        return len(self.values)

    def __getitem__(self, index: int) -> str:
        """Returns one text."""
        return self.values[int(index)]


@dataclass(frozen=True, eq=False)
class ShownSamples:
    """N training samples in their order.

    Attributes:
        inputs: pictures ``(N, C, H, W)`` uint8 or table rows ``(N, D)`` float32; of texts nothing.
        sizes: width and height of each picture in its file, ``(N, 2)`` int32; None where all are as they were.
        texts: the texts, where they are that.
        columns: what the values of a table row are called.
    """

    inputs: NDArray[Any] | StoredRows
    sizes: NDArray[np.int32] | None = None
    texts: ShownTexts | None = None
    columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Returns N."""
        return len(self.inputs if self.texts is None else self.texts)

    @classmethod
    def of_texts(cls, texts: ShownTexts) -> Self:
        """Returns samples that are texts."""
        return cls(np.empty((0, 0), np.float32), texts=texts)

    @property
    def bytes(self) -> int:
        """How much of the disk they take."""
        return sum(values.nbytes for values in self._arrays.values())

    def write(self, folder: Path) -> None:
        """Writes the samples to a folder, whole or not at all; one that is there is replaced.

        Raises:
            OSError: if the disk is full or may not be written to.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{folder.name}")
        about = {
            "columns": self.columns,
            "arrays": {name: [values.shape, str(values.dtype)] for name, values in self._arrays.items()},
            "texts": self.texts and {"unit": self.texts.unit, "most": self.texts.most},
        }
        try:
            partial.mkdir()
            for name, values in self._arrays.items():
                with whole_file(partial / f"{name}.bin") as path, path.open("wb") as file:
                    file.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
            with whole_file(partial / _ABOUT) as path:
                path.write_text(json.dumps(about), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        if self.texts is None:
            sizes = {} if self.sizes is None else {"sizes": self.sizes.astype(np.int32, copy=False)}
            return {"inputs": np.asarray(self.inputs), **sizes}
        # A lone surrogate, which a text may have come with, is no letter of UTF-8.
        texts = [self.texts[index].encode("utf-8", "replace") for index in range(len(self.texts))]
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
        return {
            "texts": np.frombuffer(b"".join(texts), np.uint8),
            "offsets": offsets.astype(np.int64),
            "lengths": self.texts.lengths.astype(np.int32, copy=False),
        }

    @classmethod
    def opened(cls, folder: Path, modality: str, samples: int) -> Self | None:
        """Returns what a folder holds, or ``None`` where it is missing, damaged or not of these samples.

        Args:
            folder: that was written.
            modality: ``image``, ``tabular`` or ``text``, as the study says.
            samples: how many training samples the run has.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            found = cls._texts(folder, about) if modality == "text" else cls._inputs(folder, modality, about)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
            return None
        return found if len(found) == samples else None

    @classmethod
    def _inputs(cls, folder: Path, modality: str, about: Mapping[str, Any]) -> Self:
        inputs, columns = _stored(folder, about, "inputs"), tuple(map(str, about["columns"]))
        is_picture = inputs.dtype == np.uint8
        if len(inputs.shape) != _AXES[modality] or is_picture != (modality == "image"):
            raise ValueError("inputs of another kind")
        if modality == "tabular" and len(columns) != inputs.shape[1]:
            raise ValueError("columns without a name")
        sizes = _whole(folder, about, "sizes") if "sizes" in about["arrays"] else None
        if sizes is not None and sizes.shape != (len(inputs), 2):
            raise ValueError("pictures without a size")
        return cls(inputs, sizes, columns=columns)

    @classmethod
    def _texts(cls, folder: Path, about: Mapping[str, Any]) -> Self:
        offsets, lengths = _whole(folder, about, "offsets"), _whole(folder, about, "lengths")
        if offsets.shape != (len(lengths) + 1,) or lengths.ndim != 1:
            raise ValueError("texts without a length")
        letters = StoredRows(folder / "texts.bin", about["arrays"]["texts"][0], "uint8")
        told = about["texts"]
        texts = ShownTexts(
            StoredTexts(offsets, letters), lengths, str(told["unit"]), told["most"] and int(told["most"])
        )
        return cls.of_texts(texts)


def _stored(folder: Path, about: Mapping[str, Any], name: str) -> StoredRows:
    shape, dtype = about["arrays"][name]
    if dtype not in _TYPES[name]:
        raise ValueError(f"{name} of another type")
    return StoredRows(folder / f"{name}.bin", shape, dtype)


def _whole(folder: Path, about: Mapping[str, Any], name: str) -> NDArray[Any]:
    return _stored(folder, about, name).whole()


def _unreadable(reason: str) -> RefusedInput:
    return RefusedInput(
        f"samples that were kept for pages cannot be read: {reason}",
        "files of the store that nobody changes",
        "Delete the folder 'shown' of the store: they are read again",
    )
