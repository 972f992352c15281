"""The end of a run: it is stored only if the files that its key covers are still those that it began with."""

from collections.abc import Callable
from typing import Any

from cache.run_folder import RunFolder
from engine.errors import RefusedInput


def finish_unchanged(
    folder: RunFolder, manifest: dict[str, Any], key: str, key_now: Callable[[], str], problem: str
) -> None:
    """Finishes a run, or removes its parts where data or checkpoint changed: they are not what its key says.

    Args:
        folder: of the run, locked.
        manifest: what ``run.json`` is to say.
        key: that hashes the files as they were at the beginning: of the run, or of the influence run it starts from.
        key_now: returns the same for the files as they are.
        problem: what is refused then, e.g. ``"the data changed during the climb"``.

    Raises:
        RefusedInput: if the files changed.
    """
    if key_now() != key:
        folder.discard()
        raise RefusedInput(
            problem,
            "files that stay as they are until the end",
            "Start again when they are in place",
        )
    folder.finish(manifest)
