"""How the lines of a CSV file are divided, and whether the first one names the columns."""

import csv
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RefusedInput

_DELIMITERS = ",;\t|"
_HEAD = 1 << 18
_LINES = 200
_WORDS_OF_PROSE = 5
_WORDS_OF_SENTENCES = 3
_LONGEST_LABEL = 40


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: between its columns.
        names: of its columns; ``None`` where the first line is a sample already.
        columns: how many there are.
        last_counts: whether the last delimiter of a line alone divides it, into a text that may hold it and a label.
    """

    delimiter: str
    names: tuple[str, ...] | None
    columns: int
    last_counts: bool = False


def dialect_of(path: Path) -> Dialect:
    """Returns how a file is written: by the delimiter that divides its first lines into most columns, all as many.

    Where none does, it is one whose last place in each line stands before a label.

    Raises:
        RefusedInput: if it is no text in UTF-8, or has no line.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    try:
        # The head may end in the middle of a letter.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or not text.strip():
        raise RefusedInput(
            f"{path.name} is no text in UTF-8, or empty", "a CSV file in UTF-8", "Save the file as UTF-8"
        )
    if len(head) == _HEAD:
        # The last line may be cut.
        text = text[: text.rfind("\n") + 1] or text
    read = {delimiter: _rows(text, delimiter) for delimiter in _DELIMITERS}
    # Of delimiters that divide all lines alike the one that divides them most; else that of the first line.
    delimiter = max(
        _DELIMITERS,
        key=lambda one: (_is_even(read[one]), _ends_in_labels(read[one]), len(read[one][0]) if read[one] else 0),
    )
    rows = read[delimiter]
    if not rows:
        raise RefusedInput(f"{path.name} cannot be divided into columns", "a CSV file", "Mend the file")
    last_counts = not _is_even(rows) and _ends_in_labels(rows)
    if last_counts:
        rows = [joined(row, delimiter) for row in rows]
    first, rest = rows[0], rows[1:]
    return Dialect(delimiter, None if _is_sample(first, rest) else tuple(first), len(first), last_counts)


def joined(row: Sequence[str], delimiter: str) -> list[str]:
    """Returns a line as a text, which may hold the delimiter, and its label."""
    return [delimiter.join(row[:-1]), row[-1]]


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        lines = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
        return [row for row in itertools.islice(lines, _LINES) if row]
    except csv.Error:
        return []


def _is_even(rows: Sequence[Sequence[str]]) -> bool:
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1


def _ends_in_labels(rows: Sequence[Sequence[str]]) -> bool:
    """Says whether each line is sentences before one of a few short values, each of which comes more than once."""
    if len(rows) < 2 or any(len(row) < 2 for row in rows):
        return False
    last = [row[-1] for row in rows]
    if sum(len(" ".join(row[:-1]).split()) for row in rows) < _WORDS_OF_SENTENCES * len(rows):
        return False
    # Numbers are no sentences, however many there are.
    if all(_is_number(value) for row in rows[1:] for value in row[:-1]):
        return False
    return 2 * len(set(last)) <= len(last) and max(map(len, last)) <= _LONGEST_LABEL


def _is_sample(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Says whether the first line is like the others: numbers above numbers, a sentence above sentences, or a label."""
    for place, name in enumerate(first):
        below = [row[place] for row in rest if len(row) > place]
        if below and _is_number(name) and all(map(_is_number, below)):
            return True
        # A name does not come again below itself, and a class does.
        if name.strip() and 2 * len(set(below)) <= len(below) and name in below:
            return True
        if len(name.split()) >= _WORDS_OF_PROSE and sum(len(value.split()) for value in below) >= 3 * len(below):
            return True
    return False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
