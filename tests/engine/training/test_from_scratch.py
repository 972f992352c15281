"""Many trainings at once: each is the training that it would be alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.errors import Cancelled, RefusedInput
from engine.training import stacked, train, trained_from_scratch, untrained_model
from tests.engine.training.cases import Calls, data_of, difference, pictures, study, table, tables

TOLERANCE = 1e-5
"""Of the largest entry of a parameter, in float32, over the few epochs of these cases."""


def in_turn(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> list[nn.Module]:
    with monkeypatch.context() as patch:
        patch.setattr(stacked, "TOGETHER", 1)
        return trained_from_scratch(*arguments)


def random_weights(models: int, samples: int = 22) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 2, (models, samples))


@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "cosine"])
@pytest.mark.parametrize("architecture", ["mlp", "logistic_regression"])
def test_models_trained_as_one_are_those_trained_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, schedule: str
) -> None:
    case = study(tmp_path, architecture, training={"schedule": schedule, "epochs": 5})
    weights, seeds = random_weights(4), [0, 1, 1, 7]
    together = trained_from_scratch(case, tables(), weights, seeds)
    alone = in_turn(monkeypatch, case, tables(), weights, seeds)
    assert max(map(difference, together, alone)) <= TOLERANCE
    # What is compared differs by far more between the models than by rounding.
    assert min(difference(together[a], together[b]) for a, b in ((0, 1), (1, 2), (2, 3))) > 1e-2


def test_so_they_are_with_several_layers_on_augmented_pictures_and_without_biases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = study(tmp_path, model={"hidden": [7, 5], "bias": False})
    data = data_of(pictures(14), pictures(3), mean=(0.5,) * 3, std=(0.3,) * 3, augmentations=("crop", "flip"))
    weights, seeds = random_weights(3, 14), [4, 5, 4]
    together = trained_from_scratch(case, data, weights, seeds)
    alone = in_turn(monkeypatch, case, data, weights, seeds)
    assert max(map(difference, together, alone)) <= TOLERANCE


def test_so_they_are_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, weights, seeds = study(tmp_path), random_weights(5), list(range(5))
    monkeypatch.setattr(stacked, "TOGETHER", 2)
    calls = Calls()
    grouped = trained_from_scratch(case, tables(), weights, seeds, calls)
    assert len(calls.all) == 3 * 4 * 4  # groups of 2, 2 and 1; epochs; steps
    assert max(map(difference, grouped, in_turn(monkeypatch, case, tables(), weights, seeds))) <= TOLERANCE


@pytest.mark.parametrize("models", [1, 3])
def test_with_weights_of_one_it_is_the_training_of_the_study(tmp_path: Path, models: int) -> None:
    case, data = study(tmp_path), tables()
    train(case, data)
    found = trained_from_scratch(case, data, np.ones((models, 22)), [case.seed] * models)
    stored = load_file(case.checkpoints_path / "epoch-004.safetensors")
    for model in found:
        for name, tensor in model.state_dict().items():
            assert float((tensor - stored[name]).abs().max() / stored[name].abs().max()) <= TOLERANCE
    if models == 1:
        assert all(torch.equal(tensor, stored[name]) for name, tensor in found[0].state_dict().items())


def test_a_network_that_cannot_be_stacked_is_trained_in_turn_bit_for_bit(tmp_path: Path) -> None:
    case = study(tmp_path, "cnn", training={"epochs": 2})
    data = data_of(pictures(14), pictures(3), augmentations=("crop", "flip"))
    train(case, data)
    calls = Calls()
    found = trained_from_scratch(case, data, np.ones((2, 14)), [case.seed, case.seed + 1], calls)
    stored = load_file(case.checkpoints_path / "epoch-002.safetensors")
    assert all(torch.equal(tensor, stored[name]) for name, tensor in found[0].state_dict().items())
    assert difference(found[1], found[0]) > 1e-3
    assert calls.all[-1] == ("training from scratch", 12, 12, "epoch 2 of 2")
    assert len(calls.all) == 12


@pytest.mark.parametrize(
    ("layers", "stackable"),
    [
        ([nn.Flatten(), nn.Linear(3, 2)], True),
        ([nn.Flatten(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2)], True),
        ([nn.Linear(3, 2)], False),
        ([nn.Flatten(2), nn.Linear(3, 2)], False),
        ([nn.Flatten(), nn.Linear(3, 2), nn.Tanh()], False),
        ([nn.Flatten(), nn.Linear(3, 2), nn.Dropout()], False),
        ([nn.Flatten(), *[nn.Linear(3, 3)] * 2], False),
        ([nn.Flatten(), nn.Linear(3, 2).double()], False),
        ([nn.Flatten(), nn.Linear(3, 2).requires_grad_(False)], False),
        ([nn.Flatten(), nn.Linear(1000, 100)], False),
        ([], False),
    ],
)
def test_only_small_chains_of_linear_layers_and_relu_are_stacked(layers: list[nn.Module], stackable: bool) -> None:
    assert stacked.is_stackable(nn.Sequential(*layers)) is stackable


def test_large_inputs_are_trained_with_fewer_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked, "STEP_NUMBERS", 2 * 6 * 4)  # two models, batches of 6, 4 columns
    calls = Calls()
    trained_from_scratch(study(tmp_path), tables(), random_weights(4), [0] * 4, calls)
    assert calls.all[-1][2] == 2 * 4 * 4


def test_models_are_independent_of_those_beside_them(tmp_path: Path) -> None:
    case, weights = study(tmp_path), random_weights(3)
    first = trained_from_scratch(case, tables(), weights, [0, 1, 2])
    weights[1:] = 0
    second = trained_from_scratch(case, tables(), weights, [0, 8, 9])
    assert difference(first[0], second[0]) <= TOLERANCE
    assert difference(first[1], second[1]) > 1e-2


@pytest.mark.parametrize("models", [1, 2])
def test_each_model_starts_from_the_initial_weights_of_its_seed(tmp_path: Path, models: int) -> None:
    case = study(tmp_path, training={"weight_decay": 0.0})
    seeds = [case.seed + 1, case.seed][:models]
    found = trained_from_scratch(case, tables(), np.zeros((models, 22)), seeds)
    for model, seed in zip(found, seeds, strict=True):
        assert difference(model, untrained_model(case.with_changes(study={"seed": seed}), tables())) == 0


def test_it_repeats_itself_and_leaves_the_global_random_state(tmp_path: Path) -> None:
    case, weights = study(tmp_path), random_weights(3)
    before = torch.get_rng_state()
    first = trained_from_scratch(case, tables(), weights, [0, 1, 2])
    second = trained_from_scratch(case, tables(), weights, [0, 1, 2])
    assert all(difference(a, b) == 0 for a, b in zip(first, second, strict=True))
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(model.training for model in first)


@pytest.mark.parametrize("models", [1, 3])
def test_a_diverging_training_is_refused(tmp_path: Path, models: int) -> None:
    case, data = study(tmp_path, training={"learning_rate": 0.1}), data_of(table(22), table(3))
    weights = np.ones((models, 22))
    weights[-1] = 1e30
    with pytest.raises(RefusedInput, match=r"training diverged.*Lower learning_rate"):
        trained_from_scratch(case, data, weights, list(range(models)))


@pytest.mark.parametrize(
    "weights", [np.ones(22), np.ones((1, 22)), np.ones((2, 21)), np.full((2, 22), np.nan), np.full((2, 22), -0.1)]
)
def test_weights_that_are_none_are_a_programming_error(tmp_path: Path, weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(2, 22\) finite numbers of at least 0 are expected"):
        trained_from_scratch(study(tmp_path), tables(), weights, [0, 1])


def test_no_model_is_trained_where_none_is_asked_for(tmp_path: Path) -> None:
    assert trained_from_scratch(study(tmp_path), tables(), np.ones((0, 22)), []) == []


def test_progress_counts_the_steps_and_may_stop(tmp_path: Path) -> None:
    calls = Calls(stop_at=5)
    with pytest.raises(Cancelled):
        trained_from_scratch(study(tmp_path), tables(), random_weights(3), [0, 1, 2], calls)
    assert calls.all[-1] == ("training from scratch", 5, 16, "epoch 2 of 4")
    assert len(calls.all) == 5
