"""Trainings on random halves: what they are, that they are shared, and that a stop changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from app.workflow.halves import checked, halves_of, halves_run, measured
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.study import Study, load_study
from engine.training import evaluate, stacked, trained_from_scratch
from tests.app.workflow.planted import write_rows


@pytest.fixture
def study(tmp_path) -> Study:
    (tmp_path / "study").mkdir()
    return write_rows(tmp_path / "study", samples=41)


def without_time(manifest: dict) -> dict:
    return {name: value for name, value in manifest.items() if name != "created"}


def test_each_training_is_on_its_half_with_its_seed(study, tmp_path):
    data = load_data(study)
    folder, cached = halves_run(study, Store(tmp_path / "store"), data, 8, 2)
    values, halves = measured(folder, "validation"), halves_of(41, 8, study)

    assert cached is False
    assert values.shape == (8, 2, 3)
    assert measured(folder, "test").shape == (8, 2, 3)
    for half, seed in ((0, 0), (0, 1), (5, 1)):
        weights = halves[half] * (41 / 20)
        (model,) = trained_from_scratch(study, data, weights[None], [study.seed + seed])
        found = evaluate(model, data.validation, data.transform, 3)
        assert values[half, seed] == pytest.approx(found.value, abs=1e-5)
        assert folder.manifest()["accuracy"]["validation"][half][seed] == pytest.approx(found.accuracy)


def test_they_are_found_again_whatever_is_asked_of_influence(study, tmp_path):
    store, data = Store(tmp_path / "store"), load_data(study)
    folder, _ = halves_run(study, store, data, 8, 1)
    other = study.with_changes(influence={"strategy": "exact", "damping": 0.5, "factor_examples": "all"})

    again, cached = halves_run(other, store, data, 8, 1)
    assert (again.key, cached) == (folder.key, True)
    assert halves_run(study, store, data, 8, 2)[1] is False
    assert halves_run(study.with_changes(influence={"measurement": "margin"}), store, data, 8, 1)[1] is False


def test_more_halves_hold_the_first_ones(study):
    assert np.array_equal(halves_of(41, 16, study)[:8], halves_of(41, 8, study))
    assert not np.array_equal(halves_of(41, 8, study.with_changes(study={"seed": 1})), halves_of(41, 8, study))


def test_a_stop_changes_nothing(study, tmp_path, monkeypatch):
    monkeypatch.setattr(stacked, "TOGETHER", 4)
    data = load_data(study)
    whole, _ = halves_run(study, Store(tmp_path / "whole"), data, 8, 2)

    def stopping(stage: str, done: int, total: int, note: str = "") -> None:
        if done >= 9:
            raise Cancelled

    store = Store(tmp_path / "stopped")
    with pytest.raises(Cancelled):
        halves_run(study, store, data, 8, 2, stopping)
    (unfinished,) = store.unfinished_runs()
    assert [part for part in unfinished.parts if part.startswith("trained")] == [
        "trained-00000.parquet",
        "trained-00001.parquet",
    ]
    resumed, cached = halves_run(study, store, data, 8, 2)
    assert cached is False
    assert without_time(resumed.manifest()) == without_time(whole.manifest())


def test_data_that_change_meanwhile_leave_no_result_under_the_old_key(study, tmp_path):
    store, data = Store(tmp_path / "store"), load_data(study)

    def changing(stage: str, done: int, total: int, note: str = "") -> None:
        file = Path(study.folder) / "train.npz"
        np.savez(file, **(dict(np.load(file)) | {"more": np.zeros(1)}))

    with pytest.raises(RefusedInput, match=r"the data changed during the trainings.*Start again"):
        halves_run(study, store, data, 8, 1, changing)
    assert store.finished_runs() == []
    assert [run.parts for run in store.unfinished_runs()] == [()]


def test_a_class_without_test_samples_has_no_figure(study, tmp_path):
    with np.load(study.folder / "test.npz") as arrays:
        kept = arrays["y"] != 0
        np.savez(study.folder / "test.npz", x=arrays["x"][kept], y=arrays["y"][kept])
    folder, _ = halves_run(load_study(study.folder), Store(tmp_path / "store"), load_data(study), 8, 1)

    values = measured(folder, "test")
    assert np.isnan(values[..., 0]).all()
    assert np.isfinite(values[..., 1:]).all()


def test_numbers_are_the_usual_ones_where_none_are_given():
    assert checked(None, None) == (32, 2)
    assert checked(8, 50) == (8, 50)


@pytest.mark.parametrize(
    ("subsets", "seeds", "told"),
    [
        (7, 2, "--subsets is 7. Expected a whole number from 8 to 1,000. Leave it out for the usual number."),
        (1001, 2, "--subsets is 1001"),
        (8.5, 2, "--subsets is 8.5"),
        (8, 0, "--seeds is 0. Expected a whole number from 1 to 50."),
        (8, 51, "--seeds is 51"),
        (8, True, "--seeds is True"),
    ],
)
def test_numbers_out_of_range_are_refused(subsets, seeds, told):
    with pytest.raises(RefusedInput) as refused:
        checked(subsets, seeds)
    assert told in str(refused.value)
