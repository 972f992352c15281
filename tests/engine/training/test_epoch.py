"""One weighted epoch: its loss, its order, its optimiser."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data import InputTransform, Samples
from engine.errors import Cancelled, RefusedInput
from engine.study import Training
from engine.training.epoch import (
    TrainingSet,
    epoch_generator,
    momentum_buffers,
    run_epoch,
    sgd,
)
from engine.training.schedule import steps_per_epoch
from tests.engine.training.cases import data_of, pictures, table

CPU = torch.device("cpu")
PLAIN = Training(learning_rate=0.1, momentum=0.9, weight_decay=0.01)


class Recording(nn.Module):
    """A linear model that remembers the batches it has seen."""

    def __init__(self, columns: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(columns, 3)
        nn.init.constant_(self.linear.weight, 0.1)
        nn.init.zeros_(self.linear.bias)
        self.batches: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.batches.append(inputs)
        return self.linear(inputs.flatten(1))


def epoch(
    samples: Samples,
    weights: Tensor | None = None,
    seed: int = 0,
    number: int = 1,
    rates: tuple[float, ...] = (0.1, 0.1, 0.1),
    training: Training = PLAIN,
    transform: InputTransform | None = None,
) -> tuple[Recording, float]:
    model = Recording(samples.inputs[0].numel())
    data = data_of(samples, samples)
    chosen = TrainingSet.from_data(data, CPU)
    if transform is not None:
        chosen = TrainingSet(chosen.inputs, chosen.labels, transform)
    weights = torch.ones(len(samples)) if weights is None else weights
    generator = epoch_generator(seed, number)
    loss = run_epoch(model, sgd(model, training), chosen, weights, list(rates), generator, lambda _: None)
    return model, loss


def state(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_one_step_follows_the_gradient_of_the_weighted_mean_loss_and_the_weight_decay() -> None:
    samples, weights = table(6), torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
    model, loss = epoch(samples, weights, rates=(0.2,))
    expected = Recording()
    losses = functional.cross_entropy(expected(samples.inputs), samples.labels, reduction="none")
    mean = (weights * losses).sum() / 6  # by the number of samples, not by the sum of weights
    gradients = torch.autograd.grad(mean, list(expected.parameters()))
    for parameter, before, gradient in zip(model.parameters(), expected.parameters(), gradients, strict=True):
        assert torch.allclose(parameter, before - 0.2 * (gradient + 0.01 * before), atol=1e-7)
    assert loss == pytest.approx(mean.item(), rel=1e-6)


def test_momentum_carries_the_earlier_steps_at_each_steps_own_rate() -> None:
    samples = table(6)
    training = Training(learning_rate=9.0, momentum=0.5, weight_decay=0.0)
    model, _ = epoch(samples, torch.zeros(6), rates=(0.1, 0.2), training=training)
    assert torch.equal(state(model), state(Recording()))  # no gradient, no step
    model, _ = epoch(samples, rates=(0.1, 0.2), training=training)
    replay, buffer = Recording(), torch.zeros(15)
    for rate, inputs in zip((0.1, 0.2), model.batches, strict=True):
        rows = [int((samples.inputs == row).all(1).nonzero()) for row in inputs]
        loss = functional.cross_entropy(replay(inputs), samples.labels[rows])
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(replay.parameters()))])
        buffer = 0.5 * buffer + gradient
        nn.utils.vector_to_parameters(state(replay) - rate * buffer, replay.parameters())
    assert torch.allclose(state(model), state(replay), atol=1e-6)


def test_every_sample_is_passed_once_in_batches_of_nearly_equal_size() -> None:
    samples = table(10)
    model, _ = epoch(samples, rates=(0.1,) * 3)
    assert [len(batch) for batch in model.batches] == [4, 3, 3]
    passed = sorted(torch.cat(model.batches).tolist())
    assert passed == sorted(samples.inputs.tolist())


@pytest.mark.parametrize(("samples", "size", "steps"), [(900, 128, 8), (896, 128, 7), (3, 128, 1), (897, 128, 8)])
def test_an_epoch_has_as_few_batches_as_the_batch_size_allows(samples: int, size: int, steps: int) -> None:
    assert steps_per_epoch(samples, size) == steps


def test_a_weight_of_zero_is_as_if_the_sample_were_not_there() -> None:
    samples = table(12)
    weights = torch.ones(12)
    weights[[2, 7]] = 0.0
    model, loss = epoch(samples, weights)
    inputs, labels = samples.inputs.clone(), samples.labels.clone()
    inputs[[2, 7]], labels[[2, 7]] = 50.0, 1
    other, other_loss = epoch(Samples(inputs, labels, samples.sources), weights)
    assert torch.equal(state(model), state(other))
    assert loss == other_loss
    weights[2] = 1e-3
    assert not torch.equal(state(model), state(epoch(samples, weights)[0]))


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    samples = table(12)

    def order(**options: Any) -> list[list[float]]:
        return torch.cat(epoch(samples, **options)[0].batches).tolist()

    first = order()
    torch.manual_seed(1)
    assert order(weights=torch.rand(12), training=Training(momentum=0, weight_decay=1)) == first
    assert order(rates=(0.5,) * 4) == first
    assert order(seed=1) != first
    assert order(number=2) != first
    assert order(seed=1) != order(number=2)


def test_an_epoch_neither_reads_nor_moves_the_global_random_state() -> None:
    samples, model = table(12), Recording()
    chosen = TrainingSet.from_data(data_of(samples, samples), CPU)
    before = torch.get_rng_state()
    run_epoch(model, sgd(model, PLAIN), chosen, torch.ones(12), [0.1], epoch_generator(0, 1), lambda _: None)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_augmentation_depends_on_the_seed_and_not_on_the_weights() -> None:
    samples, transform = pictures(12), InputTransform(augmentations=("crop", "flip"))
    plain, _ = epoch(samples)
    first, _ = epoch(samples, transform=transform)
    weighted, _ = epoch(samples, torch.rand(12), transform=transform)
    assert torch.equal(torch.cat(first.batches), torch.cat(weighted.batches))
    assert not torch.equal(torch.cat(first.batches), torch.cat(plain.batches))


def test_the_model_is_trained_in_training_mode() -> None:
    samples = table(12)
    norm = nn.BatchNorm1d(4)
    model = nn.Sequential(norm, nn.Linear(4, 3)).eval()
    chosen = TrainingSet.from_data(data_of(samples, samples), CPU)
    run_epoch(model, sgd(model, PLAIN), chosen, torch.ones(12), [0.1], epoch_generator(0, 1), lambda _: None)
    assert norm.num_batches_tracked == torch.tensor(1)


def test_a_diverging_training_is_refused() -> None:
    with pytest.raises(RefusedInput, match=r"training diverged.*Lower learning_rate"):
        epoch(table(12), rates=(1e30, 1e30, 1e30))


def test_the_callback_counts_the_steps_and_may_stop_them() -> None:
    samples, seen = table(12), []
    model = Recording()

    def stop(step: int) -> None:
        seen.append(step)
        if step == 2:
            raise Cancelled

    chosen = TrainingSet.from_data(data_of(samples, samples), CPU)
    with pytest.raises(Cancelled):
        run_epoch(model, sgd(model, PLAIN), chosen, torch.ones(12), [0.1] * 3, epoch_generator(0, 1), stop)
    assert seen == [1, 2]
    assert len(model.batches) == 2


def test_momentum_is_told_by_name_and_taken_up_again_without_sharing_memory() -> None:
    samples = table(12)
    model = Recording()
    chosen = TrainingSet.from_data(data_of(samples, samples), CPU)
    optimizer = sgd(model, PLAIN)
    assert momentum_buffers(model, optimizer) == {}
    run_epoch(model, optimizer, chosen, torch.ones(12), [0.1], epoch_generator(0, 1), lambda _: None)
    stored = {name: buffer.clone() for name, buffer in momentum_buffers(model, optimizer).items()}
    assert stored.keys() == {"linear.weight", "linear.bias"}
    again = sgd(model, PLAIN, stored)
    before = {name: buffer.clone() for name, buffer in stored.items()}
    run_epoch(model, again, chosen, torch.ones(12), [0.1], epoch_generator(0, 2), lambda _: None)
    assert all(torch.equal(stored[name], before[name]) for name in before)
    assert not torch.equal(momentum_buffers(model, again)["linear.bias"], before["linear.bias"])
