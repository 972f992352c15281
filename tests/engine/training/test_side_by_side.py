"""The next epoch under many weights: trained as one, in turn or in processes, each is what it would be alone."""

import dataclasses
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.data import StudyData
from engine.errors import Cancelled, RefusedInput
from engine.judged_by import DEFAULT
from engine.tasks import processes
from engine.training import NextEpoch, evaluate, train
from engine.training.side_by_side import Evaluations, Judged, SideBySide
from tests.engine.training.cases import Calls, data_of, difference, equal, pictures, study, tables

TOLERANCE = 1e-5
"""Of the largest entry of a parameter, in float32, where models are trained as one."""
SEEDS = [3, 3, 5, 0]


def random_weights(samples: int, models: int = len(SEEDS)) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 2, (models, samples)).astype(np.float32)


def judged(data: StudyData) -> Judged:
    return Judged({"validation": data.validation, "train": data.train}, data.transform, data.num_classes, DEFAULT)


def augmented() -> StudyData:
    return data_of(pictures(14), pictures(9, seed=1), mean=(0.5,) * 3, std=(0.3,) * 3, augmentations=("crop", "flip"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[NextEpoch, StudyData]:
    case, data = study(tmp_path_factory.mktemp("small")), tables()
    train(case, data)
    return NextEpoch.from_study(case, data, 2), data


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> tuple[NextEpoch, StudyData]:
    case, data = study(tmp_path_factory.mktemp("cnn"), "cnn", training={"epochs": 2}), augmented()
    train(case, data)
    return NextEpoch.from_study(case, data, 1), data


def children() -> list[str]:
    """The processes of a pool that still run; others, such as the browser of another test, are no concern here."""
    lines = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    return [line for line in lines if "multiprocessing.spawn" in line]


@pytest.fixture
def no_child_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []
    assert children() == []


def assert_same(first: list[Evaluations], second: list[Evaluations]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert list(one) == list(other) == ["validation", "train"]
        for split, evaluation in one.items():
            for name, values in vars(evaluation).items():
                np.testing.assert_array_equal(values, vars(other[split])[name])


@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_with_weights_of_one_each_is_the_original_next_epoch(
    tmp_path: Path, schedule: str, models: int, epoch: int
) -> None:
    case, data = study(tmp_path, training={"schedule": schedule}), tables()
    train(case, data)
    stored = load_file(case.checkpoints_path / f"epoch-{epoch + 1:03d}.safetensors")
    found = list(NextEpoch.from_study(case, data, epoch).train_each(np.ones((models, 22)), [case.seed] * models))

    assert len(found) == models
    for model in found:
        for name, tensor in model.state_dict().items():
            assert float((tensor - stored[name]).abs().max() / stored[name].abs().max()) <= TOLERANCE
            assert models > 1 or torch.equal(tensor, stored[name])


def test_each_is_trained_as_alone_where_small_networks_are_trained_as_one(small: tuple[NextEpoch, StudyData]) -> None:
    following, _ = small
    weights = random_weights(22)
    before = {name: tensor.clone() for name, tensor in following.start.state_dict().items()}
    together = list(following.train_each(weights, SEEDS))
    alone = [following.train(row, seed) for row, seed in zip(weights, SEEDS, strict=True)]

    assert following.is_stackable
    assert max(map(difference, together, alone)) <= TOLERANCE
    assert min(difference(together[a], together[b]) for a, b in ((0, 1), (1, 2), (2, 3))) > 1e-3
    assert not any(model.training for model in together)
    assert all(torch.equal(tensor, before[name]) for name, tensor in following.start.state_dict().items())
    assert all(map(equal, together, following.train_each(weights, SEEDS)))
    (only,) = following.train_each(weights[2:3], SEEDS[2:3])
    assert equal(only, alone[2])


def test_a_training_without_stored_momentum_has_none_where_models_are_trained_as_one_either(
    tmp_path: Path, small: tuple[NextEpoch, StudyData]
) -> None:
    following, data = small
    assert following.momentum is not None
    case = study(tmp_path, training={"momentum": 0.0})
    train(case, data)
    without = NextEpoch.from_study(case, data, 2)
    paper = NextEpoch.from_study(case.with_changes(reweight={"preset": "paper"}), data, 2)
    weights = random_weights(22)
    for one in (without, paper):
        assert one.momentum is None
        alone = [one.train(row, seed) for row, seed in zip(weights, SEEDS, strict=True)]
        assert max(map(difference, one.train_each(weights, SEEDS), alone)) <= TOLERANCE


def test_each_sees_its_own_augmented_pictures(tmp_path: Path) -> None:
    case, data = study(tmp_path, model={"hidden": [7, 5]}), augmented()
    train(case, data)
    following, weights = NextEpoch.from_study(case, data, 2), random_weights(14)
    alone = [following.train(row, seed) for row, seed in zip(weights, SEEDS, strict=True)]
    assert max(map(difference, following.train_each(weights, SEEDS), alone)) <= TOLERANCE


def test_other_networks_are_trained_in_turn_bit_for_bit(cnn: tuple[NextEpoch, StudyData]) -> None:
    following, _ = cnn
    weights, calls = random_weights(14), Calls()
    found = list(following.train_each(weights, SEEDS, calls))

    assert not following.is_stackable
    assert all(map(equal, found, (following.train(row, seed) for row, seed in zip(weights, SEEDS, strict=True))))
    assert calls.all[-1] == ("next epoch", 12, 12, "epoch 2")
    assert len(calls.all) == 12


@pytest.mark.parametrize("models", [1, 3])
def test_a_diverging_training_is_refused(small: tuple[NextEpoch, StudyData], models: int) -> None:
    weights = np.ones((models, 22))
    weights[-1] = 1e30
    following, data = small
    with (
        SideBySide(following, judged(data)) as side,
        pytest.raises(RefusedInput, match=r"training diverged.*Lower learning_rate"),
    ):
        side.measure(weights, list(range(models)))


@pytest.mark.parametrize("weights", [np.ones((2, 21)), np.full((2, 22), np.nan), np.full((2, 22), -0.1)])
def test_weights_that_are_none_are_a_programming_error(small: tuple[NextEpoch, StudyData], weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match="22 finite numbers of at least 0 are expected"):
        next(small[0].train_each(weights, [0, 1]))


def test_no_model_is_trained_where_none_is_asked_for(small: tuple[NextEpoch, StudyData]) -> None:
    following, data = small
    with SideBySide(following, judged(data)) as side:
        assert side.measure(np.ones((0, 22)), []) == []


@pytest.mark.usefixtures("no_child_is_left")
def test_a_model_whose_class_no_other_process_can_import_uses_none(cnn: tuple[NextEpoch, StudyData]) -> None:
    next_epoch, data = cnn
    assert SideBySide(next_epoch, judged(data), workers=2).workers == 2
    own = type("Own", (nn.Sequential,), {"__module__": "paretoscope-builder-of-a-user"})
    users = dataclasses.replace(next_epoch, start=own(next_epoch.start))
    assert SideBySide(users, judged(data), workers=2).workers == 1


def test_small_networks_use_no_processes(small: tuple[NextEpoch, StudyData], monkeypatch: pytest.MonkeyPatch) -> None:
    following, data = small
    monkeypatch.delattr(processes, "ProcessPoolExecutor")
    with SideBySide(following, judged(data), workers=4) as side:
        found = side.measure(random_weights(22), SEEDS)

    assert side.workers == 1
    models = following.train_each(random_weights(22), SEEDS)
    expected = [
        {split: evaluate(model, samples, data.transform, 3) for split, samples in judged(data).splits.items()}
        for model in models
    ]
    assert_same(found, expected)


class Cancels:
    """A progress that cancels when so many trainings are done, and knows when it did."""

    def __init__(self, finished: int) -> None:
        self._finished, self.at = finished, 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        assert (stage, note) == ("next epoch", "2 side by side")
        if done >= self._finished:
            self.at = time.monotonic()
            raise Cancelled


# Enough to be far from done when they are cancelled.
MANY = np.ones((2000, 14), np.float32)


# One story of one pair of processes: they take seconds to start.
@pytest.mark.usefixtures("no_child_is_left")
def test_processes_give_the_evaluations_of_one_go_on_after_a_refusal_and_end_at_once_when_cancelled(
    cnn: tuple[NextEpoch, StudyData],
) -> None:
    following, data = cnn
    weights, calls, cancels = random_weights(14), Calls(), Cancels(finished=1)
    with SideBySide(following, judged(data)) as side:
        expected = side.measure(weights, SEEDS)
    assert any(0 < value < 1 for value in expected[0]["train"].accuracy)
    assert not np.array_equal(expected[0]["train"].losses, expected[1]["train"].losses)

    def work() -> None:
        with SideBySide(following, judged(data), workers=2) as side:
            assert_same(side.measure(weights[:1], SEEDS[:1]), expected[:1])
            assert children() == []
            assert_same(side.measure(weights, SEEDS, calls), expected)
            assert len(children()) == 2
            with pytest.raises(RefusedInput, match=r"training diverged.*Lower learning_rate"):
                side.measure(np.stack([weights[0], np.full(14, 1e30, np.float32)]), SEEDS[:2])
            with pytest.raises(ValueError, match="14 finite numbers of at least 0 are expected"):
                side.measure(-weights, SEEDS)
            assert_same(side.measure(weights[::-1], SEEDS[::-1]), expected[::-1])
            side.measure(MANY, [0] * len(MANY), cancels)

    with pytest.raises(Cancelled):
        work()
    assert time.monotonic() - cancels.at < 5
    assert calls.all[-1] == ("next epoch", 12, 12, "2 side by side")
    assert [done for _, done, _, _ in calls.all] == sorted(done for _, done, _, _ in calls.all)


@pytest.mark.usefixtures("no_child_is_left")
def test_a_cancellation_in_turn_ends_at_the_next_step(cnn: tuple[NextEpoch, StudyData]) -> None:
    following, data = cnn
    calls = Calls(stop_at=4)
    with pytest.raises(Cancelled), SideBySide(following, judged(data)) as side:
        side.measure(random_weights(14), SEEDS, calls)
    assert calls.all[-1] == ("next epoch", 4, 12, "epoch 2")
