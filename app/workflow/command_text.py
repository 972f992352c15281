"""The shell command that does what a job does, so that what was clicked can be scripted.

Lists of class names are written with commas. A name that a list could not tell apart, since it has a comma, a quote or
an equals sign in it or begins with a space, stands in double quotes, with a quote inside it doubled.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import RefusedInput

_ITEM = re.compile(r'\s*"((?:[^"]|"")*)"([^,]*)(?:,|\Z)|([^,]*)(?:,|\Z)')
_UNSAFE = re.compile(r"[^\w.-]+")
_IN_QUOTES = re.compile(r'[",=]|^\s|\s$|^$')


def command_text(command: str, study: Path, options: Mapping[str, Any], store: Path | None = None) -> str:
    """Returns the command that does what a job of these options does.

    Args:
        command: a name of ``app.workflow.commands.COMMANDS``.
        study: the study file, or its folder.
        options: of the job; ``None`` values are left out, as are switches that are off.
        store: root of the store, where it is not the one that the command finds by itself.
    """
    # A path that begins with a dash would be an option.
    path = f"./{study}" if str(study).startswith("-") else str(study)
    words = ["python", "-m", "app", command, path]
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append(f"--{name}")
        if value is not True:
            words.append(_written(value))
    if store is not None:
        words += ["--cache", str(store)]
    return shlex.join(words)


def listed_classes(text: str) -> tuple[str, ...]:
    """Returns the classes of a list that was given on the command line.

    Raises:
        RefusedInput: if something stands between a quoted name and the next comma.
    """
    classes = []
    for quoted, rest in _items(text):
        if quoted is None and not rest:
            continue
        if quoted is not None and rest:
            raise RefusedInput(
                f"in the list of classes '{rest}' follows the name in quotes '{quoted}'",
                'names with commas between them, such as cat,"a, b"',
                "Put a comma behind the quotes, or leave them out",
            )
        classes.append(rest if quoted is None else quoted)
    return tuple(classes)


def share_by_class(text: str) -> float | dict[str, float]:
    """Returns what ``--slack`` says: one share for all classes, or one a class; nothing named: no class has any.

    Raises:
        RefusedInput: if a share is no number.
    """
    try:
        return float(text)
    except ValueError:
        pass
    shares = {}
    for quoted, rest in _items(text):
        if quoted is None and not rest:
            continue
        name, equals, share = rest.rpartition("=")
        try:
            shares[(name.strip() if quoted is None else quoted)] = float(share if equals else "")
        except ValueError:
            raise RefusedInput(
                f"--slack has '{quoted or ''}{rest}'",
                "one share from 0 to 1 for all classes, or one a class: cat=0.1,dog=0",
                "Give each class its share",
            ) from None
    return shares


def file_name(name: str) -> str:
    """Returns a study's name as part of the name of a file."""
    return _UNSAFE.sub("-", name).strip("-.") or "study"


def _items(text: str) -> Iterable[tuple[str | None, str]]:
    """Yields the items of a list: what stood in quotes, or ``None``, and the text outside of them."""
    place = 0
    while place < len(text):
        found = _ITEM.match(text, place)
        assert found is not None, "the second form takes anything"
        quoted, behind, plain = found.groups()
        yield (None, plain.strip()) if quoted is None else (quoted.replace('""', '"'), behind.strip())
        place = found.end()


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{_name(name)}={float(share)!r}" for name, share in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(_name(one) for one in value)
    return str(value)


def _name(name: object) -> str:
    text = str(name)
    return '"' + text.replace('"', '""') + '"' if _IN_QUOTES.search(text) else text
