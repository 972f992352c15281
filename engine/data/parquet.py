"""Parquet files: pictures in a struct ``{bytes, path}`` or a binary column, texts, or numeric columns.

Class names come with the file, in its metadata: a key ``class_names``, comma separated,
or the class-label feature in the key ``huggingface``.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types
from torch import Tensor

from engine.data.memory import refuse_beyond_memory
from engine.data.pictures import decoded_pictures
from engine.data.reader import Pictures, RawLabels, RowsDone, numbered_sources
from engine.data.table import check_columns, label_values, numeric_inputs
from engine.data.texts import check_text_column, text_values
from engine.errors import RefusedInput
from engine.study import Data
from engine.text_settings import DEFAULT_COLUMN

_NUMBER_BYTES = 8


class ParquetReader:
    """Reads one Parquet file, row group by row group.

    Args:
        path: an existing file.
        data: the study's ``[data]``.

    Raises:
        RefusedInput: if the file is not Parquet, or lacks a named column or a picture column.
    """

    def __init__(self, path: Path, data: Data) -> None:
        self.file = path.name
        self._path, self._data = path, data
        self._parquet: pq.ParquetFile = self._guarded(lambda: pq.ParquetFile(path))
        self._schema: pa.Schema = self._guarded(lambda: _readable(self._parquet.schema_arrow))
        named = (data.input,) if isinstance(data.input, str) else data.input
        named = named or (DEFAULT_COLUMN,) if data.modality == "text" else named
        check_columns((data.label, *(named or ())), self._schema.names, self.file)
        self.input_names: tuple[str, ...] = named or self._input_columns()
        check_columns(self.input_names, self._schema.names, self.file)
        if data.modality == "text":
            check_text_column(self._schema.field(self.input_names[0]).type, self.input_names[0], self.file)
        if data.modality == "image" and not _holds_pictures(self._schema.field(self.input_names[0]).type):
            kind = self._schema.field(self.input_names[0]).type
            raise RefusedInput(
                f"{self.file}: column '{self.input_names[0]}' is of the type {kind}",
                "pictures as a struct {bytes, path} or as bytes",
                "Mend input in [data], or set modality = 'tabular' for columns of numbers",
            )

    def _input_columns(self) -> tuple[str, ...]:
        rest = [name for name in self._schema.names if name != self._data.label]
        if self._data.modality == "tabular":
            return tuple(rest)
        pictures = [name for name in rest if _holds_pictures(self._schema.field(name).type)]
        if len(pictures) != 1:
            raise RefusedInput(
                f"{self.file} has {len(pictures)} columns of pictures and [data] input names none",
                f"the name of one column, of {', '.join(rest)}",
                "Add input to [data]",
            )
        return tuple(pictures)

    def labels(self) -> RawLabels:
        """Returns the label column and the file's own class names."""
        refuse_beyond_memory(self._parquet.metadata.num_rows * _NUMBER_BYTES, self.file)
        table = self._guarded(lambda: self._parquet.read(columns=[self._data.label]))
        return RawLabels(label_values(table.column(0), self.file), self._class_names())

    def inputs(self, rows: np.ndarray, done: RowsDone) -> Tensor:
        """Returns the inputs of ``rows``; row groups without one are not read."""
        if self._data.modality == "image":
            return self.pictures(rows, done).pixels
        refuse_beyond_memory(len(rows) * len(self.input_names) * _NUMBER_BYTES, self.file)
        table = pa.concat_tables(part for _, part in self._parts(rows))
        inputs = numeric_inputs(table, self.input_names, rows, self.file)
        done(len(rows))
        return inputs

    def pictures(self, rows: np.ndarray, done: RowsDone) -> Pictures:
        """Returns the pictures of ``rows`` with the sizes that they had; row groups without one are not read."""
        return decoded_pictures(self._contents(rows), self._data.transform.resize, done)

    def texts(self, rows: np.ndarray, done: RowsDone) -> tuple[str, ...]:
        """Returns the texts of ``rows``; row groups without one are not read."""
        found: list[str] = []
        for numbers, part in self._parts(rows):
            found += text_values(part.column(0), numbers, self.input_names[0], self.file)
            done(len(numbers))
        return tuple(found)

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the file and the row, counted from 0."""
        return numbered_sources(self.file, rows)

    def _contents(self, rows: np.ndarray) -> Iterator[tuple[str, bytes | None]]:
        for numbers, part in self._parts(rows):
            column = part.column(0)
            if types.is_struct(column.type):
                column = pa.chunked_array(
                    [chunk.field("bytes") for chunk in column.chunks], type=column.type.field("bytes").type
                )
            yield from zip(numbered_sources(self.file, numbers), (value.as_py() for value in column), strict=True)

    def _parts(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, pa.Table]]:
        """Yields the chosen row numbers of a row group and these rows."""
        start = 0
        for group in range(self._parquet.num_row_groups):
            end = start + self._parquet.metadata.row_group(group).num_rows
            numbers = rows[(rows >= start) & (rows < end)]
            if len(numbers):
                yield numbers, self._read_group(group).take(numbers - start)
            start = end

    def _read_group(self, group: int) -> pa.Table:
        self._guarded(lambda: self._refuse_large(group))
        return self._guarded(lambda: _plain(self._parquet.read_row_group(group, columns=list(self.input_names))))

    def _refuse_large(self, group: int) -> None:
        """Refuses a row group whose columns are said to unpack to more than memory."""
        told = self._parquet.metadata.row_group(group)
        chunks = (told.column(place) for place in range(told.num_columns))
        # A column of structs has a chunk for each of its fields.
        starts = tuple(f"{name}." for name in self.input_names)
        size = sum(chunk.total_uncompressed_size for chunk in chunks if f"{chunk.path_in_schema}.".startswith(starts))
        refuse_beyond_memory(max(size, told.num_rows), f"row group {group} of {self.file}")

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except RefusedInput:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise RefusedInput(
                f"{self.file} cannot be read: {str(error).splitlines()[0].rstrip('.')}",
                "a whole Parquet file",
                "Write the file again",
            ) from None

    def _class_names(self) -> tuple[str, ...] | None:
        metadata: dict[bytes, bytes] = self._schema.metadata or {}
        try:
            if b"class_names" in metadata:
                return tuple(name.strip() for name in metadata[b"class_names"].decode().split(","))
            features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
            names = features.get(self._data.label, {}).get("names")
        # Metadata that cannot be read says nothing: the labels themselves still do.
        except (UnicodeDecodeError, json.JSONDecodeError, AttributeError):
            return None
        return tuple(map(str, names)) if isinstance(names, list) else None


def _readable(schema: pa.Schema) -> pa.Schema:
    """Returns a schema of which every name is text; raises UnicodeDecodeError where one is not."""
    for field in schema:
        str(field)
    return schema


def _holds_pictures(kind: pa.DataType) -> bool:
    if types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_pictures(kind.field("bytes").type)
    return types.is_binary(kind) or types.is_large_binary(kind)


def _plain(table: pa.Table) -> pa.Table:
    """Returns a table whose texts are of the usual type: rows of views cannot be chosen."""
    views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return table.cast(pa.schema([field.with_type(views.get(field.type, field.type)) for field in table.schema]))
