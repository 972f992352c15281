"""Trainings from scratch as parts of a run: a stop loses nothing that was finished, and changes nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.workflow.retrained_parts import retrained
from cache.run_folder import RunFolder
from engine.data import load_data
from engine.errors import Cancelled
from engine.training import evaluate, from_scratch, stacked
from engine.training.retraining import ClassMeans
from tests.app.workflow.planted import write_rows

SEEDS = [0, 1, 0, 1, 2]


class Stop:
    """A progress that counts trainings and cancels when so many of them are done."""

    def __init__(self, at: int | None = None) -> None:
        self.told = list[tuple[int, int]]()
        self._at = at

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        assert stage == "training from scratch"
        self.told.append((done, total))
        if self._at is not None and done >= self._at:
            raise Cancelled


def weights(numbers: Sequence[int]) -> np.ndarray:
    return np.stack([np.random.default_rng(number).uniform(0, 2, 40).astype(np.float32) for number in numbers])


def equal(first: dict[str, ClassMeans], second: dict[str, ClassMeans]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(getattr(first[split], figure), getattr(second[split], figure), equal_nan=True)
        for split in first
        for figure in ("accuracy", "value")
    )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of every training that was begun."""
    begun, train = list[int](), from_scratch.Scratch.trained

    def trained(scratch, rows, seeds, progress):
        begun.extend(seeds)
        return train(scratch, rows, seeds, progress)

    monkeypatch.setattr(from_scratch.Scratch, "trained", trained)
    return begun


@pytest.mark.parametrize(
    ("architecture", "groups"), [("mlp", [[0, 1], [2, 3], [4]]), ("cnn", [[0], [1], [2], [3], [4]])]
)
def test_a_stopped_experiment_goes_on_with_what_is_missing_and_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[int], architecture: str, groups: list[list[int]]
) -> None:
    monkeypatch.setattr(stacked, "TOGETHER", 2)
    study = write_rows(tmp_path, architecture)
    data = load_data(study)
    whole = retrained(RunFolder(tmp_path / "whole"), "trained", study, data, SEEDS, weights, Stop())
    counted.clear()

    folder, first, rest = RunFolder(tmp_path / "stopped"), Stop(at=3), Stop()
    with pytest.raises(Cancelled):
        retrained(folder, "trained", study, data, SEEDS, weights, first)
    finished = len(folder.parts)
    assert 0 < finished < len(groups)
    assert all(part.startswith("trained-0000") for part in folder.parts)
    before = {part: (folder.path / part).stat().st_mtime_ns for part in folder.parts}
    counted.clear()
    resumed = retrained(folder, "trained", study, data, SEEDS, weights, rest)

    assert equal(resumed, whole)
    assert counted == [SEEDS[training] for group in groups[finished:] for training in group]
    assert {part: (folder.path / part).stat().st_mtime_ns for part in before} == before
    # What was there counts as done from the beginning.
    assert rest.told[0] == (sum(map(len, groups[:finished])), 5)
    assert rest.told[-1] == (5, 5)


def test_a_part_that_was_lost_is_trained_again_to_the_same_bits(tmp_path: Path, monkeypatch, counted) -> None:
    monkeypatch.setattr(stacked, "TOGETHER", 2)
    study = write_rows(tmp_path)
    data, folder = load_data(study), RunFolder(tmp_path / "run")
    whole = retrained(folder, "trained", study, data, SEEDS, weights, Stop())
    (folder.path / "trained-00001.parquet").unlink()
    counted.clear()

    assert equal(retrained(folder, "trained", study, data, SEEDS, weights, Stop()), whole)
    assert counted == [0, 1]


def test_finished_trainings_are_read_and_not_run(tmp_path: Path, counted) -> None:
    study = write_rows(tmp_path)
    data, folder = load_data(study), RunFolder(tmp_path / "run")
    whole = retrained(folder, "trained", study, data, SEEDS, weights, Stop())
    counted.clear()

    again = retrained(folder, "trained", study, data, SEEDS, weights, Stop())
    assert equal(again, whole)
    assert counted == []
    assert {split: (means.accuracy.shape, means.value.shape) for split, means in again.items()} == {
        "validation": ((5, 3), (5, 3)),
        "test": ((5, 3), (5, 3)),
    }


def test_trainings_come_in_the_order_of_their_numbers_also_above_ten_groups(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(stacked, "TOGETHER", 1)
    study = write_rows(tmp_path, epochs=1)
    data, seeds = load_data(study), list(range(12))
    found = retrained(RunFolder(tmp_path / "run"), "trained", study, data, seeds, weights, Stop())

    assert data.test is not None
    for training in (0, 2, 10, 11):
        (model,) = from_scratch.trained_from_scratch(study, data, weights([training]), [training])
        expected = evaluate(model, data.test, data.transform, 3)
        assert found["test"].value[training] == pytest.approx(expected.value, rel=1e-6)
    assert len(np.unique(found["validation"].value, axis=0)) == 12


def test_figures_that_do_not_exist_are_kept_as_such(tmp_path: Path) -> None:
    study = write_rows(tmp_path)
    with np.load(tmp_path / "test.npz") as arrays:
        kept = arrays["y"] != 2
        np.savez(tmp_path / "test.npz", x=arrays["x"][kept], y=arrays["y"][kept])
    data, folder = load_data(study), RunFolder(tmp_path / "run")
    for _ in range(2):
        found = retrained(folder, "trained", study, data, [0, 1], weights, Stop())
        assert found["test"].value.dtype == np.float64
        assert np.isnan(found["test"].accuracy).tolist() == [[False, False, True]] * 2
        assert np.isfinite(found["validation"].value).all()


def test_a_study_without_test_samples_is_measured_on_validation_alone(tmp_path: Path) -> None:
    study = write_rows(tmp_path, test=False)
    found = retrained(RunFolder(tmp_path / "run"), "trained", study, load_data(study), [0], weights, Stop())
    assert list(found) == ["validation"]


def test_two_experiments_of_one_run_are_kept_apart(tmp_path: Path) -> None:
    study = write_rows(tmp_path)
    data, folder = load_data(study), RunFolder(tmp_path / "run")
    one = retrained(folder, "one", study, data, [0, 1], weights, Stop())
    two = retrained(folder, "two", study, data, [5], weights, Stop())

    assert (len(one["test"].value), len(two["test"].value)) == (2, 1)
    assert equal(retrained(folder, "one", study, data, [0, 1], weights, Stop()), one)
    assert folder.parts == ("one-00000.parquet", "two-00000.parquet")
