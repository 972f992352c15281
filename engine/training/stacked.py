r"""Many small networks trained as one.

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
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.study import Training
from engine.training.epoch import TrainingSet, check_finite, epoch_generator, sgd
from engine.training.schedule import learning_rates, steps_per_epoch

TOGETHER = 64
"""Most models that are trained as one: more are hardly faster."""
SMALL = 2**16
"""Most parameters of a network that is trained as one with others: a larger one is busy with arithmetic."""
STEP_NUMBERS = 2**24
"""Most numbers that the inputs of one step hold for all models that are trained as one: 64 MiB."""

Report = Callable[[int, int], None]
"""Called with the epoch and the number of its steps that are done."""


def trained_as_one(models: Sequence[nn.Module], batch_size: int, sample_shape: Sequence[int]) -> list[list[int]]:
    """Returns which models are trained as one, of nearly equal number; each alone where they cannot be stacked.

    Args:
        models: of one architecture.
        batch_size: samples a step of each.
        sample_shape: of a prepared sample.
    """
    numbers = batch_size * math.prod(sample_shape)
    most = min(TOGETHER, STEP_NUMBERS // numbers) if all(is_stackable(model) for model in models) else 1
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


def train_together(
    models: Sequence[nn.Module],
    rows: Tensor,
    seeds: Sequence[int],
    samples: TrainingSet,
    training: Training,
    epochs: Sequence[int],
    report: Report,
    momentum: Mapping[str, Tensor] | None = None,
) -> None:
    """Trains models of one stackable architecture as one; the loop of ``run_epoch`` for all of them.

    Args:
        models: on one device; changed in place.
        rows: weights of the N samples for each model, ``(M, N)`` float32 on the device.
        seeds: of the order and the augmentation, one a model.
        samples: the training samples.
        training: optimiser, schedule and batches.
        epochs: numbers of those that are trained, 1 for the first of the schedule.
        report: called after every step; may raise to stop.
        momentum: buffers that all models start from, by parameter name; None for none.

    Raises:
        RefusedInput: if a training diverges.
    """
    stacked = _Stacked(models)
    optimizer = sgd(stacked, training, stacked.repeated(momentum) if momentum else None)
    count = len(samples.labels)
    steps = steps_per_epoch(count, training.batch_size)
    own = torch.arange(len(models), device=rows.device)[:, None]
    for epoch in epochs:
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
        self._names = [name for name, _ in models[0].named_parameters()]
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

    def repeated(self, buffers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns one model's buffers for every model, named as the stacks are."""
        own = [buffers[name].to(stack.device) for name, stack in zip(self._names, self.stacks, strict=True)]
        return {
            f"stacks.{at}": buffer.expand_as(stack)
            for at, (buffer, stack) in enumerate(zip(own, self.stacks, strict=True))
        }

    @torch.no_grad()
    def write_back(self, models: Sequence[nn.Module]) -> None:
        """Copies the parameters of each network into the model that it was made of."""
        for m, model in enumerate(models):
            for parameter, stack in zip(model.parameters(), self.stacks, strict=True):
                parameter.copy_(stack[m])
