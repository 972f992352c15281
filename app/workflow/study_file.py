"""Changes of a study file that a result proposes: one key, the rest of the file as the user wrote it."""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from engine.errors import RefusedInput
from engine.study import load_study
from engine.whole_files import whole_file

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def use_calibrated_damping(path: Path) -> Path:
    """Writes ``damping = "calibrated"`` into the ``[influence]`` table of a study file; comments and order stay.

    Args:
        path: the study file, or the folder that holds its ``study.toml``.

    Returns:
        The file.

    Raises:
        RefusedInput: if the file is no study, or cannot be written.
    """
    # A link stays one: what it points to is changed.
    path = (path / "study.toml" if path.is_dir() else path).resolve()
    load_study(path)
    try:
        if not os.access(path, os.W_OK) or not path.stat().st_mode & _WRITABLE:
            # A file is replaced whole, which its folder alone has to allow: whoever closed the file means it.
            raise PermissionError("it is closed to writing")
        text = path.read_bytes().decode("utf-8")
        lines = "\r\n" if text.count("\r\n") == text.count("\n") else "\n"
        document = tomlkit.parse(text.replace(lines, "\n"))
        if "influence" not in document:
            # On a line of its own, after an empty one.
            document.add(tomlkit.ws("\n" if text.endswith(lines) else "\n\n"))
            document.add("influence", tomlkit.table())
        _set(document["influence"], "damping", "calibrated")
        changed = tomlkit.dumps(document).replace("\n", lines)
        with whole_file(path) as temporary:
            temporary.write_bytes(changed.encode("utf-8"))
            shutil.copymode(path, temporary)
    except (OSError, TOMLKitError) as error:
        raise RefusedInput(
            f"{path} cannot be changed: {error}",
            "a study file that may be written",
            'Write damping = "calibrated" under [influence] by hand',
        ) from error
    return path


def _set(table: Any, key: str, value: str) -> None:
    """Sets a key behind those that are there; empty lines and comments at a table's end belong to what follows it."""
    body = table.value.body if isinstance(table, Table) and key not in table else []
    keys = next((place for place in range(len(body), 0, -1) if body[place - 1][0] is not None), 0)
    tail = body[keys:]
    del body[keys:]
    table[key] = value
    body.extend(tail)
