"""The study file that a look at a folder writes: each key under the reason for it, what stays open at its head."""

import re
import textwrap
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from app.workflow.init_study_findings import Findings
from app.workflow.new_study import STUDY_FILE
from engine.errors import RefusedInput
from engine.study import load_study
from engine.whole_files import whole_file

_WIDTH = 110
_ORDER = ("data", "data.features", "data.transform", "model", "training")


def study_text(findings: Findings) -> str:
    """Returns the study file as TOML with comments; names with quotes, brackets or line breaks are read back."""
    document = tomlkit.document()
    _comment(document, "Written by `python -m app init` from what lies in this folder: above each key stands why.")
    if findings.unknown:
        _comment(document, "What could not be told, and what to do:")
    for one in findings.unknown:
        _comment(document, f"- {one.what}: {one.why}. {one.remedy}.")
    document.add(tomlkit.nl())
    tables: dict[str, Any] = {"": document}
    for name in _ORDER:
        entries = [one for one in findings.inferred if one.key.rpartition(".")[0] == name]
        if entries:
            tables[name] = tomlkit.table()
    last_why = ""
    # What belongs to no table must stand before the first.
    for told in sorted(findings.inferred, key=lambda told: "." in told.key):
        place, _, key = told.key.rpartition(".")
        if told.why != last_why:
            _comment(tables[place], told.why)
        tables[place].add(key, told.value)
        last_why = told.why
    for name in _ORDER:
        if name in tables:
            parent, _, key = name.rpartition(".")
            holder: Table = tables[parent]
            if parent == "":
                holder.add(tomlkit.nl())
            holder.add(key, tables[name])
    return tomlkit.dumps(document)


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Refuses a folder in which a study file may not be written.

    Raises:
        RefusedInput: if there is one and it may not be replaced, or if it is a link or no file.
    """
    file = folder / STUDY_FILE
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise RefusedInput(f"{file} is a link or no file", "a folder without one", "Take it away")
    if file.exists() and not overwrite:
        raise RefusedInput(
            f"there is a study file in {folder} already", "a folder without one", "Say --overwrite to replace it"
        )


def write_text(folder: Path, text: str) -> Path:
    """Writes the study file, whole or not at all; it is read as a study before it is put in place.

    Raises:
        RefusedInput: if it is no valid study, or the folder cannot be written to.
    """
    file = folder / STUDY_FILE
    try:
        with whole_file(file) as temporary:
            temporary.write_text(text, encoding="utf-8")
            load_study(temporary)
    except OSError as error:
        raise RefusedInput(
            f"{file} cannot be written: {error.strerror}", "a folder that may be written to", "Change its permissions"
        ) from error
    return file


def _comment(holder: Any, text: str) -> None:
    # What names of files and columns bring along must not end a comment.
    plain = re.sub(r"[^\S ]|[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", " ", text)
    for line in textwrap.wrap(plain, _WIDTH, break_long_words=False, break_on_hyphens=False):
        holder.add(tomlkit.comment(line))
