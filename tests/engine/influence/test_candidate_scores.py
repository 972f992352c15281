"""Influence under many operators in one pass is what each of them gives by itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.data import StudyData
from engine.errors import Cancelled
from engine.frontier import pool_folds
from engine.influence import Horizon, candidate_scores, ceiling_operator, prepare_influence
from engine.study import Study
from tests.engine.influence.cases import convolutions, digits, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.01)
DAMPINGS = ('"training"', '"heuristic"', "0.03")
TRAINING = "epochs = 3\nbatch_size = 20\nlearning_rate = 0.1\nweight_decay = 0.001"


def narrow() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))


@pytest.fixture(scope="module")
def case():
    return case_of(narrow)


def case_of(model: Callable[[], nn.Module]) -> tuple[StudyData, nn.Module]:
    data = digits(60, 47)
    torch.manual_seed(0)
    return data, trained(model(), data.train.inputs, data.train.labels, steps=15)


def settings(folder: Path, strategy: str, damping: str, measurement: str = "loss") -> Study:
    influence = f'strategy = "{strategy}"\ndamping = {damping}\nfactor_examples = "all"\nmeasurement = "{measurement}"'
    return study(folder, influence, TRAINING)


def pooled(prepared) -> np.ndarray:
    rows = np.concatenate([part.ceiling for part in prepared.parts()])
    return pool_folds(rows, prepared.fold_counts)


@pytest.mark.parametrize(
    ("strategy", "measurement", "model"),
    [
        ("exact", "margin", narrow),
        ("ekfac", "loss", convolutions),
        ("ekfac", "margin", narrow),
        ("kfac", "loss", narrow),
        ("diagonal", "margin", convolutions),
        ("identity", "loss", narrow),
    ],
)
def test_each_candidate_is_the_pooled_influence_of_a_study_with_its_damping(strategy, measurement, model, tmp_path):
    data, model = case_of(model)
    studies = [settings(tmp_path, strategy, damping, measurement) for damping in DAMPINGS]
    prepared = prepare_influence(studies[0], data, model, HORIZON)
    operators = [ceiling_operator(one, len(data.train)) for one in studies]

    scores = candidate_scores(prepared, data, operators, measurement)

    assert scores.dtype == np.float32
    assert scores.shape == (len(DAMPINGS), 60, 10)
    for one, found in zip(studies, scores, strict=True):
        expected = pooled(prepare_influence(one, data, model, HORIZON))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert strategy == "identity" or not np.allclose(scores[1], scores[2], rtol=0.01)


def test_neither_batches_nor_a_small_memory_change_more_than_rounding(case, tmp_path):
    data, model = case
    studies = [settings(tmp_path, "ekfac", damping) for damping in DAMPINGS]
    prepared = prepare_influence(studies[0], data, model, HORIZON)
    operators = [ceiling_operator(one, len(data.train)) for one in studies]

    whole = candidate_scores(prepared, data, operators, "loss")
    by_sevens = candidate_scores(replace(prepared, batch_size=7), data, operators, "loss")
    tight = candidate_scores(replace(prepared, budget=1), data, operators, "loss")

    rounding = {"rtol": 1e-3, "atol": 1e-5 * np.abs(whole).max()}
    np.testing.assert_allclose(by_sevens, whole, **rounding)
    np.testing.assert_allclose(tight, whole, **rounding)


def test_the_scores_of_a_preparation_can_be_asked_for_again(case, tmp_path):
    data, model = case
    prepared = prepare_influence(settings(tmp_path, "ekfac", "0.01"), data, model, HORIZON)
    before = pooled(prepared)

    first, again = (candidate_scores(prepared, data, [prepared.ceiling], "loss") for _ in range(2))

    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(pooled(prepared), before)


def test_a_class_without_validation_samples_is_influenced_by_nothing(case, tmp_path):
    data, model = case
    prepared = prepare_influence(settings(tmp_path, "diagonal", "0.01"), data, model, HORIZON)
    kept = np.flatnonzero(data.validation.labels.numpy() != 4)
    without = StudyData(data.train, data.validation.take(kept), None, data.class_names, data.transform, notices=())
    scores = candidate_scores(prepared, without, [prepared.ceiling], "loss")[0]

    assert (scores[:, 4] == 0).all()
    assert (np.abs(np.delete(scores, 4, axis=1)).max(axis=0) > 0).all()


def test_progress_counts_samples_and_stops_the_pass(case, tmp_path):
    data, model = case
    prepared = replace(prepare_influence(settings(tmp_path, "identity", "0.01"), data, model, HORIZON), batch_size=25)
    told = []

    def tell(stage: str, done: int, total: int, note: str = "") -> None:
        told.append((stage, done, total))

    candidate_scores(prepared, data, [prepared.ceiling], "loss", tell)
    assert [one for one in told if one[0] == "scores of candidates"] == [
        ("scores of candidates", done, 60) for done in (25, 50, 60)
    ]

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores of candidates":
            raise Cancelled

    with pytest.raises(Cancelled):
        candidate_scores(prepared, data, [prepared.ceiling], "loss", stop)


def test_a_damping_that_is_still_to_be_calibrated_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="looked up before influence is prepared"):
        ceiling_operator(settings(tmp_path, "exact", '"calibrated"'), 10)
