"""NumPy archives: one array of inputs and one of labels a file, never unpickled.

An array's header is compared with the bytes that are there before anything is
allocated, and only the chosen rows are kept while the array streams by.
"""

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import torch
from numpy.lib import format as npy
from torch import Tensor

from engine.data.memory import refuse_beyond_memory
from engine.data.reader import RawLabels, RowsDone, numbered_sources
from engine.data.table import check_columns, check_finite, label_values
from engine.errors import RefusedInput, first_line
from engine.npz_errors import BROKEN_ARCHIVE, BROKEN_HEADER
from engine.study import Data

_BLOCK_BYTES = 1 << 24
# What deflate reaches at most.
_LARGEST_RATIO = 1032
# NumPy itself trusts none of more than 10,000 characters.
_LONGEST_HEADER = 1 << 16
# By version what reads a header, and how many bytes tell its length.
_HEADERS = {(1, 0): (npy.read_array_header_1_0, 2), (2, 0): (npy.read_array_header_2_0, 4)}


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    columns_first: bool
    dtype: np.dtype
    length: int


class NpzReader:
    """Reads one ``.npz`` file: pictures ``N x H x W`` or ``N x H x W x C`` uint8, or a table ``N x D``.

    Args:
        path: an existing file.
        data: the study's ``[data]``; ``input`` and ``label`` name arrays, by default ``x`` and ``label``.

    Raises:
        RefusedInput: if the file is no archive, an array is missing, is of objects, or lies about its shape.
    """

    def __init__(self, path: Path, data: Data) -> None:
        self.file = path.name
        self._path, self._data = path, data
        if isinstance(data.input, tuple) and len(data.input) > 1:
            raise RefusedInput(
                f"[data] input names {len(data.input)} arrays", "the name of one array for format = 'npz'", "Mend input"
            )
        self.input_names = (data.input,) if isinstance(data.input, str) else data.input or ("x",)
        try:
            with zipfile.ZipFile(path) as archive:
                present = [name.removesuffix(".npy") for name in archive.namelist()]
        except BROKEN_ARCHIVE:
            raise self._unreadable("it is no NumPy archive") from None
        if any(".." in Path(name).parts or Path(name).is_absolute() for name in present):
            raise self._unreadable("a member's name leads out of the archive")
        check_columns((data.label, *self.input_names), present, self.file)
        self._present = frozenset(present)
        self._header = self._checked_header(self.input_names[0])
        self._check_kind()
        labels = self._checked_header(data.label)
        if labels.dtype.kind not in "biufU" or (labels.dtype.kind == "f" and labels.dtype.itemsize > 8):
            raise RefusedInput(
                f"{self.file}: '{data.label}' has the type {labels.dtype}",
                "labels as text or whole numbers",
                f"Convert the array, e.g. {data.label}.astype(str)",
            )
        if labels.shape != self._header.shape[:1]:
            raise RefusedInput(
                f"{self.file}: '{data.label}' has the shape {labels.shape} beside inputs {self._header.shape}",
                "one label for each input",
                "Mend the arrays",
            )

    def labels(self) -> RawLabels:
        """Returns the label array."""
        values = self._read(self._data.label)
        try:
            column = pa.array(values.astype(values.dtype.newbyteorder("=")))
        except ValueError as error:
            raise self._unreadable(f"'{self._data.label}' holds broken text ({error})") from None
        return RawLabels(label_values(column, self.file))

    def inputs(self, rows: np.ndarray, done: RowsDone) -> Tensor:
        """Returns the inputs of ``rows``, ``(n, C, H, W)`` uint8 or ``(n, D)`` float32."""
        values = self._read(self.input_names[0], rows)
        done(len(rows))
        if self._data.modality == "image":
            channels_last = values[..., None] if values.ndim == 3 else values
            return torch.from_numpy(np.ascontiguousarray(channels_last.transpose(0, 3, 1, 2)))
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        columns = [f"{self.input_names[0]}[:, {column}]" for column in range(values.shape[1])]
        check_finite(values, rows, columns, self.file)
        return torch.from_numpy(values)

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the file and the row, counted from 0."""
        return numbered_sources(self.file, rows)

    def beside(self, name: str) -> np.ndarray | None:
        """Returns an array that is neither inputs nor labels, whole; ``None`` where the file has none of this name.

        Raises:
            RefusedInput: if it is of objects, lies about its shape, or is damaged.
        """
        if name not in self._present or name in (self._data.label, *self.input_names):
            return None
        if not self._checked_header(name).shape:
            raise RefusedInput(f"{self.file}: '{name}' is a single value", "an array of values", "Write it as one")
        return self._read(name)

    def _check_kind(self) -> None:
        header, name = self._header, self.input_names[0]
        came = f"{self.file}: '{name}' has the type {header.dtype} and the shape {header.shape}"
        if self._data.modality == "image":
            layouts = len(header.shape) == 3 or (len(header.shape) == 4 and header.shape[3] in (1, 3))
            if header.dtype != np.uint8 or not layouts or 0 in header.shape[1:]:
                raise RefusedInput(
                    came,
                    "pictures N x H x W or N x H x W x C (C = 1 or 3) as uint8",
                    f"Convert the array, e.g. {name}.transpose(0, 2, 3, 1) where the channels come first, or set"
                    " modality = 'tabular' in [data] for rows of numbers",
                )
        elif len(header.shape) != 2 or header.dtype.kind not in "biuf" or 0 in header.shape[1:]:
            raise RefusedInput(
                came,
                "a table N x D of real numbers",
                f"Convert the array, or for pictures write ({name} * 255).round().astype('uint8') if they are of the"
                " scale 0 to 1, and set modality = 'image'",
            )

    def _checked_header(self, name: str) -> _Header:
        member = f"{name}.npy"
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(member) as packed:
                version = npy.read_magic(packed)
                if version not in _HEADERS:
                    raise ValueError(f"unknown version {version}")
                read, length_bytes = _HEADERS[version]
                told = packed.read(length_bytes)
                # It may say that it is gigabytes long, and NumPy would read them before it looks.
                if int.from_bytes(told, "little") > _LONGEST_HEADER:
                    raise ValueError("it is longer than any")
                stream = io.BytesIO(told + packed.read(int.from_bytes(told, "little")))
                header = _Header(*read(stream), length=npy.MAGIC_LEN + stream.tell())
                size = archive.getinfo(member).file_size
        except BROKEN_HEADER as error:
            raise self._unreadable(f"'{name}' has no proper header ({first_line(error)})") from None
        if header.dtype.hasobject:
            raise RefusedInput(
                f"{self.file}: '{name}' is an array of objects, which only running code could restore",
                "an array of numbers, or of text as labels",
                f"Save it as one, e.g. {name}.astype('uint8') or {name}.astype(str)",
            )
        held, declared = size - header.length, math.prod(header.shape) * header.dtype.itemsize
        if min(header.shape, default=0) < 0 or not header.dtype.itemsize or declared != held:
            raise self._unreadable(f"'{name}' says {header.shape} {header.dtype}, {declared} bytes, and holds {held}")
        # The archive's own word on the size is bounded by the bytes that are really there.
        if size > _LARGEST_RATIO * self._path.stat().st_size:
            raise self._unreadable(f"'{name}' says {size} bytes, more than the file can unpack to")
        return header

    def _read(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Returns the chosen rows, or all, of an array whose header was checked."""
        header = self._checked_header(name)
        count = header.shape[0] if rows is None or header.columns_first else len(rows)
        refuse_beyond_memory(count * math.prod(header.shape[1:]) * header.dtype.itemsize, self.file)
        try:
            if header.columns_first:
                with np.load(self._path, allow_pickle=False) as arrays:
                    whole: np.ndarray = arrays[name]
                return whole if rows is None else whole[rows]
            with zipfile.ZipFile(self._path) as archive, archive.open(f"{name}.npy") as stream:
                stream.read(header.length)
                return self._streamed(stream, header, np.arange(header.shape[0]) if rows is None else rows)
        except BROKEN_ARCHIVE as error:
            raise self._unreadable(f"'{name}' breaks off ({error})") from None

    def _streamed(self, stream: IO[bytes], header: _Header, rows: np.ndarray) -> np.ndarray:
        row_bytes = max(1, math.prod(header.shape[1:]) * header.dtype.itemsize)
        step = max(1, _BLOCK_BYTES // row_bytes)
        kept = np.empty((len(rows), *header.shape[1:]), dtype=header.dtype)
        for start in range(0, header.shape[0], step):
            size = min(step, header.shape[0] - start)
            block = np.frombuffer(stream.read(size * row_bytes), dtype=header.dtype).reshape(size, *header.shape[1:])
            first, last = np.searchsorted(rows, [start, start + size])
            kept[first:last] = block[rows[first:last] - start]
        return kept

    def _unreadable(self, why: str) -> RefusedInput:
        return RefusedInput(
            f"{self.file} cannot be read: {why}", "a file written by numpy.savez", "Write the file again"
        )
