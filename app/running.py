"""From a command's arguments to its printed result: the same way for every command."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import typer

from app.serving import SAMPLES
from app.terminal import describe, refuse, terminal_progress
from app.workflow.options import RAY
from cache.store import Store, default_store_root
from engine.cluster_address import check_address
from engine.errors import Cancelled, RefusedInput
from engine.study import load_study

REFUSED = 2
CANCELLED = 130


def store_root(cache: Path | None) -> Path:
    """Returns the store's folder; it is made only when something is kept there."""
    root = (cache or default_store_root()).resolve()
    if root.exists() and not root.is_dir():
        raise RefusedInput(f"the store {root} is a file", "a folder, or a name that is free", "Give another one")
    return root


def opened_store(cache: Path | None) -> Store:
    """Returns the store of a command, with the shipped samples beside it."""
    return Store(store_root(cache), SAMPLES)


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turns refusals and stops into one message and the exit status that scripts expect."""
    try:
        yield
    except RefusedInput as refusal:
        refuse(str(refusal))
        raise typer.Exit(REFUSED) from None
    except (Cancelled, KeyboardInterrupt):
        refuse("Stopped. What was finished is kept; the same command goes on from there.")
        raise typer.Exit(CANCELLED) from None


def run_command(
    command: str, path: Path, as_json: bool, cache: Path | None, options: dict[str, Any], ray: str | None = None
) -> None:
    """Runs one use-case from study file to printed result.

    Args:
        command: its name.
        path: the study file, or its folder.
        as_json: whether one JSON object is printed.
        cache: the store that was asked for, if one was.
        options: of the command.
        ray: address of the cluster that does the work; ``None`` for this machine.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with refusals_told():
        study = load_study(path)
        store = opened_store(cache)
        if ray is not None:
            check_address(ray)
            options = {**options, RAY: ray}
        # torch is loaded only now: a refused study file is answered at once.
        from app.workflow.commands import COMMANDS
        from cache import ingest_if_free

        # A model that the user's own code builds may print, which must not come between our lines.
        with redirect_stdout(sys.stderr), terminal_progress() as progress:
            result = COMMANDS[command](study, store, options, progress)
        store.register_study(path / "study.toml" if path.is_dir() else path)
        try:
            ingest_if_free(store)
        except RefusedInput as refusal:
            refuse(f"The result is kept, but the dashboard's cache could not take it in: {refusal}")
    print_result(command, result, as_json)


def print_result(command: str, result: dict[str, Any], as_json: bool) -> None:
    """Prints a result: as one JSON object, or in words."""
    if as_json:
        # Whole or not at all: a value that JSON lacks must not leave half an object.
        sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")
    else:
        describe(command, result)
