"""The damping that predicts trainings best: found once, and then used wherever influence is computed."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.workflow import calibrated
from app.workflow.calibrated import calibrate, calibrated_study
from app.workflow.ceiling import judge_ceiling
from app.workflow.climb import climb
from app.workflow.datamodelling import Comparison
from app.workflow.influence import compute_influence, fold_rows, influence_run
from app.workflow.sentences import influence_notices
from cache.fingerprints import climb_key, influence_key
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import load_data
from engine.errors import Cancelled
from engine.experiments.halves_options import DAMPINGS
from engine.progress import silent
from engine.study import Study, load_study
from tests.app.workflow.planted import train, write_rows


@pytest.fixture(autouse=True)
def _few_halves(monkeypatch) -> None:
    monkeypatch.setattr(calibrated, "CALIBRATION", Comparison(8, 1, all_strategies=False))


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, epochs=6, samples=60)
    return train(folder)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def of(folder: Path, **influence) -> Study:
    return load_study(folder).with_changes(influence=influence)


def kinds(store: Store) -> list[str]:
    return sorted(run.manifest()["kind"] for run in store.finished_runs())


def test_a_damping_that_is_given_is_left_and_nothing_is_trained(rows, store):
    for damping in ("training", "heuristic", 0.5):
        study = of(rows, damping=damping)
        assert calibrated_study(study, store, load_data(study)) is study
    assert kinds(store) == []


def test_without_curvature_nothing_is_trained_either(rows, store):
    study = of(rows, damping="calibrated", strategy="identity")
    assert calibrated_study(study, store, load_data(study)).influence.damping == "training"
    assert kinds(store) == []


def test_it_stands_for_the_candidate_with_the_best_score_and_changes_nothing_else(rows, store):
    told = calibrate(of(rows), store, {})
    study = of(rows, damping="calibrated")
    found = calibrated_study(study, store, load_data(study))

    best = max(told["candidates"], key=lambda one: one["mean"])
    assert found.influence.damping == told["damping"] == best["damping"]
    assert found == study.with_changes(influence={"damping": told["damping"]})


def test_what_calibrate_says(rows, store):
    told = calibrate(of(rows, damping="heuristic"), store, {})

    json.dumps(told, allow_nan=False)
    assert told["damping"] in DAMPINGS
    assert told["in_use"] == "heuristic"
    assert told["trainings"] == 8
    by_damping = {one["damping"]: one["mean"] for one in told["candidates"]}
    assert told["score"] == by_damping[told["damping"]] == max(by_damping.values())
    assert told["heuristic"] == by_damping["heuristic"]
    assert isinstance(told["gain"], float)
    assert told["cached"] is False
    assert "predicts these trainings" in told["sentence"]
    assert calibrate(of(rows, damping="heuristic"), store, {})["cached"] is True
    # What --apply writes is found and not computed again.
    assert calibrate(of(rows, damping="calibrated"), store, {}) == told | {"in_use": "calibrated", "cached": True}


def test_influence_is_that_of_the_chosen_number_and_calibrates_once(rows, store, monkeypatch):
    study = of(rows, damping="calibrated")
    folder, cached = influence_run(study, store)
    assert cached is False
    assert kinds(store) == ["datamodelling", "halves", "influence"]
    chosen = folder.manifest()["damping"]
    assert chosen == calibrate(study, store, {})["damping"]

    other, cached = influence_run(of(rows, damping=chosen), store)
    assert cached is False
    for operator in ("ceiling", "epoch"):
        np.testing.assert_array_equal(fold_rows(folder, operator), fold_rows(other, operator))
    assert other.manifest()["damping"] == chosen
    assert folder.key != other.key
    # A damping that is far from it gives other vectors: the equality above is no accident.
    far, _ = influence_run(of(rows, damping=50.0), store)
    assert not np.allclose(fold_rows(far, "ceiling"), fold_rows(folder, "ceiling"), rtol=0.01)

    # The same study trains nothing more, one that is judged otherwise or has another seed does.
    def stopping(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training from scratch":
            raise Cancelled

    assert compute_influence(study, store, {}, stopping)["cached"] is True
    with pytest.raises(Cancelled):
        influence_run(of(rows, damping="calibrated", measurement="margin"), store, stopping)
    with pytest.raises(Cancelled):
        influence_run(study.with_changes(study={"seed": 8}), store, stopping)


def test_a_stop_in_the_calibration_of_an_influence_run_goes_on_there(rows, tmp_path, store):
    study = of(rows, damping="calibrated")

    def stopping(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores of candidates":
            raise Cancelled

    with pytest.raises(Cancelled):
        influence_run(study, store, stopping)
    assert kinds(store) == ["halves"]
    folder, _ = influence_run(study, store)
    whole, _ = influence_run(study, Store(tmp_path / "whole"))
    np.testing.assert_array_equal(fold_rows(folder, "ceiling"), fold_rows(whole, "ceiling"))


def test_the_verdict_and_the_climb_use_it(rows, store):
    study = of(rows, damping="calibrated")
    verdict = judge_ceiling(study, store, {})
    chosen = store.run(verdict["influence"]).manifest()["damping"]
    expected = judge_ceiling(of(rows, damping=chosen), store, {})
    for name in ("verdict", "gain", "prices", "minimum", "headroom"):
        assert verdict[name] == expected[name]

    climbed = climb(study, store, {"rounds": 2})
    expected = climb(of(rows, damping=chosen), store, {"rounds": 2})
    assert climbed["run"] != expected["run"]
    assert climbed["rounds"] == expected["rounds"]
    assert climb(study, store, {"rounds": 2}, silent)["cached"] is True


def test_what_a_climb_is_depends_on_the_checkpoint_only_where_that_chooses_the_damping(rows, tmp_path):
    study = load_study(rows)
    earlier = {"model": {"epoch": 2}}
    assert climb_key(study, "remove", 2) == climb_key(study.with_changes(**earlier), "remove", 2)
    study = of(rows, damping="calibrated")
    assert climb_key(study, "remove", 2) != climb_key(study.with_changes(**earlier), "remove", 2)
    # Without a checkpoint a page can still ask whether there is such a climb.
    assert climb_key(study.with_changes(model={"checkpoints": "nowhere"}), "remove", 2)


def test_a_calibrated_influence_has_a_key_of_its_own(rows):
    checkpoint = chosen_checkpoint(load_study(rows))[1]
    keys = {influence_key(of(rows, damping=damping), checkpoint) for damping in (*DAMPINGS, "calibrated")}
    assert len(keys) == len(DAMPINGS) + 1


def test_assumed_training_is_told_by_the_damping_that_was_used(rows):
    study = of(rows, damping="calibrated").model_copy(deep=True)
    assumed = study.with_changes()
    assumed.training.model_fields_set.discard("epochs")
    sound = {"notices": [], "accuracy": {"validation": [1.0, 0.9]}, "counts": {"validation": [20, 20]}}
    for stored, told in ({"damping": "training"}, True), ({"damping": 0.1}, False), ({}, False):
        assert bool(influence_notices(assumed, sound | stored)) is told
    # A run from before dampings were stored.
    before = of(rows, damping="training").with_changes()
    before.training.model_fields_set.discard("epochs")
    assert influence_notices(before, sound) != []
