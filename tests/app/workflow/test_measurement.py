"""From influence to a trained candidate by each measurement: one unit all the way, and words that name it.

Influence itself may be of any measurement here: what is looked at is how its numbers are told.
"""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from app.figures import frontier
from app.terminal import describe
from app.workflow.candidate_parts import read_control, stored_weights
from app.workflow.ceiling_view import trust_marks
from app.workflow.improve_view import Predictor, measured_points, predicted_groups
from app.workflow.influence import fold_counts, fold_rows
from cache import Cache
from cache.manifests import class_scale
from cache.store import Store
from engine.data import StudyData, load_data
from engine.frontier import WeightRange, certificate, leave_out, pool_folds
from engine.judged_by import WORDS, Measurement
from engine.study import Study, load_study
from engine.training import NextEpoch

TARGETS = (1, 8)


@pytest.fixture(scope="module", params=get_args(Measurement))
def measurement(request) -> Measurement:
    return request.param


@pytest.fixture(scope="module")
def study(trained_digits, measurement) -> Study:
    study = load_study(trained_digits).with_changes(influence={"measurement": measurement})
    return study.with_changes(reweight={"search": {"iterations": 1}})


@pytest.fixture(scope="module")
def store(tmp_path_factory, study, run_use_case) -> Store:
    store = Store(tmp_path_factory.mktemp("measured"))
    run_use_case("ceiling", study, store)
    run_use_case("reweight", study, store)
    return store


@pytest.fixture(scope="module")
def runs(store) -> dict:
    return {run.manifest()["kind"]: run for run in store.finished_runs()}


@pytest.fixture(scope="module")
def cached(store, runs) -> pd.DataFrame:
    with Cache.open(store) as cache:
        cache.ingest()
        assert cache.refused == {}
        return cache.candidates(runs["reweight"].key)


def values_of(model: nn.Module, data: StudyData, measurement: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """What each validation sample is judged by, by way of probabilities in float64, and its class."""
    with torch.no_grad():
        logits = model.eval()(data.transform.prepare(data.validation.inputs)).double().numpy()
    labels = data.validation.labels.numpy()
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    right = (powers / powers.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels]
    told = {"loss": -np.log(right), "margin": -np.log(right / (1 - right)), "soft_accuracy": 1 - right}
    return told[measurement], labels


def class_means(values: np.ndarray, labels: np.ndarray) -> list[float]:
    return [float(values[labels == k].mean()) for k in range(10)]


def test_a_run_says_what_it_is_judged_by_and_the_scale_of_each_class(study, runs, measurement):
    manifest = runs["influence"].manifest()

    data = load_data(study)
    values, labels = values_of(NextEpoch.from_study(study, data, 4).start, data, measurement)
    assert manifest["measurement"] == measurement
    assert manifest["scale"]["validation"] == pytest.approx(class_means(abs(values), labels), rel=1e-4)
    assert (manifest["scale"] == manifest["loss"]) == (measurement == "loss")
    assert {split: len(scale) for split, scale in manifest["scale"].items()} == dict.fromkeys(manifest["loss"], 10)


def test_measurements_are_runs_of_their_own(trained_digits, finished_store, runs, measurement):
    loss = {run.manifest()["kind"]: run.key for run in finished_store.finished_runs()}

    assert [runs[kind].key == loss[kind] for kind in ("influence", "ceiling")] == [measurement == "loss"] * 2


def test_the_verdict_is_told_in_per_cent_of_the_scale(study, runs, measurement):
    influence, ceiling = runs["influence"], runs["ceiling"].manifest()
    rows, counts = fold_rows(influence, "ceiling"), fold_counts(influence)
    folds, measured = counts.shape
    # The left-out gain is linear in P: that of the fold's own column under the weights of the other folds.
    expected = np.zeros(measured)
    for fold in range(folds):
        kept, left = leave_out(rows, counts, fold)
        weights = certificate(kept, WeightRange.from_study(study.reweight)).weights
        expected += counts[fold] / counts.sum(axis=0) * ((weights - 1) @ left) / len(left)

    scale = np.array(influence.manifest()["scale"]["validation"])
    assert ceiling["measurement"] == measurement
    size = np.abs(10 * expected / scale).max()
    assert ceiling["gain"]["held_out"] == pytest.approx(10 * expected / scale, rel=1e-3, abs=1e-3 * size)
    assert f"% of its {WORDS[measurement].scale} " in ceiling["sentence"]


def test_the_control_and_the_candidates_were_measured_by_it(study, runs, cached, measurement):
    data, search = load_data(study), runs["reweight"]
    next_epoch = NextEpoch.from_study(study, data, 4)
    first = cached[cached["accuracy"].notna()].iloc[0]
    weights = stored_weights(search, first["number"])

    def told_of(used):
        """Means over the search's batch orders of what the classes are judged by, and of its absolute value."""
        means = []
        for order in range(study.reweight.search.orders):
            values, labels = values_of(next_epoch.train(used, study.seed + order), data, measurement)
            means.append((class_means(values, labels), class_means(abs(values), labels)))
        return np.mean(means, axis=0)

    # The first candidate is a baseline, which is trained in every order.
    value, _ = told_of(weights)
    assert first["value"] == pytest.approx(value, rel=1e-3, abs=1e-5)
    assert np.array_equal(first["value"], first["loss"]) == (measurement == "loss")
    value, scale = told_of(None)
    told = search.read_json("control.json")
    assert told["measurement"] == measurement
    assert told["value"] == pytest.approx(value, rel=1e-3, abs=1e-5)
    assert told["scale"] == pytest.approx(scale, rel=1e-3, abs=1e-5)
    control = read_control(search)
    assert (control.value.tolist(), control.scale.tolist()) == (told["value"], told["scale"])


def test_predicted_frontier_and_trained_candidates_are_in_one_unit(study, runs, cached):
    influence = runs["influence"]
    vectors = pool_folds(fold_rows(influence, "epoch"), fold_counts(influence)).astype(np.float32)
    labels = load_data(study).train.labels.numpy()
    names = tuple(influence.manifest()["class_names"])
    predictor = Predictor.of(
        study, TARGETS, vectors, predicted_groups(study, vectors, labels), class_scale(influence.manifest()), names
    )
    control = read_control(runs["reweight"])

    points = measured_points(cached, control, TARGETS).set_index("number")

    gains = predictor.programme.solve(np.zeros(10)).gains
    told = 100 * gains[list(TARGETS)] / np.array(influence.manifest()["scale"]["validation"])[list(TARGETS)]
    assert predictor.frontier()["target_gain"].iloc[0] == pytest.approx(told.mean(), rel=1e-3)
    trained = cached.set_index("number")
    for number, point in points.iterrows():
        _, value = control.of(trained.loc[number, "orders"])
        change = value - np.asarray(trained.loc[number, "value"], dtype=float)
        percent = 100 * change / control.scale
        assert point["target_gain"] == pytest.approx(percent[list(TARGETS)].mean())
        assert point["worst_other"] == pytest.approx(np.delete(percent, TARGETS).min())


def test_what_is_shown_names_the_measurement_and_never_another(runs, cached, measurement, capsys):
    influence, ceiling = (runs[kind].manifest() for kind in ("influence", "ceiling"))
    points = measured_points(cached, read_control(runs["reweight"]), TARGETS)
    axes = frontier(pd.DataFrame(), points, measurement=measurement).layout
    describe("ceiling", ceiling)

    told = [
        ceiling["sentence"],
        axes.xaxis.title.text,
        axes.yaxis.title.text,
        trust_marks(influence, ceiling)[3].reason,
        " ".join(capsys.readouterr().out.split()),
    ]
    for text in told:
        named = {name for name, words in WORDS.items() if words.scale in text}
        assert named == {measurement}, text
