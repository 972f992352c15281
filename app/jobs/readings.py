"""What a job's files say, read so that no damage to them costs more than what they said."""

import json
from pathlib import Path
from typing import Any

_LARGEST = 1e11
"""No count of steps and no time of start, which would be in the year 5138, is larger."""


def read_object(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file, an empty one where there is none that can be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # ValueError: a machine that went down can leave an empty file. RecursionError: a meddling hand.
        return {}
    return values if isinstance(values, dict) else {}


def number(value: Any) -> Any:
    """Returns a count or a time as it is, and ``None`` for what a damaged file has in its place."""
    return value if isinstance(value, int | float) and 0 <= value <= _LARGEST else None


def text(value: Any) -> str:
    """Returns text that can be shown: JSON can hold halves of letters that no page can be sent with."""
    return str(value).encode(errors="replace").decode()
