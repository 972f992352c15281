r"""Many trainings from scratch under different weights and seeds: how weights are judged by retraining.

Small networks of linear layers spend their time on starting operations, not on arithmetic. So
several are trained as one: their parameters are stacked to ``(M, out, in)``, every layer is one
batched product, and one optimiser moves them all. The gradient of a sum of losses, one for each
model, is each model's own, so this is the loop of :func:`engine.training.epoch.run_epoch` with
sums in another order. Parameters agree to 1e-5 of the largest, in float32, until rounding pushes
a unit to the other side of ReLU's kink; later the two differ as two trainings do whose weights
differ by 2e-7. Other networks are trained one after the other: large layers and convolutions are
no faster together on a CPU.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.data import StudyData
from engine.device import resolve_device
from engine.models import build_model
from engine.progress import Progress, silent
from engine.study import Study, Training
from engine.training.epoch import TrainingSet, check_finite, epoch_generator, run_epoch, sgd
from engine.training.inputs import prepared_shape
from engine.training.schedule import learning_rates, steps_per_epoch

TOGETHER = 64
"""Most models that are trained as one: more are hardly faster."""
SMALL = 2**16
"""Most parameters of a network that is trained as one with others: a larger one is busy with arithmetic."""
STEP_NUMBERS = 2**24
"""Most numbers that the inputs of one step hold for all models that are trained as one: 64 MiB."""

_Report = Callable[[int, int], None]
"""Called with the epoch and the number of its steps that are done."""


def trained_from_scratch(
    study: Study, data: StudyData, weights: NDArray, seeds: Sequence[int], progress: Progress = silent
) -> list[nn.Module]:
    """Trains one model for each row of weights, for all epochs of the study's ``[training]`` table.

    Model m starts from the initial weights of its seed and sees the batches of its seed, so models
    of one seed differ by what their weights did. With weights of one and the study's own seed it is
    the model of :func:`engine.training.train`: bit for bit on the CPU where models are trained one
    after the other, up to rounding in float32 where they are trained as one.

    Args:
        study: what is built and how it is trained.
        data: its samples; only the training split is used.
        weights: of the N training samples for each of the M models, ``(M, N)``, at least 0.
        seeds: of the initial weights, the order of the batches and the augmentation, M.
        progress: called after every step; may raise to stop.

    Returns:
        The M models in evaluation mode, on the study's device.

    Raises:
        ValueError: if the weights are not M rows of N finite numbers of at least 0.
        RefusedInput: if a training diverges, or the model cannot be built.
    """
    count, expected = len(data.train), (len(seeds), len(data.train))
    if weights.shape != expected or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights: {expected} finite numbers of at least 0 are expected, got shape {weights.shape}")
    device = resolve_device(study.compute)
    samples = TrainingSet.from_data(data, device)
    rows = torch.tensor(weights, dtype=torch.float32, device=device)
    shape = prepared_shape(data.train, data.transform)
    models = [build_model(study.model, shape, data.num_classes, seed, study.folder).to(device) for seed in seeds]
    groups = _groups(models, study.training.batch_size * math.prod(shape))
    epochs, steps = study.training.epochs, steps_per_epoch(count, study.training.batch_size)
    total = len(groups) * epochs * steps
    for number, members in enumerate(groups):

        def report(epoch: int, step: int, number: int = number) -> None:
            done = (number * epochs + epoch - 1) * steps + step
            progress("training from scratch", done, total, f"epoch {epoch} of {epochs}")

        chosen, own = [models[m] for m in members], [seeds[m] for m in members]
        if len(chosen) > 1:
            _train_together(chosen, rows[members], own, samples, study.training, report)
        else:
            _train_one(chosen[0], rows[members[0]], own[0], samples, study.training, report)
    return [model.eval() for model in models]


def _groups(models: Sequence[nn.Module], batch_numbers: int) -> list[list[int]]:
    """Returns which models are trained as one, if the inputs of a model's batch are so many numbers."""
    most = min(TOGETHER, STEP_NUMBERS // batch_numbers) if all(is_stackable(model) for model in models) else 1
    # Of nearly equal size: a small last group would take as many steps as a full one.
    parts = np.array_split(np.arange(len(models)), -(-len(models) // max(most, 1)) or 1)
    return [part.tolist() for part in parts if len(part)]


def is_stackable(model: nn.Module) -> bool:
    """Whether a network is small, and is flattened inputs through linear layers and ReLU, none of them twice."""
    if type(model) is not nn.Sequential or not len(model):
        return False
    layers, parameters = list(model), list(model.parameters())
    linear = [layer for layer in layers if type(layer) is nn.Linear]
    flat = [layer for layer in layers if type(layer) is nn.Flatten]
    return (
        len(linear) + len(flat) + sum(type(layer) is nn.ReLU for layer in layers) == len(layers)
        and type(layers[0]) is nn.Flatten
        and all((layer.start_dim, layer.end_dim) == (1, -1) for layer in flat)
        and len(set(linear)) == len(linear)
        and all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in parameters)
        and sum(parameter.numel() for parameter in parameters) <= SMALL
    )


def _train_one(
    model: nn.Module, weights: Tensor, seed: int, samples: TrainingSet, training: Training, report: _Report
) -> None:
    optimizer = sgd(model, training)
    steps = steps_per_epoch(len(samples.labels), training.batch_size)
    for epoch in range(1, training.epochs + 1):
        rates, generator = learning_rates(training, steps, epoch), epoch_generator(seed, epoch)
        run_epoch(model, optimizer, samples, weights, rates, generator, partial(report, epoch))


def _train_together(
    models: Sequence[nn.Module],
    rows: Tensor,
    seeds: Sequence[int],
    samples: TrainingSet,
    training: Training,
    report: _Report,
) -> None:
    """Trains models of one stackable architecture as one; the loop of ``run_epoch`` for all of them."""
    stacked = _Stacked(models)
    optimizer = sgd(stacked, training)
    count = len(samples.labels)
    steps = steps_per_epoch(count, training.batch_size)
    own = torch.arange(len(models), device=rows.device)[:, None]
    for epoch in range(1, training.epochs + 1):
        generators = [epoch_generator(seed, epoch) for seed in seeds]
        orders = torch.stack([torch.randperm(count, generator=generator) for generator in generators])
        totals = torch.zeros(len(models), device=rows.device)
        batches = zip(learning_rates(training, steps, epoch), orders.tensor_split(steps, dim=1), strict=True)
        for step, (rate, indices) in enumerate(batches, start=1):
            inputs = samples.inputs.batch(indices.flatten()).unflatten(0, indices.shape)
            if samples.transform.augmentations:
                drawn = zip(inputs, generators, strict=True)
                inputs = torch.stack([samples.transform.augment(batch, generator) for batch, generator in drawn])
            chosen = indices.to(rows.device)
            logits = stacked(inputs.flatten(2))
            losses = functional.cross_entropy(logits.flatten(0, 1), samples.labels[chosen].flatten(), reduction="none")
            weighted = losses.unflatten(0, indices.shape) * rows[own, chosen]
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            weighted.mean(dim=1).sum().backward()
            optimizer.step()
            totals += weighted.detach().sum(dim=1)
            report(epoch, step)
        for total in totals.tolist():
            check_finite(total / count)
    stacked.write_back(models)


class _Stacked(nn.Module):
    """M networks of linear layers and ReLU as one: from inputs ``(M, B, D)`` to logits ``(M, B, K)``."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self._layers = [layer for layer in models[0].children() if not isinstance(layer, nn.Flatten)]
        columns = zip(*(model.parameters() for model in models), strict=True)
        self.stacks = nn.ParameterList(torch.stack([one.detach() for one in column]) for column in columns)

    def forward(self, values: Tensor) -> Tensor:
        """Runs every network on its own batch."""
        stacks = iter(self.stacks)
        for layer in self._layers:
            if isinstance(layer, nn.ReLU):
                values = values.relu()
                continue
            weight = next(stacks).mT
            values = values @ weight if layer.bias is None else torch.baddbmm(next(stacks)[:, None], values, weight)
        return values

    @torch.no_grad()
    def write_back(self, models: Sequence[nn.Module]) -> None:
        """Copies the parameters of each network into the model that it was made of."""
        for m, model in enumerate(models):
            for parameter, stack in zip(model.parameters(), self.stacks, strict=True):
                parameter.copy_(stack[m])
