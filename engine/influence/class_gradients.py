"""Gradients of each class's mean loss, fold by fold: the rows of the one pass.

``g_fk = (1/n_fk) Σ_{v ∈ V_fk} ∇ℓ(v; θ)`` for fold f and class k. Row ``r = f K + k``. One
plain backward pass per group gives it, so the whole of V is passed through once.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.data import StudyData
from engine.influence.folds import FOLDS
from engine.progress import Progress, silent

Rows = dict[str, Tensor]
"""By module name, shape ``(R, o, i)``: R = F K rows, the bias as the last input."""


def class_gradients(
    model: nn.Module,
    data: StudyData,
    fold_of: NDArray[np.int64],
    modules: Sequence[str],
    batch_size: int,
    progress: Progress = silent,
) -> Rows:
    """Computes the class gradients of the tracked modules.

    Args:
        model: in evaluation mode, on its device.
        data: whose validation samples are V.
        fold_of: fold of each validation sample, shape ``(V,)``.
        modules: names of the tracked modules.
        batch_size: samples a backward pass.
        progress: called after every group.

    Returns:
        The rows; zero where a fold has no sample of a class.
    """
    layers = [model.get_submodule(name) for name in modules]
    parameters = [parameter for layer in layers for parameter in layer.parameters(recurse=False)]
    device = parameters[0].device
    validation, transform, total = data.validation, data.transform, FOLDS * data.num_classes
    rows = {
        name: torch.zeros(total, *_matrix_shape(layer), device=device)
        for name, layer in zip(modules, layers, strict=True)
    }
    folds_of_samples = torch.from_numpy(fold_of)
    for row in range(total):
        fold, k = divmod(row, data.num_classes)
        members = torch.nonzero((folds_of_samples == fold) & (validation.labels == k))[:, 0]
        for batch in members.split(batch_size):
            inputs = transform.prepare(validation.inputs[batch]).to(device)
            loss = functional.cross_entropy(model(inputs), validation.labels[batch].to(device), reduction="sum")
            gradients = iter(torch.autograd.grad(loss / len(members), parameters))
            for name, layer in zip(modules, layers, strict=True):
                rows[name][row] += _as_matrix(next(gradients), None if layer.bias is None else next(gradients))
        progress("class gradients", row + 1, total)
    return rows


def _matrix_shape(layer: nn.Module) -> tuple[int, int]:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight.shape[0], weight[0].numel() + (layer.bias is not None)


def _as_matrix(weight: Tensor, bias: Tensor | None) -> Tensor:
    matrix = weight.flatten(1)
    return matrix if bias is None else torch.cat([matrix, bias[:, None]], dim=1)
