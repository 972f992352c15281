"""A fifth checkpoint of the small study that forgets two classes, and so is a detrimental epoch."""

from pathlib import Path

from safetensors.torch import load_file, save_file

FORGOTTEN = (0, 6)
"""Zero and six, of whose 12 validation samples epoch 4 predicts 12 and 11 right."""


def add_detrimental_epoch(study: Path) -> None:
    checkpoints = study / "checkpoints"
    tensors = load_file(checkpoints / "epoch-004.safetensors")
    tensors["3.bias"][list(FORGOTTEN)] = -1000
    save_file(tensors, checkpoints / "epoch-005.safetensors")
