"""One thing that ``doctor`` has looked at."""

from typing import Any

Check = dict[str, Any]
"""``name``, ``ok``, and ``message``, which says what to do where not ok."""


def check(name: str, ok: bool, message: str) -> Check:
    """Returns what was found of one thing."""
    return {"name": name, "ok": ok, "message": message}
