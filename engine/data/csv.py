"""Tables in CSV: one header line, one sample a line, numeric inputs."""

from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from torch import Tensor

from engine.data.locations import file_bytes
from engine.data.reader import RawLabels, RowsDone, numbered_sources
from engine.data.table import check_columns, label_values, numeric_inputs
from engine.errors import RefusedInput
from engine.study import Data


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
        hint = None
        if len(present) == 1 and data.delimiter is None:
            hint = "Name the delimiter in [data] if the columns are not divided by commas"
        named = (data.input,) if isinstance(data.input, str) else data.input
        check_columns((data.label, *(named or ())), present, self.file, hint)
        self.input_names = named or tuple(name for name in present if name != data.label)
        check_columns(self.input_names, present, self.file)

    @cached_property
    def _table(self) -> pa.Table:
        content = file_bytes(self._path, self.file)
        self._check_text(content)
        try:
            return pyarrow.csv.read_csv(
                pa.BufferReader(content),
                parse_options=pyarrow.csv.ParseOptions(delimiter=self._data.delimiter or ",", newlines_in_values=True),
            )
        except ValueError as error:
            raise RefusedInput(
                f"{self.file} is not a table: {str(error).splitlines()[0].rstrip('.')}",
                "a header line and as many values in every line",
                "Mend the line that is named, or the delimiter in [data]",
            ) from None

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

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the file and the row, counted from 0 after the header."""
        return numbered_sources(self.file, rows)
