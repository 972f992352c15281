"""Columns of an Arrow table as labels or as numeric inputs; shared by all tabular readers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import types
from torch import Tensor

from engine.classes import did_you_mean, listed
from engine.errors import RefusedInput


def check_columns(wanted: Sequence[str], present: Sequence[str], file: str, hint: str | None = None) -> None:
    """Checks that every wanted column (or array) is in the file, once.

    Args:
        wanted: names from the study.
        present: names in the file.
        file: for the message.
        hint: a remedy that is likelier than a slip of the pen.

    Raises:
        RefusedInput: naming the first that is missing, what there is, and the nearest.
    """
    for name in wanted:
        if name not in present:
            remedy = hint or did_you_mean(name, present) or "Mend input and label in [data]"
            raise RefusedInput(f"{file} has no '{name}'", f"one of {listed(present)}", remedy)
        if list(present).count(name) > 1:
            raise RefusedInput(f"{file} has '{name}' more than once", "names that differ", "Rename one of them")


def label_values(column: pa.ChunkedArray | pa.Array, file: str) -> np.ndarray:
    """Returns labels ``(N,)`` as int64 or strings.

    Raises:
        RefusedInput: if one is missing, or if they are neither whole numbers nor text.
    """
    if not len(column):
        # An empty column has whatever type its file happens to give it.
        return np.arange(0)
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count:
        raise _missing_label(file, int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]))
    if types.is_string(column.type) or types.is_large_string(column.type) or types.is_string_view(column.type):
        values = np.array(text_list(column, file), dtype=np.str_)
        if not np.all(values != ""):
            raise _missing_label(file, int(np.flatnonzero(values == "")[0]))
        return values
    if not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type)):
        raise RefusedInput(
            f"{file} has labels of the type {column.type}", "text or whole numbers", "Store the labels as such"
        )
    numbers = np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy())
    # Whole numbers above 2^53 cannot be told apart as floats, and no study has as many classes.
    usable = np.isfinite(numbers) & (np.abs(numbers.astype(np.float64)) < 2.0**53)
    usable[usable] &= numbers[usable] == np.floor(numbers[usable].astype(np.float64))
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise RefusedInput(
            f"{file}: row {row} has the label {numbers[row]}",
            "a class: text or a whole number",
            "Check [data] label, or mend the row",
        )
    return numbers.astype(np.int64)


def text_list(column: pa.ChunkedArray | pa.Array, file: str) -> list[Any]:
    """Returns the values of a column, mostly of text.

    Raises:
        RefusedInput: if what is said to be text is none.
    """
    try:
        texts: list[Any] = column.to_pylist()
    except UnicodeDecodeError as error:
        raise RefusedInput(
            f"{file} has bytes that are no text: {error}", "text in UTF-8", "Write the file again"
        ) from None
    return texts


def numeric_inputs(table: pa.Table, columns: Sequence[str], rows: np.ndarray, file: str) -> Tensor:
    """Returns numeric columns as inputs ``(n, D)`` float32.

    Args:
        table: the n chosen rows.
        columns: the D names, in order.
        rows: ``(n,)``, the number of each row in the file, for the messages.
        file: for the messages.

    Raises:
        RefusedInput: if a column holds no numbers, or a value is missing or not finite.
    """
    inputs = np.empty((len(rows), len(columns)), dtype=np.float32)
    for place, name in enumerate(columns):
        kind = table.schema.field(name).type
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)):
            values = text_list(table.column(name), file)
            example = next((value for value in values if value is not None and not _is_number(value)), None)
            raise RefusedInput(
                f"{file}: column '{name}' holds no numbers but e.g. {str(example)[:40]!r}",
                "numeric input columns",
                "List the numeric columns as input in [data], or mend the values",
            )
        # Values beyond float32 become infinite here and are refused below, by row and column.
        with np.errstate(over="ignore"):
            inputs[:, place] = table.column(name).cast(pa.float64(), safe=False).to_numpy()
    check_finite(inputs, rows, columns, file)
    return torch.from_numpy(inputs)


def check_finite(inputs: np.ndarray, rows: np.ndarray, columns: Sequence[str], file: str) -> None:
    """Checks that inputs ``(n, D)`` are all finite.

    Raises:
        RefusedInput: naming the first row and column where one is not.
    """
    broken = np.argwhere(~np.isfinite(inputs))
    if len(broken):
        row, place = broken[0]
        raise RefusedInput(
            f"{file}: row {rows[row]} has no finite number in '{columns[place]}'",
            "a finite float32 number in every row",
            "Fill the gap or take the row out",
        )


def _missing_label(file: str, row: int) -> RefusedInput:
    return RefusedInput(f"{file}: row {row} has no label", "a label in every row", "Fill the gap or take the row out")


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
