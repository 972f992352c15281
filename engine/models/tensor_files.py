"""Named tensors out of a file that nobody vouches for.

The first bytes of the file, not its name, decide how it is read: safetensors, or a
state dict by ``torch.load`` with ``weights_only``, which runs no code of the file.
All else is refused before it is opened by anything that could run it. Tensors are
mapped from the file, so what a file declares costs no memory until it is copied.
"""

import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from engine.errors import RefusedInput

EXPECTED = "a state dict in a .safetensors file, or in a .pt file written by torch.save"
REMEDY = "In a program that you trust, load it and write `safetensors.torch.save_file(model.state_dict(), path)`"

_CONTAINERS = ("state_dict", "model_state_dict", "model")
# torch.save before version 1.6: a pickled magic number, then pickles and raw storages.
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read_tensors(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Returns the tensors of a file by name, on the CPU, and what to tell the user about it.

    Every tensor is dense, has its own stored value for each element, and may share
    memory with the file: copy it before the file can change.

    Raises:
        RefusedInput: if the file is missing, empty, damaged, of another kind, or holds
            more than tensors; if the environment switches torch's protection off.
    """
    if os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "0") not in ("", "0"):
        raise RefusedInput(
            "the environment sets TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD, with which a checkpoint can run code",
            "an environment without it",
            "Unset it and start again",
        )
    if not path.is_file():
        raise RefusedInput(
            f"there is no checkpoint file {path}", EXPECTED, "Check [model] checkpoints in the study file"
        )
    with path.open("rb") as file:
        start = file.read(512)
    if start[:4] == b"PK\x03\x04":
        _check_archive(path)
        stored = _torch_load(path, mapped=True)
    elif start.startswith(_LEGACY):
        stored = _torch_load(path, mapped=False)
    elif start[8:9] == b"{":
        stored = _safetensors(path)
    else:
        raise _unknown_kind(path, start)
    tensors, notices = _state_dict(stored, path)
    for name, tensor in tensors.items():
        _check_dense(name, tensor, path)
    return tensors, notices


def _check_archive(path: Path) -> None:
    """Refuses the zip archives that are no state dict, and those that unpack to more than they weigh."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RefusedInput(f"{path.name} is damaged or cut off ({error})", EXPECTED, "Copy the file again") from error
    # Names inside start with the archive's own name, which differs from file to file.
    names = {member.filename.partition("/")[2] for member in members}
    if "archive_format" in names or "models/model.json" in names or "serialized_exported_program.json" in names:
        raise RefusedInput(f"{path.name} is an exported program (.pt2), which runs code when loaded", EXPECTED, REMEDY)
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        raise RefusedInput(f"{path.name} is a TorchScript program, which runs code when loaded", EXPECTED, REMEDY)
    if any(member.filename == "schema.json" for member in members):
        raise RefusedInput(
            f"{path.name} is a model of scikit-learn (skops)",
            EXPECTED,
            "Set architecture = 'sklearn' in [model], and let the file's name end in .skops",
        )
    if "data.pkl" not in names:
        raise RefusedInput(f"{path.name} is a zip archive without a state dict", EXPECTED, REMEDY)
    packed = next((member for member in members if member.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None:
        total = sum(member.file_size for member in members)
        raise RefusedInput(
            f"{path.name} is a compressed archive of {path.stat().st_size:,} bytes that would unpack to {total:,}",
            "a .pt file as torch.save writes it, uncompressed",
            REMEDY,
        )


def _torch_load(path: Path, mapped: bool) -> object:
    if path.suffix.lower() == ".safetensors":
        raise RefusedInput(
            f"{path.name} was written by torch.save but is named .safetensors",
            "a name that tells the kind of file",
            "Rename it to .pt",
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        # A damaged file can make the reader fail in any way; none of them is a fault of ours.
        raise _translated(error, path) from error


def _translated(error: Exception, path: Path) -> RefusedInput:
    """Says what torch's refusal means, without its advice to switch the protection off."""
    found = re.search(r"GLOBAL (\w[\w.]*\.\w+)", str(error))
    if found is None:
        return RefusedInput(
            f"{path.name} is damaged or cut off ({type(error).__name__})", EXPECTED, "Copy the file again"
        )
    thing = found[1]
    if thing.startswith("numpy"):
        problem = f"{path.name} holds NumPy values ({thing}) beside its tensors"
    elif thing.startswith(("torch.nn.", "torchvision.models", "__main__.")):
        problem = f"{path.name} holds a whole module or class ({thing}), which runs code when loaded"
    else:
        problem = f"{path.name} holds more than tensors: {thing}, which could run code when loaded"
    return RefusedInput(problem, EXPECTED, REMEDY)


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no iterator
    except Exception as error:  # as above: whatever a damaged header leads to
        raise RefusedInput(
            f"{path.name} is no sound safetensors file ({error})", EXPECTED, "Copy the file again"
        ) from error


def _unknown_kind(path: Path, start: bytes) -> RefusedInput:
    text = start.lstrip().lower()
    if not start:
        return RefusedInput(f"{path.name} is empty", EXPECTED, "Copy the file again")
    if text.startswith(b"<"):
        return RefusedInput(f"{path.name} is a web page", EXPECTED, "Download the file itself instead of its page")
    if text.startswith(b"version https://git-lfs"):
        return RefusedInput(f"{path.name} only points to a file in Git LFS", EXPECTED, "Fetch it with `git lfs pull`")
    if start[:1] == b"\x80":
        return RefusedInput(f"{path.name} is a pickle, which can run code when loaded", EXPECTED, REMEDY)
    return RefusedInput(f"{path.name} is no checkpoint, or is damaged", EXPECTED, REMEDY)


def _state_dict(stored: object, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Finds the state dict where a training programme stored it beside its own records."""
    notices: tuple[str, ...] = ()
    if isinstance(stored, Mapping):
        inner = next((key for key in _CONTAINERS if isinstance(stored.get(key), Mapping)), None)
        if inner is not None:
            stored = stored[inner]
            notices = (f"{path.name}: the state dict was taken from its entry '{inner}'",)
    if not isinstance(stored, Mapping):
        raise RefusedInput(f"{path.name} holds a {type(stored).__name__} instead of a state dict", EXPECTED, REMEDY)
    for name, value in stored.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise RefusedInput(
                f"{path.name}: entry {str(name)[:80]!r} is of type {type(value).__name__} instead of a tensor",
                EXPECTED,
                REMEDY,
            )
    return dict(stored), notices


def _check_dense(name: str, tensor: Tensor, path: Path) -> None:
    dense = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if type(tensor) not in (Tensor, torch.nn.Parameter) or not dense:
        raise RefusedInput(
            f"{path.name}: tensor '{name}' is sparse, quantised or without values", "dense tensors", REMEDY
        )
    # A file of a few bytes can declare any shape by repeating one stored value.
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise RefusedInput(
            f"{path.name}: tensor '{name}' declares {tensor.numel():,} elements but stores fewer (stride 0)",
            "one stored value for each element",
            "Write it with `.contiguous()`, or as safetensors",
        )
