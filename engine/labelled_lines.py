"""Lines of a text and its label, often written by hand: with the delimiter in a text, and quotes that mean nothing.

Without torch, since a folder is looked at by it before anything is loaded.
"""

import csv
import io
from collections.abc import Iterable


def labelled_lines(content: str, delimiter: str) -> list[tuple[str, str]]:
    """Returns text and label of each line; since a label holds no delimiter, the last one of a line is what counts.

    Quotes are obeyed unless that would join lines that have a label each: then they are letters like others.

    Args:
        content: of the file.
        delimiter: between text and label.

    Raises:
        ValueError: if a line has no delimiter; the message names it.
    """
    try:
        quoted = _rows(content, delimiter, csv.QUOTE_MINIMAL)
    except ValueError:
        if '"' not in content:
            raise
        return _rows(content, delimiter, csv.QUOTE_NONE)
    if joins_lines(quoted, delimiter):
        try:
            return _rows(content, delimiter, csv.QUOTE_NONE)
        except ValueError:
            return quoted
    return quoted


def joins_lines(rows: Iterable[tuple[str, str]], delimiter: str) -> bool:
    """Says whether a text holds what are lines of their own: a quote that opens a line then swallowed them."""
    held = list(rows)
    labels = {label for _, label in held}
    return any(
        line.rpartition(delimiter)[2] in labels
        for text, _ in held
        if "\n" in text
        for line in text.splitlines()[:-1]
        if delimiter in line
    )


def _rows(content: str, delimiter: str, quoting: int) -> list[tuple[str, str]]:
    lines = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    rows = []
    try:
        for row in filter(None, lines):
            if len(row) < 2:
                raise ValueError(f"line {lines.line_num} has no '{delimiter}' before a label")
            rows.append((delimiter.join(row[:-1]), row[-1]))
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: {error}") from None
    return rows
