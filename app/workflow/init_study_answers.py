"""What a look at a folder tells, as answers of the form of a new study."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from app.workflow.init_study_findings import Findings
from app.workflow.new_study import PATHS, Answers, formats
from engine.architecture_names import transformers_folder
from engine.text_settings import ENCODER

_TABLES = ("data", "data.transform", "model", "training")
_TOLD_OTHERWISE = ("data.header", "data.features.kind", "model.architecture")
_NAMES = frozenset(field.name for field in fields(Answers))


def answers_of(findings: Findings, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns the fields of the form that are told, and the keys for which it has none.

    Args:
        findings: of a look at the folder.
        folder: that the study file is to lie in.
    """
    told: dict[str, Any] = {"folder": str(folder)} | _of_texts(findings, folder)
    without: list[str] = []
    for one in findings.inferred:
        table, _, name = one.key.rpartition(".")
        if one.key in _TOLD_OTHERWISE:
            continue
        if name == "validation" and isinstance(one.value, float):
            told["fraction"] = one.value
        elif name not in _NAMES or table not in ("", *_TABLES) or not _is_offered(name, one.value):
            without.append(one.key)
        else:
            told[name] = _as_field(name, one.value, folder)
    # The format tells it where the study file need not.
    told.setdefault("modality", "tabular" if told.get("format") == "csv" else "image")
    return told, tuple(without)


def _of_texts(findings: Findings, folder: Path) -> dict[str, Any]:
    """Returns the fields for texts that are told in another form than in the study file."""
    told: dict[str, Any] = {}
    header, kind = findings.get("data.header"), findings.get("data.features.kind")
    if header is not None:
        told["header"] = header or [findings.get("data.input"), findings.get("data.label")]
    if kind is not None:
        told["features"] = ENCODER.removesuffix(":") if kind.startswith(ENCODER) else kind
    if kind is not None and kind.startswith(ENCODER):
        told["encoder"] = str(folder / kind.removeprefix(ENCODER))
    architecture = findings.get("model.architecture")
    transformer = None if architecture is None else transformers_folder(architecture)
    if transformer is not None:
        told |= {"features": "none", "transformer": str(folder / transformer)}
    elif architecture is not None:
        told["architecture"] = architecture
    return told


def _is_offered(name: str, value: Any) -> bool:
    return name != "format" or value in formats()


def _as_field(name: str, value: Any, folder: Path) -> Any:
    """Returns a value as its field has it: paths in full, numbers of a list with commas, columns as a list."""
    if name in PATHS:
        return str(folder / value)
    if name == "input":
        return [value] if isinstance(value, str) else list(value)
    if name in ("mean", "std", "hidden"):
        return ", ".join(map(str, value))
    return value
