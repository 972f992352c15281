"""Which of the known names a user means: classes by name or number, and the nearest name to a wrong one."""

import difflib
from collections.abc import Iterable, Sequence

from engine.errors import RefusedInput

_SHOWN = 12


def class_indices(targets: Sequence[str | int], class_names: Sequence[str]) -> tuple[int, ...]:
    """Returns the class indices that are meant, in the order given, each once.

    A string is a name first and a number second, so a class that is called ``"7"``
    is found by its name; an integer is always an index.

    Args:
        targets: names, indices, or indices written as strings.
        class_names: the K names, in class order.

    Raises:
        RefusedInput: if a target is no class; the nearest name is told.
    """
    return tuple(dict.fromkeys(_class_index(target, list(class_names)) for target in targets))


def _class_index(target: str | int, class_names: list[str]) -> int:
    if isinstance(target, str):
        # A name that begins with a space is found as it is.
        name = target if target in class_names else target.strip()
        if name in class_names:
            return class_names.index(name)
        number = int(name) if name.isascii() and name.isdecimal() else None
    else:
        number = None if isinstance(target, bool) else target
    if number is not None and 0 <= number < len(class_names):
        return number
    raise RefusedInput(
        f"{target!r} is no class of this study",
        f"one of {listed(class_names)}, or an index from 0 to {len(class_names) - 1}",
        did_you_mean(str(target), class_names) or "Name a class of the study",
    )


def names_in_order(order: Sequence[str], names: Sequence[str]) -> tuple[str, ...] | None:
    """Returns names in the order in which somebody else has the same ones; None where these are others.

    Capital letters make no other name: many a model calls ``POSITIVE`` what its data call ``positive``.
    """
    by_word = {name.casefold(): name for name in names} | {name: name for name in names}
    found = tuple(by_word.get(one) or by_word.get(one.casefold(), "") for one in order)
    return found if sorted(found) == sorted(names) else None


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """Returns a remedy that offers the choice nearest to ``word``, or None when none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.5)
    return f"Write '{by_lower[close[0]]}' if that is what was meant" if close else None


def listed(names: Sequence[str]) -> str:
    """Returns names as one readable list, cut where it would fill the screen."""
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
