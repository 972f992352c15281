"""Which strategy and damping predict trainings on halves: the numbers, what a stop keeps, what is left out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from app.workflow import datamodelling
from app.workflow.datamodelling import Comparison, datamodelling_run
from app.workflow.halves import halves_of
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.experiments.datamodelling import choose
from engine.experiments.halves_options import DAMPINGS
from engine.frontier import pool_folds
from engine.influence import Horizon, guards, prepare_influence
from engine.progress import silent
from engine.study import Study, load_study
from engine.training import trained_model
from tests.app.workflow.planted import train, write_planted, write_rows

FEW = Comparison(8, 2, all_strategies=False)
ALL = Comparison(8, 2, all_strategies=True)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, epochs=6)
    return train(folder)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def run(study: Study, store: Store, comparison: Comparison = FEW, progress=silent) -> dict:
    return datamodelling_run(study, store, load_data(study), comparison, progress)[0].manifest()


def of(folder: Path, **influence) -> Study:
    return load_study(folder).with_changes(influence=influence)


def without_time(manifest: dict) -> dict:
    return {name: value for name, value in manifest.items() if name != "created"}


def test_each_score_is_the_rank_correlation_of_summed_influence_with_the_loss_of_the_trainings(rows, store):
    found = run(of(rows), store, ALL)
    study = load_study(rows)
    data = load_data(study)
    model, _ = trained_model(study, data, 6)
    losses = np.array(store.run(found["halves"]).manifest()["value"]["validation"]).mean(axis=1)
    halves = halves_of(len(data.train), 8, study)

    assert found["strategies"] == ["diagonal", "ekfac", "kfac", "identity"]
    kinds = {(one["strategy"], one["damping"]): one for one in found["candidates"]}
    assert len(kinds) == len(found["candidates"]) == 3 * len(DAMPINGS) + 1
    for strategy, damping in (
        ("diagonal", "training"),
        ("ekfac", "heuristic"),
        ("kfac", 0.03),
        ("identity", "training"),
    ):
        changed = of(rows, strategy=strategy, damping=damping)
        prepared = prepare_influence(changed, data, model, Horizon(0.0, 0.001))
        vectors = pool_folds(np.concatenate([part.ceiling for part in prepared.parts()]), prepared.fold_counts)
        expected = [spearmanr([vectors[half, k].sum() for half in halves], -losses[:, k]).statistic for k in range(3)]
        assert kinds[strategy, damping]["scores"] == pytest.approx(expected, abs=1e-6)
        assert kinds[strategy, damping]["mean"] == pytest.approx(np.mean(expected), abs=1e-6)


def test_the_study_is_told_by_its_own_damping_with_interval_ceiling_and_share(rows, store):
    found = run(of(rows, damping=0.01), store)
    own = found["candidates"][found["own"]]

    assert (own["strategy"], own["damping"]) == (found["strategy"], found["damping"]) == ("diagonal", 0.01)
    low, high = found["interval"]
    assert low <= own["mean"] <= high
    assert found["interval"] == own["interval"]
    assert own["share_of_ceiling"] == pytest.approx(own["mean"] / found["mean_ceiling"])
    assert len(found["ceiling"]) == 3
    assert f"{own['mean']:.2f}" in found["sentence"]
    json.dumps(found, allow_nan=False)


def test_a_damping_that_is_a_candidate_in_any_case_is_no_other_run(rows, store):
    keys = {run(of(rows, damping=damping), store)["key"] for damping in (*DAMPINGS, "calibrated")}
    assert len(keys) == 1


def test_a_damping_of_ones_own_is_compared_but_never_the_calibrated_one(rows, store, monkeypatch):
    usual, own = run(of(rows), store), run(of(rows, damping=0.02), store)

    dampings = [one["damping"] for one in own["candidates"]]
    assert dampings == [*DAMPINGS, 0.02]
    assert own["candidates"][own["own"]]["damping"] == 0.02
    assert own["calibrated"] == usual["calibrated"]
    assert own["halves"] == usual["halves"]

    def choosing(predicted, measured, reference):
        assert len(predicted) == len(DAMPINGS)
        return choose(predicted, measured, reference)

    monkeypatch.setattr(datamodelling, "choose", choosing)
    run(of(rows, damping=0.05), store)


def test_a_stop_keeps_trainings_and_strategies_and_changes_nothing(rows, tmp_path, store):
    whole = run(of(rows), Store(tmp_path / "whole"), ALL)
    began = list[tuple[str, str]]()

    def stopping(stage: str, done: int, total: int, note: str = "") -> None:
        began.append((stage, note))
        if stage == "scores of candidates" and note == "kfac":
            raise Cancelled

    with pytest.raises(Cancelled):
        run(of(rows), store, ALL, stopping)
    (unfinished,) = store.unfinished_runs()
    assert set(unfinished.parts) == {"arithmetic.json", "predicted-diagonal.json", "predicted-ekfac.json"}
    began.clear()
    resumed = run(of(rows), store, ALL, lambda stage, done, total, note="": began.append((stage, note)))

    assert without_time(resumed) == without_time(whole)
    assert {note.partition(",")[0] for stage, note in began} - {""} == {"kfac", "identity"}


def test_a_strategy_that_cannot_go_through_the_model_is_left_out_and_told(rows, store, monkeypatch):
    monkeypatch.setattr(guards, "LARGEST_FACTOR", 3)
    found = run(of(rows), store, ALL)

    assert found["strategies"] == ["diagonal", "identity"]
    assert len(found["notices"]) == 2
    assert found["notices"][0].startswith("The strategy ekfac is not compared: no module of the model can be tracked")


def test_without_curvature_there_is_one_damping_and_the_sentence_says_why(rows, store):
    found = run(of(rows, strategy="identity", damping=0.3), store)

    assert [one["damping"] for one in found["candidates"]] == ["training"]
    assert found["calibrated"]["gain"] == 0.0
    assert found["calibration_sentence"].startswith("The strategy 'identity' has no curvature to damp")


def test_trainings_that_come_out_alike_rank_nothing(rows, tmp_path, store):
    folder = Path(shutil.copytree(rows, tmp_path / "study"))
    still = load_study(folder).with_changes(training={"learning_rate": 1e-30, "weight_decay": 0.0})
    found = run(still, store)

    assert (
        found["interval"]
        is found["mean_ceiling"]
        is found["calibrated"]["score"]
        is found["calibrated"]["gain"]
        is None
    )
    assert found["sentence"] == "These trainings came out alike, so there is nothing to rank."
    assert found["calibration_sentence"] == "These trainings came out alike, so no damping is better than another."
    assert {one["mean"] for one in found["candidates"]} == {None}


def test_one_training_of_each_half_has_no_ceiling(rows, store):
    found = run(of(rows), store, Comparison(8, 1, all_strategies=False))

    assert found["ceiling"] == [None] * 3
    assert found["candidates"][0]["share_of_ceiling"] is None
    assert "Two trainings of each half would show" in found["sentence"]


def test_influence_predicts_trainings_where_samples_act_on_axes_of_their_own(tmp_path, store):
    write_planted(tmp_path)
    found = run(load_study(train(tmp_path)), store, Comparison(16, 2, all_strategies=False))
    assert found["candidates"][0]["mean"] > 0.8


@pytest.mark.parametrize("changed", ["train.npz", "checkpoints"])
def test_files_that_change_meanwhile_leave_no_result_under_the_old_key(rows, tmp_path, store, changed):
    folder = Path(shutil.copytree(rows, tmp_path / "study"))

    def changing(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores of candidates" and changed == "train.npz":
            np.savez(folder / "train.npz", **(dict(np.load(rows / "train.npz")) | {"more": np.zeros(1)}))
        elif stage == "scores of candidates":
            epochs = folder / "checkpoints"
            shutil.copy(epochs / "epoch-001.safetensors", epochs / "epoch-006.safetensors")

    with pytest.raises(RefusedInput, match=r"changed while predictions were compared.*Start again"):
        run(load_study(folder), store, FEW, changing)
    assert [one.manifest()["kind"] for one in store.finished_runs()] == ["halves"]
    assert [one.parts for one in store.unfinished_runs()] == [()]
