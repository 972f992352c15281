"""What the columns of a table hold, and which of them is the label: from its first rows, read without torch."""

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from pyarrow import types

from app.workflow.data_columns import LABEL_NAMES, holds_pictures
from app.workflow.init_study_dialect import Dialect
from engine.errors import RefusedInput, first_line
from engine.labelled_lines import labelled_lines

MOST_BYTES = 64 << 20
"""Of a CSV file that are looked at."""
MOST_ROWS = 200_000
"""Of a Parquet file that are looked at."""
_MOST_CLASSES = 1000
_ROWS_A_CLASS = 2
_INDEX_NAMES = ("", "id", "index", "idx", "row", "unnamed: 0", "__index_level_0__")
_PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_WORDS_OF_TEXT = 3.0

Kind = Literal["number", "whole", "text", "picture", "other"]


@dataclass(frozen=True)
class Column:
    """A column by its first rows.

    Attributes:
        name: as the file has it.
        kind: what its values are; ``whole`` are numbers without fractions, also true and false.
        distinct: how many values differ.
        rows: that were looked at.
        missing: rows without a value.
        words: mean number of words of a text; of a script without spaces, of half as many as it has letters.
        example: the first value, as text.
        values: those that differ, as text, where they can be classes.
    """

    name: str
    kind: Kind
    distinct: int
    rows: int
    missing: int = 0
    words: float = 0.0
    example: str = ""
    values: tuple[str, ...] = ()

    @property
    def is_index(self) -> bool:
        """Whether it only numbers the rows, by its name and since no value comes twice."""
        return self.name.strip().lower() in _INDEX_NAMES and self.kind == "whole" and self.distinct == self.rows > 2

    @property
    def is_prose(self) -> bool:
        """Whether it holds sentences rather than words for something."""
        return self.kind == "text" and self.words >= _WORDS_OF_TEXT and self.distinct * 2 > self.rows

    @property
    def names_pictures(self) -> bool:
        """Whether it holds the names of picture files."""
        return self.kind == "text" and self.example.lower().endswith(_PICTURE_ENDINGS)

    @property
    def can_be_label(self) -> bool:
        """Whether its values can be classes: text or whole numbers, of which at least two come, each more than once."""
        few = 2 <= self.distinct <= min(_MOST_CLASSES, max(2, self.rows // _ROWS_A_CLASS))
        return self.kind in ("whole", "text") and few and not self.is_prose


@dataclass(frozen=True)
class LabelChoice:
    """The label of a table.

    Attributes:
        column: that was chosen.
        why: what speaks for it.
        rivals: for which as much speaks.
    """

    column: Column
    why: str
    rivals: tuple[Column, ...] = ()


def columns_by_rows(path: Path, data_format: str, dialect: Dialect | None = None) -> list[Column]:
    """Reads the first rows of a CSV or Parquet file.

    Args:
        path: a regular file.
        data_format: ``csv`` or ``parquet``.
        dialect: how a CSV file is written; columns without names are called ``0``, ``1`` and so on.

    Raises:
        RefusedInput: if it is no table, or has no row.
    """
    try:
        table = _parquet_rows(path) if dialect is None else _csv_rows(path, dialect)
        schema = pq.read_schema(path, memory_map=False) if dialect is None else table.schema
        held = {name: table.column(name) for name in table.column_names}
        columns = [
            _column(entry.name, held[entry.name])
            if entry.name in held
            else Column(entry.name, "picture", 0, len(table))
            for entry in schema
        ]
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise RefusedInput(
            f"{path.name} is not a table: {first_line(error).rstrip('.')}", f"a {data_format} file", "Mend the file"
        ) from None
    if not len(table):
        raise RefusedInput(f"{path.name} has no rows", "a file with samples", "Write it again")
    return columns


def chosen_label(columns: Sequence[Column]) -> LabelChoice | None:
    """Returns the column that is likeliest the label, or ``None`` where none can be."""
    by_name = {name: place for place, name in enumerate(LABEL_NAMES)}
    able = [column for column in columns if column.can_be_label]
    called = sorted(
        (column for column in able if column.name.strip().lower() in by_name),
        key=lambda column: by_name[column.name.strip().lower()],
    )
    if called:
        first, *others = called
        return LabelChoice(
            first, f"labels are mostly called so, and it has {first.distinct} distinct values", (*others,)
        )
    words = [column for column in able if column.kind == "text"]
    rest = words or able
    if not rest:
        return None
    last = rest[-1]
    reason = (
        "the only column that can be classes"
        if len(able) == 1
        else "the only column of words with few distinct values"
        if len(words) == 1
        else "the last of the columns that can be classes"
    )
    # The same few numbers come in many a column: a measurement counted in whole numbers is no rival.
    return LabelChoice(last, f"{reason}: {last.distinct} distinct values in {last.rows:,} rows", tuple(rest[:-1]))


def _csv_rows(path: Path, dialect: Dialect) -> pa.Table:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        content = content[: content.rfind(b"\n") + 1]
    if b"\0" in content:
        raise ValueError("it has a byte that is no text")
    try:
        return pyarrow.csv.read_csv(
            io.BytesIO(content),
            read_options=pyarrow.csv.ReadOptions(
                column_names=None if dialect.names else [*map(str, range(dialect.columns))],
                # A text may be longer than a block, which pyarrow would not read.
                block_size=max(len(content), 1 << 20),
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        )
    except pa.ArrowInvalid:
        # What divides the first lines evenly may still stand within a later text.
        if dialect.columns != 2:
            raise
        return _text_rows(content, dialect)


def _text_rows(content: bytes, dialect: Dialect) -> pa.Table:
    """Reads lines of which the last delimiter alone counts, as the study's own reader does."""
    rows = labelled_lines(content.decode("utf-8-sig"), dialect.delimiter)
    names = dialect.names or ("0", "1")
    texts, labels = zip(*(rows[1:] if dialect.names else rows), strict=True)
    return pa.table({names[0]: texts, names[1]: labels})


def _parquet_rows(path: Path) -> pa.Table:
    """Reads the first rows of all columns but those of pictures, whose bytes would fill the memory."""
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        names = [entry.name for entry in schema if not holds_pictures(entry.type)]
        rows, batches = 0, []
        for batch in file.iter_batches(batch_size=10_000, columns=names):
            batches.append(batch)
            rows += len(batch)
            if rows >= MOST_ROWS:
                break
        fields = [schema.field(name) for name in names]
        if not names:
            raise ValueError("it has pictures and no label")
        return pa.Table.from_batches(batches, schema=pa.schema(fields)) if batches else pa.schema(fields).empty_table()


def _column(name: str, values: pa.ChunkedArray) -> Column:
    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if types.is_string_view(values.type):
        values = values.cast(pa.string())
    kind = values.type
    rows, missing = len(values), values.null_count
    try:
        distinct = pc.count_distinct(values).as_py()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return Column(name, "other", 0, rows, missing)
    present = values.drop_null()
    example = str(present[0].as_py())[:200] if len(present) else ""
    shared = tuple(map(str, pc.unique(present).to_pylist())) if distinct <= _MOST_CLASSES else ()
    if types.is_boolean(kind) or types.is_integer(kind):
        return Column(name, "whole", distinct, rows, missing, example=example, values=shared)
    if types.is_floating(kind):
        whole = len(present) and pc.all(pc.equal(present, pc.floor(present))).as_py()
        return Column(name, "whole" if whole else "number", distinct, rows, missing, example=example)
    if types.is_decimal(kind):
        return Column(name, "number", distinct, rows, missing, example=example)
    if types.is_string(kind) or types.is_large_string(kind):
        texts = list(itertools.islice((value.as_py() for value in present), 500))
        words = sum(map(_words, texts)) / max(1, len(texts))
        return Column(name, "text", distinct, rows, missing, words, example, shared)
    return Column(name, "other", distinct, rows, missing, example=example)


def _words(text: str) -> float:
    # From here on lie the scripts that divide no words: Chinese, Japanese and their kin.
    return max(len(text.split()), sum(letter >= "\u2e80" for letter in text) / 2)
