"""Files in TOML that anybody may have written: read in bounds, and told in words where they cannot be."""

import re
import tomllib
from pathlib import Path
from typing import Any

from engine.errors import RefusedInput

LARGEST = 2**20
"""Bytes of a file: the settings of ten thousand columns or classes have fewer."""
_DEEPEST = 20
"""Tables and lists within each other: what walks through them later must not run out of stack."""
_LONG_KEY = re.compile(r"(?:^|[{,\[])[ \t]*(?:[^\s=.,{}\[\]]+[ \t]*\.[ \t]*){33}", re.MULTILINE)
"""A key of very many parts, for which the parser takes time with the square of their number."""


def toml_bytes(path: Path) -> bytes:
    """Returns the bytes of a study file.

    Raises:
        RefusedInput: if it is no regular file, is larger than a study file can be, or cannot be read.
    """
    try:
        # A device or a pipe would never end.
        if not path.is_file():
            raise RefusedInput(f"there is no file {path}", "a study file in TOML", "Check the path")
        # No more than that is read: pages ask for every study of the list, in the server.
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise RefusedInput(f"{path}: {error.strerror}", "a file that can be read", "Change its permissions") from error
    if len(content) > LARGEST:
        raise RefusedInput(
            f"{path} has more than {LARGEST:,} bytes", "a study file in TOML", "Name the study file, and not its data"
        )
    return content


def toml_values(path: Path) -> dict[str, Any]:
    """Returns what a study file says.

    Raises:
        RefusedInput: as :func:`toml_bytes` does; if it is not TOML, or more deeply nested than a study file can be.
    """
    content = toml_bytes(path)
    try:
        text = content.decode("utf-8")
        if _LONG_KEY.search(text):
            raise ValueError("it has a key of very many parts")
        values = tomllib.loads(text)
        _refuse_extremes(values, _DEEPEST)
    except (ValueError, RecursionError) as error:
        # ValueError: beside what is no TOML and no UTF-8, a whole number of thousands of digits.
        raise RefusedInput(f"{path} is not TOML: {error}", "a study file in TOML", "Mend what is named") from error
    return values


def _refuse_extremes(value: object, deepest: int) -> None:
    """Refuses what TOML does not promise to hold: deep nesting, and whole numbers of more than 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("it has a whole number of more than 64 bits")
    if isinstance(value, dict | list):
        if not deepest:
            raise ValueError("it has too many tables or lists within each other")
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_extremes(item, deepest - 1)
