"""Tables of texts: which column is the text, and how it becomes numbers."""

from collections.abc import Sequence

from app.workflow.init_study_columns import Column
from app.workflow.init_study_findings import Findings
from engine.text_settings import TFIDF

_NAMES = ("text", "sentence", "content", "document", "review", "body", "message", "description")


def text_column(columns: Sequence[Column], label: Column) -> tuple[Column, tuple[Column, ...]] | None:
    """Returns the column of texts and others that could be it; ``None`` where no column holds sentences.

    A column that is called as texts mostly are may hold anything that is no number.
    """
    rest = [column for column in columns if column.kind == "text" and column.name != label.name]
    prose = [column for column in rest if column.is_prose or (_rank(column) < len(_NAMES) and column.distinct > 2)]
    prose.sort(key=lambda one: (_rank(one), -one.words))
    return (prose[0], tuple(prose[1:])) if prose else None


def tell_text(text: Column, rivals: Sequence[Column], others: Sequence[Column], findings: Findings) -> None:
    """Tells how texts are read and become numbers.

    Args:
        text: the column of texts.
        rivals: that could be it as well.
        others: columns that are neither text nor label.
        findings: that are added to.
    """
    findings.infer("data.modality", "text", f"{text.name!a} holds texts: {text.words:.0f} words on average")
    findings.infer("data.input", text.name, "the column of texts")
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


def _rank(column: Column) -> int:
    name = column.name.strip().lower()
    return _NAMES.index(name) if name in _NAMES else len(_NAMES)
