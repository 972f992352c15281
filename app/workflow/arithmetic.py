"""What a run is computed in: a stopped one goes on from its parts only in the same arithmetic."""

from typing import Any

from cache.run_folder import RunFolder

ARITHMETIC = "arithmetic.json"
"""Part that says in what the others are computed."""


def computed_in(folder: RunFolder, arithmetic: dict[str, Any]) -> bool:
    """Whether the parts of a run were computed in this arithmetic."""
    return ARITHMETIC in folder.parts and folder.read_json(ARITHMETIC) == arithmetic


def keep_parts_of(folder: RunFolder, arithmetic: dict[str, Any]) -> None:
    """Drops what a stopped run left if it was computed otherwise: on a GPU, say, and this goes on without one."""
    if folder.parts and not computed_in(folder, arithmetic):
        folder.discard()
    folder.write_json(ARITHMETIC, arithmetic)
