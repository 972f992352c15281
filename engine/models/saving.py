"""How checkpoints are written: whole or not at all."""

from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from engine.whole_files import write_whole


def save_checkpoint(model: nn.Module, path: Path) -> None:
    """Writes the parameters and buffers of a model, whole or not at all."""
    save_tensors(model.state_dict(), path)


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes named tensors as safetensors, whole or not at all; the folder is made where missing.

    Args:
        tensors: by name.
        path: of the file.
        metadata: words that are kept with them.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, save(plain, metadata))
