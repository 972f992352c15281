"""The state between two epochs, as stored: weights in a checkpoint, momentum beside it."""

import hashlib
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from engine.architecture_names import SKLEARN
from engine.checkpoints import checkpoint_of, optimizer_path
from engine.data import StudyData
from engine.errors import RefusedInput
from engine.models import build_model, load_checkpoint, read_tensors, save_checkpoint, save_tensors
from engine.study import Study
from engine.training.epoch import momentum_buffers
from engine.training.inputs import prepared_shape

_BELONGS_TO = "checkpoint_sha256"


def untrained_model(study: Study, data: StudyData) -> nn.Module:
    """Returns the study's network for its data, with the initial weights of the study's seed."""
    shape = prepared_shape(data.train, data.transform)
    return build_model(study.model, shape, data.num_classes, study.seed, study.folder)


def trained_model(study: Study, data: StudyData, epoch: int) -> tuple[nn.Module, tuple[str, ...]]:
    """Returns the network after ``epoch`` epochs, on the CPU, and the notices of its loading.

    Raises:
        RefusedInput: if there is no such checkpoint or it does not fit the study.
    """
    model = untrained_model(study, data)
    checkpoint = checkpoint_of(study, epoch)
    notices = load_checkpoint(checkpoint, model)
    if study.model.architecture == SKLEARN:
        # Imported only where it is asked for: scikit-learn takes as long to import as torch.
        from engine.models.sklearn_models import SklearnModel

        fitted = SklearnModel.read(checkpoint)
        fitted.check_classes(data.class_names, checkpoint)
        notices += fitted.fit_notices(len(data.train), study.training.weight_decay, checkpoint.name)
    return model, notices


def save_state(model: nn.Module, optimizer: torch.optim.SGD, checkpoint: Path) -> None:
    """Writes the checkpoint, and the momentum that belongs to it if there is any."""
    momentum, path = momentum_buffers(model, optimizer), optimizer_path(checkpoint)
    # Old momentum goes first: a stop in between must not leave it beside a new checkpoint.
    path.unlink(missing_ok=True)
    save_checkpoint(model, checkpoint)
    if momentum:
        save_tensors(momentum, path, {_BELONGS_TO: _sha256(checkpoint)})


def stored_momentum(checkpoint: Path, model: nn.Module) -> dict[str, Tensor] | None:
    """Returns the momentum buffers stored with a checkpoint by parameter name, or None.

    Momentum that was stored with other weights under this name counts as none.

    Raises:
        RefusedInput: if the file does not hold one finite buffer for each parameter of ``model``.
    """
    path = optimizer_path(checkpoint)
    if not path.is_file():
        return None
    buffers, _ = read_tensors(path)
    with safe_open(path, framework="pt") as file:
        if (file.metadata() or {}).get(_BELONGS_TO) != _sha256(checkpoint):
            return None
    expected = {name: (parameter.shape, torch.float32) for name, parameter in model.named_parameters()}
    fits = {name: (buffer.shape, buffer.dtype) for name, buffer in buffers.items()} == expected
    if not fits or not all(bool(buffer.isfinite().all()) for buffer in buffers.values()):
        raise RefusedInput(
            f"the momentum in {path.parent.name}/{path.name} does not belong to {checkpoint.name}",
            "one finite float32 tensor for each parameter of the model",
            "Remove the file to continue without momentum",
        )
    # Copied: a mapped file may be replaced while this is still in use.
    return {name: buffer.clone() for name, buffer in buffers.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
