"""Tables of texts: which column is the text, and how it becomes numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

from app.workflow.init_study_columns import Column
from app.workflow.init_study_files import entries_of
from app.workflow.init_study_findings import Findings
from engine.errors import RefusedInput
from engine.text_folder import CONFIG, checked_folder
from engine.text_settings import TFIDF

_NAMES = ("text", "sentence", "content", "document", "review", "body", "message", "description")


def text_column(columns: Sequence[Column], label: Column) -> tuple[Column, tuple[Column, ...]] | None:
    """Returns the column of texts and others that could be it; ``None`` where no column holds sentences."""
    prose = [column for column in columns if column.is_prose and column.name != label.name]
    prose.sort(key=lambda one: (_rank(one), -one.words))
    return (prose[0], tuple(prose[1:])) if prose else None


def tell_text(root: Path, text: Column, rivals: Sequence[Column], others: Sequence[Column], findings: Findings) -> None:
    """Tells how texts are read and become numbers.

    Args:
        root: the folder, where a transformer may lie.
        text: the column of texts.
        rivals: that could be it as well.
        others: columns that are neither text nor label.
        findings: that are added to.
    """
    findings.infer("data.modality", "text", f"{text.name!a} holds sentences: {text.words:.0f} words on average")
    findings.infer("data.input", text.name, "the column of sentences")
    findings.infer("data.features.kind", TFIDF, "weighted counts of words, for which no other model is needed")
    if rivals:
        findings.leave_open(
            "which column is the text",
            f"{', '.join(ascii(one.name) for one in rivals)} could be it as well as {text.name!a}",
            "Check input in [data]; a study reads one column of text, so several are to be joined in the file",
        )
    unused = [one.name for one in others if one not in rivals and not one.is_index]
    if unused:
        findings.leave_open(
            f"how to use {', '.join(map(ascii, unused[:5]))}",
            "of a table with texts the text alone is read",
            "Nothing is to be done if the model was trained on the texts",
        )
    for name in _transformers(root):
        findings.leave_open(
            f"whether {name} is the model",
            "it holds a transformer, which was not tried",
            f'Write kind = "encoder:{name}" in [data.features] to train a head on it, or remove [data.features] and '
            f'write architecture = "transformers:{name}" to analyse the transformer itself',
        )


def _rank(column: Column) -> int:
    name = column.name.strip().lower()
    return _NAMES.index(name) if name in _NAMES else len(_NAMES)


def _transformers(root: Path) -> list[str]:
    found = []
    for folder in (root, *entries_of(root, root).folders):
        if not (folder / CONFIG).is_file():
            continue
        try:
            checked_folder(folder, needs_weights=False)
        except (RefusedInput, json.JSONDecodeError, OSError):
            continue
        found.append(folder.relative_to(root).as_posix())
    return found
