"""Studies that are still being filled in: the store keeps each as a file of its own, for a preview of it."""

import hashlib
from pathlib import Path
from typing import Any

from app.workflow.folder_browser import Roots
from app.workflow.new_study import STUDY_FILE, Answers, in_full, problems, study_values, toml_text, write_text
from cache.store import Store
from engine.architecture_names import FILE, TRANSFORMERS, builder_name, transformers_folder
from engine.study import Model


def drafts_folder(root: Path) -> Path:
    """Returns where a store keeps the studies of its previews; nothing is made before it is needed.

    Args:
        root: of the store.
    """
    return root / "drafts"


def of_preview(answers: Answers) -> dict[str, Any]:
    """Returns what a preview depends on: all but the name and the training. Equal answers have equal previews."""
    values = study_values(answers, None)
    return {**{name: values[name] for name in ("seed", "data", "model")}, "folder": answers.folder}


def write_draft(answers: Answers, roots: Roots, store: Store) -> Path:
    """Writes what is filled in as a study of the store's own, for a preview; the same answers are the same file.

    Raises:
        RefusedInput: if something is wrong with the answers, or the store cannot be written to.
    """
    answers = in_full(answers, roots)
    found = problems(answers, roots)
    found.pop("folder", None)
    for refusal in found.values():
        raise refusal
    values = study_values(answers, None)
    # What is relative to the study file lies elsewhere than beside this one.
    folder = roots.resolved(answers.folder or ".")
    if not answers.checkpoints:
        values["model"]["checkpoints"] = str(folder / Model.model_fields["checkpoints"].default)
    if builder := builder_name(answers.architecture):
        values["model"]["architecture"] = f"{FILE}{folder / builder.path}:{builder.function}"
    if transformer := transformers_folder(values["model"]["architecture"]):
        values["model"]["architecture"] = f"{TRANSFORMERS}{folder / transformer}"
    text = toml_text(values)
    file = drafts_folder(store.root) / hashlib.sha256(text.encode()).hexdigest()[:20] / STUDY_FILE
    if not file.is_file():
        write_text(file, text)
    return file
