r"""One weighted epoch of stochastic gradient descent: the loop of every training here.

The loss of a batch B is :math:`\frac{1}{|B|} \sum_{j \in B} w_j \ell_j`, divided by the
number of samples and not by the sum of weights, so that weights act on each sample as
the influence vectors assume; torch's coupled weight decay is added.

What is random, the order of the batches, the augmentation and what a layer drops out, is
drawn from the seed and the epoch alone: two trainings that differ in their weights see the
same batches, and their difference is what the weights did.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data import InputTransform, StudyData
from engine.errors import RefusedInput
from engine.study import Training
from engine.training.inputs import PreparedInputs


@dataclass(frozen=True)
class TrainingSet:
    """What an epoch runs over: N training samples, ready on their device."""

    inputs: PreparedInputs
    labels: Tensor
    """Class indices, shape ``(N,)``, int64."""
    transform: InputTransform
    """For the augmentation of each batch."""

    @classmethod
    def from_data(cls, data: StudyData, device: torch.device) -> "TrainingSet":
        """Prepares the training split of a study for ``device``."""
        inputs = PreparedInputs(data.train, data.transform, device)
        return cls(inputs, data.train.labels.to(device), data.transform)


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Returns the source of all that is random in one epoch (1 for the first) of one seed."""
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    # Half of 2^64: torch takes seeds as signed numbers.
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def sgd(model: nn.Module, training: Training, momentum: dict[str, Tensor] | None = None) -> torch.optim.SGD:
    """Returns the optimiser of a model, continued from stored momentum buffers if given.

    Args:
        model: whose parameters are trained.
        training: learning rate, momentum and weight decay.
        momentum: by parameter name the buffers of :func:`momentum_buffers`.
    """
    optimizer = torch.optim.SGD(
        model.parameters(), lr=training.learning_rate, momentum=training.momentum, weight_decay=training.weight_decay
    )
    for name, parameter in model.named_parameters():
        if momentum:
            optimizer.state[parameter]["momentum_buffer"] = momentum[name].to(parameter.device, copy=True)
    return optimizer


def momentum_buffers(model: nn.Module, optimizer: torch.optim.SGD) -> dict[str, Tensor]:
    """Returns the momentum of each parameter by name; none before the first step or without momentum."""
    found = {name: optimizer.state[parameter].get("momentum_buffer") for name, parameter in model.named_parameters()}
    return {name: buffer for name, buffer in found.items() if buffer is not None}


def run_epoch(
    model: nn.Module,
    optimizer: torch.optim.SGD,
    samples: TrainingSet,
    weights: Tensor,
    rates: list[float],
    generator: torch.Generator,
    after_step: Callable[[int], None],
) -> float:
    """Trains a model in place for one epoch, in training mode.

    The samples are passed once, in batches of sizes that differ by at most one: in a
    short last batch a sample would count for more than its weight.

    Args:
        model: on the device of ``samples``.
        optimizer: of the model's parameters.
        samples: the N training samples.
        weights: ``(N,)`` float32 on the device; ones for plain training. A sample of
            weight 0 adds nothing to the loss (BatchNorm still sees its inputs).
        rates: the learning rate of each step; its length is the number of batches.
        generator: of the order and the augmentation, see :func:`epoch_generator`.
        after_step: called with the number of steps done; may raise to stop.

    Returns:
        The mean weighted loss over the samples, each measured in its batch.

    Raises:
        RefusedInput: if the loss became NaN or infinite.
    """
    model.train()
    order = torch.randperm(len(samples.labels), generator=generator)
    total = torch.zeros((), device=samples.labels.device)
    with _seeded_layers(generator, samples.labels.device):
        for step, (rate, indices) in enumerate(zip(rates, order.tensor_split(len(rates)), strict=True), start=1):
            inputs = samples.transform.augment(samples.inputs.batch(indices), generator)
            chosen = indices.to(samples.labels.device)
            losses = functional.cross_entropy(model(inputs), samples.labels[chosen], reduction="none")
            weighted = losses * weights[chosen]
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            weighted.mean().backward()
            optimizer.step()
            # Summed on the device: reading each value would make the GPU wait.
            total += weighted.detach().sum()
            after_step(step)
    mean = float(total) / len(order)
    check_finite(mean)
    return mean


def check_finite(mean: float) -> None:
    """Checks the mean loss of an epoch.

    Raises:
        RefusedInput: if it is NaN or infinite.
    """
    if not np.isfinite(mean):
        raise RefusedInput(
            f"the training diverged: the mean loss of an epoch is {mean}",
            "a loss that stays finite",
            "Lower learning_rate in [training], or normalise the inputs with mean and std in [data.transform]",
        )


@contextmanager
def _seeded_layers(generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """Seeds what layers that drop out draw from, torch's global generators, and puts those back afterwards."""
    # Another seed than the order's: the same one would deal the same numbers twice.
    seed = generator.initial_seed() ^ 1
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
