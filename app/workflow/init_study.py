"""``init``: from a folder with data, and perhaps a trained model, to a study file with the reason for each key."""

from pathlib import Path
from typing import Any

from app.workflow.catalogue import has_checkpoint
from app.workflow.init_study_data import find_data
from app.workflow.init_study_file import refuse_existing, study_text, write_text
from app.workflow.init_study_findings import Findings
from app.workflow.init_study_transformer import find_transformer, is_analysed
from engine.errors import RefusedInput
from engine.study import load_study

_LONGEST_NAME = 200


def look_at_folder(folder: Path) -> Findings:
    """Looks at a folder; nothing is written, and no code in it runs.

    Args:
        folder: with data, and perhaps checkpoints and Python files.

    Returns:
        The keys of a study file with the reason for each, and what could not be told.

    Raises:
        RefusedInput: if it is no folder, or has nothing that can be read as data.
    """
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise RefusedInput(f"there is no folder {folder}", "a folder with data", "Check the path") from None
    if not root.is_dir():
        raise RefusedInput(f"{folder} is no folder", "the folder that the data lie in", "Name its folder")
    findings = Findings()
    _tell_name(root, findings)
    data = find_data(root, findings)
    # torch is loaded only now: a folder without data is answered at once.
    from app.workflow.init_study_model import find_model
    from app.workflow.init_study_proposal import (
        propose_model,
        tell_text_model,
        tell_text_training,
        tell_training,
    )
    from app.workflow.init_study_sample import check_fit, read_sample, use_indices, use_side
    from app.workflow.init_study_trial import tell_normalisation
    from engine.training.inputs import prepared_shape

    if data.modality == "text":
        transformer = find_transformer(root, data.labels, findings)
        checkpoint = None
        if not is_analysed(transformer, findings):
            model = find_model(root, findings, transformer.folder if transformer else None)
            tell_text_model(data, model, findings)
            checkpoint = model.checkpoint
        tell_text_training(data, checkpoint, findings)
        return findings
    model = find_model(root, findings)
    if model.network is not None:
        use_indices(data, model.network, findings)
    excerpt = read_sample(root, data, findings)
    if model.network is not None and use_side(excerpt, model.network, findings):
        excerpt = read_sample(root, data, findings)
    if excerpt is None:
        if findings.get("model.architecture") is None:
            architecture = "cnn" if data.modality == "image" else "mlp"
            findings.infer(
                "model.architecture", architecture, "a proposal: the data could not be looked at more closely"
            )
        return findings
    samples = int(excerpt.counts["train"].sum())
    if findings.get("model.architecture") is None:
        propose_model(prepared_shape(excerpt.data.train, excerpt.data.transform), samples, findings)
    fits = model.network is None or check_fit(excerpt, data, model.network, findings)
    tell_training(findings, samples, model.checkpoint)
    tell_normalisation(root, excerpt, data, model, fits, findings)
    return findings


def init_study(folder: Path, overwrite: bool = False) -> dict[str, Any]:
    """Looks at a folder and writes its ``study.toml``, and nothing else.

    Args:
        folder: with the data.
        overwrite: whether a study file that is there may be replaced.

    Returns:
        ``study``: the path of the file; ``inferred``: list of ``key``, ``value`` and ``why``; ``unknown``: list of
        ``what``, ``why`` and ``remedy``; ``next``: the command to go on with, ``train``
        where there is no checkpoint yet and ``ceiling`` otherwise.

    Raises:
        RefusedInput: as :func:`look_at_folder` does; if there is a study file already; if the folder cannot be
            written to.
    """
    if folder.is_dir():
        refuse_existing(folder, overwrite)
    findings = look_at_folder(folder)
    file = write_text(folder.resolve(), study_text(findings))
    command = "ceiling" if has_checkpoint(load_study(file)) else "train"
    return {"study": str(file), **findings.told(), "next": command}


def _tell_name(root: Path, findings: Findings) -> None:
    name = root.name.encode(errors="replace").decode()[:_LONGEST_NAME].strip()
    findings.infer("name", name or "study", "the name of the folder" if name else "the folder has no name")
