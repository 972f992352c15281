"""What a data file holds by its head: names and kinds of its columns, and which is likely what.

Without torch and without reading the data, since a form asks at every change. The
readers of :mod:`engine.data` look at all of it later, and have the last word.
"""

import csv
import io
import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy

from engine.errors import RefusedInput, first_line
from engine.npz_errors import BROKEN_HEADER

LABEL_NAMES = ("label", "labels", "target", "class", "category", "y", "fine_label", "species", "outcome")
"""What columns of labels are mostly called, the likeliest first."""
TEXT_NAMES = ("text", "sentence", "document", "review", "content", "comment")
"""What columns of texts are mostly called, the likeliest first."""
READ_HERE = ("csv", "image_folder")
"""Formats whose heads are looked at without a library: others are for a process that may die of them."""
_HEAD = 1 << 16
_DELIMITERS = ",;\t|"
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".npz": "npz", ".parquet": "parquet"}
_PICTURE_AXES = (3, 4)


@dataclass(frozen=True)
class Columns:
    """What is in a data file.

    Attributes:
        names: of its columns or arrays; of a folder of pictures, the classes.
        label: the likeliest column of labels; ``None`` where the format needs none or nothing looks like one.
        input: the likeliest column of inputs; ``None`` for all the rest.
        modality: ``image``, ``tabular``, or ``text`` where a column is called as texts mostly are.
        delimiter: of a CSV file, where it is not a comma.
    """

    names: tuple[str, ...]
    label: str | None
    input: str | None
    modality: Literal["image", "tabular", "text"]
    delimiter: str | None = None

    @classmethod
    def told(cls, fields: Mapping[str, Any]) -> Self:
        """Returns the columns that :func:`dataclasses.asdict` told, also where they went through JSON."""
        return cls(**{**fields, "names": tuple(fields["names"])})


def format_of(path: Path) -> str | None:
    """Returns the format that a path's ending tells; a folder counts as one of pictures."""
    return "image_folder" if path.is_dir() else _SUFFIXES.get(path.suffix.lower())


def columns_of(path: Path, data_format: str, delimiter: str | None = None) -> Columns:
    """Looks at the head of a data file.

    Args:
        path: a file, or for ``image_folder`` a folder.
        data_format: as the study file names it.
        delimiter: of a CSV file; ``None``: the likeliest.

    Raises:
        RefusedInput: if it is not of the format, empty, or may not be read.
    """
    try:
        return _columns_of(path, data_format, delimiter)
    except OSError as error:
        raise RefusedInput(
            f"{path.name} cannot be looked at: {error.strerror or first_line(error)}",
            "data that may be read",
            "Check the path and its permissions",
        ) from error


def _columns_of(path: Path, data_format: str, delimiter: str | None) -> Columns:
    found = path.stat()
    is_folder = stat.S_ISDIR(found.st_mode)
    if is_folder != (data_format == "image_folder"):
        raise RefusedInput(
            f"{path.name} is {'a folder' if is_folder else 'a file'}",
            "a folder of pictures" if data_format == "image_folder" else f"a {data_format} file",
            "Choose the format that it has, or another path",
        )
    if is_folder:
        return _of_folder(path)
    if found.st_size == 0:
        raise RefusedInput(f"{path.name} is an empty file", f"a {data_format} file with samples", "Write it again")
    if data_format == "csv":
        return _of_csv(path, delimiter)
    return _of_npz(path) if data_format == "npz" else _of_parquet(path)


def _of_folder(path: Path) -> Columns:
    names = sorted(folder.name for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if not names:
        raise RefusedInput(
            f"{path.name} has no folder in it", "one folder of pictures a class", "Sort the pictures into such folders"
        )
    return Columns(tuple(names), None, None, "image")


def _of_csv(path: Path, delimiter: str | None) -> Columns:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    try:
        # The head may end in the middle of a letter, which says nothing about the file.
        text = head.decode("utf-8", errors="strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise RefusedInput(f"{path.name} is no text in UTF-8", "a CSV file in UTF-8", "Save the file as UTF-8")
    header = re.split(r"\r\n?|\n", text.removeprefix("\ufeff"), maxsplit=1)[0]
    found = delimiter or max(_DELIMITERS, key=header.count)
    try:
        names = tuple(next(csv.reader(io.StringIO(header), delimiter=found), []))
    except csv.Error as error:
        raise RefusedInput(f"{path.name} has no header: {error}", "a line of column names", "Mend the file") from None
    label = _label(names) or (names[-1] if len(names) > 1 else None)
    other = found if found != "," else None
    column, row = _named([name for name in names if name != label], TEXT_NAMES), _first_row(text, found)
    if column is not None and len(row) == len(names) and not _is_number(row[names.index(column)]):
        return Columns(names, label, column, "text", other)
    return Columns(names, label, None, "tabular", other)


def _first_row(head: str, delimiter: str) -> list[str]:
    """Returns the values of the first sample; none where there is none, or where they cannot be told apart."""
    rows = csv.reader(io.StringIO(head, newline=None), delimiter=delimiter)
    try:
        next(rows, None)
        return next(rows, [])
    except csv.Error:
        return []


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return not value.strip()
    return True


def _of_parquet(path: Path) -> Columns:
    try:
        schema = pq.read_schema(path, memory_map=False)
        names = tuple(schema.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RefusedInput(
            f"{path.name} cannot be read: {first_line(error).rstrip('.')}",
            "a whole Parquet file",
            "Write the file again",
        ) from None
    pictures = [field.name for field in schema if holds_pictures(field.type)]
    label = _label([name for name in names if name not in pictures])
    if pictures:
        return Columns(names, label, pictures[0], "image")
    text = _named([field.name for field in schema if _holds_texts(field.type) and field.name != label], TEXT_NAMES)
    if text is not None:
        return Columns(names, label, text, "text")
    return Columns(names, label or (names[-1] if len(names) > 1 else None), None, "tabular")


def _holds_texts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def holds_pictures(kind: pa.DataType) -> bool:
    """Says whether a Parquet column holds pictures: bytes, or a struct of them and a path."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and holds_pictures(kind.field("bytes").type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _of_npz(path: Path) -> Columns:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                member.removesuffix(".npy"): _array_head(archive, member)
                for member in archive.namelist()
                if member.endswith(".npy")
            }
    except BROKEN_HEADER as error:
        raise RefusedInput(
            f"{path.name} cannot be read: {first_line(error)}", "a file written by numpy.savez", "Write the file again"
        ) from None
    rows = [name for name, (shape, _) in arrays.items() if len(shape) == 1]
    inputs = [name for name, (shape, _) in arrays.items() if len(shape) > 1]
    pictures = [name for name in inputs if len(arrays[name][0]) in _PICTURE_AXES and arrays[name][1] == "uint8"]
    chosen = next(iter(pictures or inputs), None)
    label = _label(rows) or next(iter(rows), None)
    return Columns(tuple(arrays), label, chosen, "image" if pictures else "tabular")


def _array_head(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], str]:
    """Returns shape and type of an array by its header, of which no more is unpacked than a proper one has."""
    with archive.open(member) as packed:
        stream = io.BytesIO(packed.read(_HEAD))
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, kind = read(stream)
    return shape, str(kind)


def _label(names: list[str] | tuple[str, ...]) -> str | None:
    return _named(names, LABEL_NAMES)


def _named(names: list[str] | tuple[str, ...], likely: tuple[str, ...]) -> str | None:
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in likely if name in lower), None)
