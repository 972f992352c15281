"""Tables in CSV: one sample a line, numeric inputs or one column of texts; mostly with a header line.

Files of ``text;label`` lines are often written by hand, with the delimiter in a text and nothing quoted. Since a
label holds none, the last delimiter of such a line is the one that counts.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from torch import Tensor

from engine.data.locations import file_bytes
from engine.data.reader import RawLabels, RowsDone, numbered_sources
from engine.data.table import check_columns, label_values, numeric_inputs
from engine.data.texts import check_text_column, text_values
from engine.errors import RefusedInput
from engine.labelled_lines import joins_lines, labelled_lines
from engine.study import Data
from engine.text_settings import DEFAULT_COLUMN


class CsvReader:
    """Reads one CSV file.

    Args:
        path: an existing file.
        data: the study's ``[data]``.

    Raises:
        RefusedInput: if the file is not a table in UTF-8 or lacks a named column.
    """

    def __init__(self, path: Path, data: Data) -> None:
        self.file = path.name
        self._path, self._data = path, data
        present = self._table.column_names
        hint = self._no_header(present)
        if len(present) == 1 and data.delimiter is None:
            hint = "Name the delimiter in [data] if the columns are not divided by commas"
        named = (data.input,) if isinstance(data.input, str) else data.input
        named = (self._text_column,) if data.modality == "text" else named
        check_columns((data.label, *(named or ())), present, self.file, hint)
        self.input_names = named or tuple(name for name in present if name != data.label)
        check_columns(self.input_names, present, self.file)
        if data.modality == "text":
            check_text_column(self._table.schema.field(self._text_column).type, self._text_column, self.file)

    @property
    def _text_column(self) -> str:
        return self._data.input if isinstance(self._data.input, str) else DEFAULT_COLUMN

    @property
    def _given_names(self) -> list[str] | None:
        """The columns' names where the file does not begin with them."""
        header = self._data.header
        if isinstance(header, tuple):
            return list(header)
        return [self._text_column, self._data.label] if header is False else None

    def _no_header(self, present: list[str]) -> str | None:
        if self._data.modality != "text" or self._given_names or self._text_column in present:
            return None
        return "Set header = false in [data] if the file begins with a text and its label, or name the column as input"

    @cached_property
    def _table(self) -> pa.Table:
        content = file_bytes(self._path, self.file)
        self._check_text(content)
        is_text, delimiter = self._data.modality == "text", self._data.delimiter or ","
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(content),
                pyarrow.csv.ReadOptions(
                    column_names=self._given_names,
                    # A text may be longer than a block, which pyarrow would not read.
                    block_size=min(max(len(content), 1 << 20), 2**31 - 1) if is_text else None,
                ),
                pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                pyarrow.csv.ConvertOptions(column_types={self._text_column: pa.string()} if is_text else None),
            )
            return self._unjoined(table, content, delimiter) if is_text and b'"' in content else table
        except ValueError as error:
            lines = self._with_last_delimiters(content, delimiter) if is_text else None
            if lines is not None:
                return lines
            if self._given_names is None and content.strip() and b"\n" not in content.strip():
                raise RefusedInput(
                    f"{self.file} has no samples, only a line of column names",
                    "a line for each sample below it",
                    "Write the file again",
                ) from None
            raise RefusedInput(
                f"{self.file} is not a table: {str(error).splitlines()[0].rstrip('.')}",
                "a header line and as many values in every line",
                "Mend the line that is named, or the delimiter in [data]",
            ) from None

    def _with_last_delimiters(self, content: bytes, delimiter: str) -> pa.Table | None:
        """Returns the table of ``text;label`` lines some of whose texts hold the delimiter; None if it is none."""
        try:
            rows = labelled_lines(content.decode("utf-8-sig"), delimiter)
        except ValueError:
            return None
        names = self._given_names or list(rows.pop(0))
        if names != [self._text_column, self._data.label]:
            return None
        texts, labels = (pa.array([row[place] for row in rows], pa.string()) for place in range(2))
        return pa.table({names[0]: texts, names[1]: _numbers(labels)})

    def _unjoined(self, table: pa.Table, content: bytes, delimiter: str) -> pa.Table:
        """Returns a table as it is, or read anew where a quote that means nothing has joined its lines."""
        if table.column_names != [self._text_column, self._data.label]:
            return table
        texts, labels = (table.column(place).to_pylist() for place in range(2))
        if not joins_lines(zip(map(str, texts), map(str, labels), strict=True), delimiter):
            return table
        return self._with_last_delimiters(content, delimiter) or table

    def _check_text(self, content: bytes) -> None:
        broken = content.find(b"\0")
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            broken = error.start if broken < 0 else min(broken, error.start)
        if broken >= 0:
            line = content.count(b"\n", 0, broken) + 1
            raise RefusedInput(
                f"{self.file}: line {line} has a byte that is no text in UTF-8",
                "a CSV file in UTF-8",
                "Save the file as UTF-8",
            )

    def labels(self) -> RawLabels:
        """Returns the label column."""
        return RawLabels(label_values(self._table.column(self._data.label), self.file))

    def inputs(self, rows: np.ndarray, done: RowsDone) -> Tensor:
        """Returns the numeric input columns of ``rows``, ``(n, D)`` float32."""
        inputs = numeric_inputs(self._table.take(rows), self.input_names, rows, self.file)
        done(len(rows))
        return inputs

    def texts(self, rows: np.ndarray, done: RowsDone) -> tuple[str, ...]:
        """Returns the texts of ``rows``."""
        texts = text_values(self._table.column(self._text_column).take(rows), rows, self._text_column, self.file)
        done(len(rows))
        return texts

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the file and the row, counted from 0 after the header."""
        return numbered_sources(self.file, rows)


def _numbers(labels: pa.Array) -> pa.Array:
    """Returns labels as whole numbers if all of them are, as the reader of well-formed files does."""
    try:
        return labels.cast(pa.int64())
    except pa.ArrowInvalid:
        return labels
