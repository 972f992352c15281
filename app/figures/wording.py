"""How figures put names and numbers into words: escaped, signed, with their unit."""

import html
import math
from collections.abc import Sequence

LONGEST_LABEL = 24
MINUS = "−"


def escaped(name: object) -> str:
    """Returns a name that Plotly draws as it is, for it reads a subset of HTML."""
    return html.escape(str(name), quote=False)


def label(name: object, longest: int = LONGEST_LABEL) -> str:
    """Returns a name for an axis: escaped, and cut with an ellipsis past ``longest`` characters."""
    text = str(name)
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return escaped(text)


def number(value: float, digits: int = 1) -> str:
    """Returns a number with a true minus sign, without a negative zero."""
    text = f"{value:,.{digits}f}"
    if text.startswith("-"):
        text = MINUS + text[1:] if text.strip("-0.,") else text[1:]
    return text


def signed(value: float, unit: str = "%", digits: int = 1) -> str:
    """Returns a change with its sign and unit: ``"+3.1%"``, ``"−0.4 points"``, ``"0.0%"``; NaN is ``"not known"``."""
    if math.isnan(value):
        return "not known"
    text = number(value, digits)
    sign = "+" if value > 0 and text.strip("0.,") else ""
    return f"{sign}{text}{unit}"


def per_cent(share: float, digits: int = 1) -> str:
    """Returns a share from 0 to 1 as per cent, e.g. ``"51.0%"``."""
    return f"{number(100 * share, digits)}%"


def listed(names: Sequence[object], most: int = 3) -> str:
    """Returns names as an enumeration: ``"cat, dog and bird"``, ``"cat, dog, bird and 4 more"``."""
    words = [label(name) for name in names[:most]]
    if len(names) > most:
        words.append(f"{len(names) - most} more")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(count: int, one: str, many: str) -> str:
    """Returns a count with its noun: ``"1 class"``, ``"1,234 samples"``."""
    return f"{count:,} {one if count == 1 else many}"


def size_in_words(size: int) -> str:
    """Returns a number of bytes as a reader says it: ``"5.2 MB"``, ``"340 kB"``, ``"1.2 GB"``."""
    if size >= 1e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3)):,} kB"
