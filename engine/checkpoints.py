"""The checkpoints of a study: which there are, and which one is analysed.

Without torch, since the dashboard asks this at every page; :mod:`engine.models` loads and saves them.
"""

import re
from pathlib import Path

from engine.errors import RefusedInput
from engine.study import Study

SUFFIXES = (".safetensors", ".pt", ".pth")
"""Of the files that count as checkpoints; of two for one epoch the first of these is taken."""
HISTORY = "history.json"
"""The record of the training, beside its checkpoints."""

_EPOCH = re.compile(r"(?:epoch|ep|checkpoint|ckpt)[-_. ]?(\d{1,9})(?!\d)|(?:^|[-_. ])(\d{1,9})$", re.IGNORECASE)


def checkpoint_name(epoch: int) -> str:
    """Returns the file name of the checkpoint after ``epoch`` epochs, ``epoch-007.safetensors``."""
    return f"epoch-{epoch:03d}.safetensors"


def list_checkpoints(study: Study) -> dict[int, Path]:
    """Returns the checkpoints by epoch, in ascending order.

    A single file counts as the epoch that its name tells (``epoch-012``, ``model_12``),
    else as epoch 0. In a folder, files without a number are looked at only where no
    file has one; of a ``.safetensors`` and a ``.pt`` file for one epoch the first is taken.

    Raises:
        RefusedInput: if there is none, if it may not be looked at, or if two files of one kind claim the same epoch.
    """
    path = study.checkpoints_path
    try:
        if path.is_file():
            return {epoch_of(path) or 0: path}
        files = _checkpoint_files(path)
    except OSError as error:
        raise RefusedInput(
            f"[model] checkpoints: {path.name[:80]} cannot be looked at: {error.strerror}",
            "a file or a folder that may be read",
            "Check the path and its permissions",
        ) from error
    if not files:
        raise RefusedInput(
            f"no checkpoint in {study.model.checkpoints} of study '{study.name}'",
            "a file, or a folder of epoch-NNN.safetensors or .pt state dicts",
            "Train one with `python -m app train` and the study file, or name the right place in [model] checkpoints",
        )
    numbered = [file for file in files if epoch_of(file) is not None]
    found: dict[int, Path] = {}
    for suffix in SUFFIXES:
        of_kind: dict[int, Path] = {}
        for file in numbered or files:
            epoch = epoch_of(file) or 0
            if file.suffix.lower() != suffix:
                continue
            if epoch in of_kind:
                raise RefusedInput(
                    f"{of_kind[epoch].name} and {file.name} in {study.model.checkpoints} both count as epoch {epoch}",
                    "one checkpoint for each epoch",
                    "Rename or remove one, or name a single file in [model] checkpoints",
                )
            of_kind[epoch] = file
        found = of_kind | found
    return dict(sorted(found.items()))


def chosen_checkpoint(study: Study) -> tuple[int, Path]:
    """Returns epoch and file of the checkpoint to analyse: ``[model] epoch``, else the last.

    Raises:
        RefusedInput: if there is no checkpoint, or none of that epoch.
    """
    found = list_checkpoints(study)
    epoch = max(found) if study.model.epoch is None else study.model.epoch
    return epoch, checkpoint_of(study, epoch)


def checkpoint_of(study: Study, epoch: int) -> Path:
    """Returns the file of the checkpoint after ``epoch`` epochs.

    Raises:
        RefusedInput: if there is none of that epoch; the message lists those there are.
    """
    found = list_checkpoints(study)
    if epoch not in found:
        epochs = list(found)
        shown = ", ".join(str(number) for number in epochs[:20]) + (f", ... {epochs[-1]}" if len(epochs) > 20 else "")
        raise RefusedInput(
            f"study '{study.name}' has no checkpoint of epoch {epoch}",
            f"one of {shown}",
            "Change [model] epoch or leave it out for the last",
        )
    return found[epoch]


def optimizer_path(checkpoint: Path) -> Path:
    """Returns where the momentum that belongs to a checkpoint of ours is stored."""
    return checkpoint.parent / "optimizer" / f"{checkpoint.stem}.safetensors"


def _checkpoint_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
    )


def epoch_of(file: Path) -> int | None:
    """Returns the epoch that a file's name tells, ``None`` if it tells none."""
    match = _EPOCH.search(file.stem)
    return int(match[1] or match[2]) if match else None
