"""One more epoch from a stored one, under weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.data import StudyData
from engine.errors import Cancelled, RefusedInput
from engine.study import Study
from engine.training import NextEpoch, evaluate, learning_rates, train
from tests.engine.training.cases import Calls, data_of, equal, pictures, study, tables


def is_checkpoint(model: nn.Module, case: Study, epoch: int) -> bool:
    stored = load_file(case.checkpoints_path / f"epoch-{epoch:03d}.safetensors")
    return all(torch.equal(tensor, stored[name]) for name, tensor in model.state_dict().items())


@pytest.fixture
def case(tmp_path: Path) -> Study:
    case = study(tmp_path)
    train(case, tables())
    return case


def augmented_pictures() -> StudyData:
    return data_of(pictures(14), pictures(3), mean=(0.5, 0.5, 0.5), std=(0.3, 0.3, 0.3), augmentations=("crop", "flip"))


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_without_weights_and_with_the_studys_seed_it_is_the_original_next_epoch(case: Study, epoch: int) -> None:
    following = NextEpoch.from_study(case, tables(), epoch)
    assert following.notices == ()
    assert is_checkpoint(following.train(None, case.seed), case, epoch + 1)
    assert not is_checkpoint(following.train(None, case.seed + 1), case, epoch + 1)


@pytest.mark.parametrize("architecture", ["cnn", "resnet9"])
def test_so_it_is_for_networks_on_augmented_pictures(tmp_path: Path, architecture: str) -> None:
    case, data = study(tmp_path, architecture, training={"epochs": 2}), augmented_pictures()
    train(case, data)
    following = NextEpoch.from_study(case, data, 1)
    assert is_checkpoint(following.train(None, case.seed), case, 2)


def test_no_weights_are_the_same_bits_as_ones(case: Study) -> None:
    following = NextEpoch.from_study(case, tables(), 2)
    plain = following.train(None, 5)
    assert equal(plain, following.train(np.ones(22), 5))
    assert equal(plain, following.train(np.ones(22, dtype=np.float32), 5))
    assert not equal(plain, following.train(np.full(22, 1.01), 5))


def test_every_training_starts_anew_and_repeats_itself(case: Study) -> None:
    following = NextEpoch.from_study(case, tables(), 2)
    before = {name: tensor.clone() for name, tensor in following.start.state_dict().items()}
    weights = np.random.default_rng(0).uniform(0.5, 1.5, 22)
    first, second = following.train(weights, 5), following.train(weights, 5)
    assert equal(first, second)
    assert first is not second
    assert not equal(first, following.train(weights, 6))
    assert all(torch.equal(tensor, before[name]) for name, tensor in following.start.state_dict().items())


def test_samples_of_weight_zero_contribute_nothing(case: Study) -> None:
    data, weights = tables(), np.ones(22)
    weights[[0, 9]] = 0
    found = NextEpoch.from_study(case, data, 2).train(weights, 5)
    data.train.inputs[[0, 9]] = 40.0
    data.train.labels[[0, 9]] = 1
    assert equal(found, NextEpoch.from_study(case, data, 2).train(weights, 5))


def test_upweighting_a_class_lowers_its_loss_against_the_control(case: Study) -> None:
    data = tables()
    following = NextEpoch.from_study(case, data, 2)
    weights = np.where(data.train.labels.numpy() == 1, 2.0, 1.0)
    losses = [evaluate(following.train(w, 0), data.train, data.transform, 3).loss for w in (None, weights)]
    assert losses[1][1] < losses[0][1]


def test_the_trained_model_is_returned_in_evaluation_mode(case: Study) -> None:
    assert not NextEpoch.from_study(case, tables(), 2).train(None, 0).training


def test_after_the_last_planned_epoch_the_last_rates_are_used_again(case: Study) -> None:
    following = NextEpoch.from_study(case, tables(), 4)
    assert following.rates == learning_rates(case.training, 4, 4)
    assert not is_checkpoint(following.train(None, case.seed), case, 4)


@pytest.mark.parametrize("epoch", [2, 4])
def test_the_horizon_is_the_sum_of_the_rates_over_one_minus_the_momentum(case: Study, epoch: int) -> None:
    following = NextEpoch.from_study(case, tables(), epoch)
    assert following.horizon == pytest.approx(sum(learning_rates(case.training, 4, min(epoch + 1, 4))) / 0.1)


def test_the_papers_preset_trains_with_its_table_and_a_new_optimiser(case: Study) -> None:
    paper = case.with_changes(reweight={"preset": "paper"})
    following = NextEpoch.from_study(paper, tables(), 2)
    settings = following.training
    assert (settings.learning_rate, settings.weight_decay, settings.batch_size) == (1e-4, 1e-4, 512)
    assert following.rates == [1e-4]
    assert following.horizon == pytest.approx(1e-3)
    assert following.momentum is None
    assert any("no weights can change much" in notice for notice in following.notices)
    moved = following.train(None, 0).state_dict()["1.weight"] - following.start.state_dict()["1.weight"]
    assert 0 < float(moved.abs().max()) < 1e-3


def test_an_ended_schedule_and_a_batch_beyond_the_data_are_told(case: Study) -> None:
    shutil.copy(case.checkpoints_path / "epoch-002.safetensors", case.checkpoints_path / "epoch-020.safetensors")
    ended = NextEpoch.from_study(case.with_changes(training={"schedule": "one_cycle", "epochs": 20}), tables(), 20)
    assert any("name an earlier [model] epoch" in notice for notice in ended.notices)
    large = NextEpoch.from_study(case.with_changes(training={"batch_size": 10_000}), tables(), 2)
    assert any("each epoch is one step" in notice for notice in large.notices)


def test_momentum_that_is_not_stored_starts_at_zero_with_a_notice(case: Study) -> None:
    shutil.rmtree(case.checkpoints_path / "optimizer")
    following = NextEpoch.from_study(case, tables(), 2)
    assert following.notices == ("no momentum is stored with these weights of epoch 2: the next one starts with none",)
    assert not is_checkpoint(following.train(None, case.seed), case, 3)


def test_a_study_without_momentum_misses_none(tmp_path: Path) -> None:
    case = study(tmp_path, training={"momentum": 0.0})
    train(case, tables())
    following = NextEpoch.from_study(case, tables(), 2)
    assert following.notices == ()
    assert is_checkpoint(following.train(None, case.seed), case, 3)


def test_an_epoch_without_a_checkpoint_is_refused(case: Study) -> None:
    with pytest.raises(RefusedInput, match=r"no checkpoint of epoch 9\. Expected one of 1, 2, 3, 4"):
        NextEpoch.from_study(case, tables(), 9)


@pytest.mark.parametrize("weights", [np.ones(21), np.ones((22, 1)), np.full(22, np.nan), np.full(22, -0.1)])
def test_weights_that_are_none_are_a_programming_error(case: Study, weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match="22 finite numbers of at least 0 are expected"):
        NextEpoch.from_study(case, tables(), 2).train(weights, 0)


def test_progress_counts_the_steps_and_may_stop(case: Study) -> None:
    calls = Calls(stop_at=2)
    with pytest.raises(Cancelled):
        NextEpoch.from_study(case, tables(), 2).train(None, 0, calls)
    assert calls.all == [("next epoch", 1, 4, "epoch 3"), ("next epoch", 2, 4, "epoch 3")]
