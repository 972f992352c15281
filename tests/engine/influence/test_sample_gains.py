"""Gains of single samples: their class means are those of P, and each is the derivative along u."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.data import Samples
from engine.influence import prepare_influence, sample_gains
from engine.influence.linear_maps import matrix_shape, parameter_gradients
from engine.influence.operators import Horizon
from engine.influence.rows import allocate_rows
from engine.influence.sample_gains import fill_weighted_gradients
from engine.measurement import per_sample
from tests.engine.influence.cases import Transformer, convolutions, digits, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.01)
TRAIN, VALIDATION = 90, 80


@pytest.fixture(scope="module", params=[convolutions, Transformer])
def case(request):
    data = digits(TRAIN, VALIDATION)
    torch.manual_seed(0)
    return data, trained(request.param(), data.train.inputs, data.train.labels, steps=15)


def changes(count=3):
    return np.random.default_rng(1).uniform(-0.5, 0.5, (count, TRAIN)).astype(np.float32)


@pytest.mark.parametrize("strategy", ["ekfac", "exact"])
@pytest.mark.parametrize("measurement", ["loss", "margin"])
def test_the_mean_over_a_class_of_a_fold_is_what_its_column_of_p_predicts(case, strategy, measurement, tmp_path):
    data, model = case
    settings = study(tmp_path, f'strategy = "{strategy}"\ndamping = 0.01\nmeasurement = "{measurement}"')
    prepared = prepare_influence(settings, data, model, HORIZON)
    (part,) = prepared.parts()
    delta = changes()
    gains = sample_gains(prepared, data, delta, measurement)
    expected = delta @ part.ceiling / TRAIN
    labels = data.validation.labels.numpy()
    for fold, k in zip(*np.nonzero(prepared.fold_counts), strict=True):
        chosen = (prepared.fold_of == fold) & (labels == k)
        told = gains[:, chosen].mean(axis=1)
        np.testing.assert_allclose(told, expected[:, fold * 10 + k], rtol=2e-3, atol=2e-5 * np.abs(expected).max())


def test_each_sample_has_the_product_of_its_own_gradient(case, tmp_path: Path):
    data, model = case
    prepared = prepare_influence(study(tmp_path, 'strategy = "exact"\ndamping = 0.01'), data, model, HORIZON)
    delta = changes(1)
    layers = {name: prepared.model.get_submodule(name) for name in prepared.tracked.names}
    logits = prepared.model(data.train.inputs.double())
    losses = functional.cross_entropy(logits, data.train.labels, reduction="none")
    summed = parameter_gradients((losses * torch.from_numpy(delta[0]).double()).sum(), layers)
    (u,) = prepared.curvature.precondition({name: row[None] for name, row in summed.items()}, [prepared.ceiling])
    gains = sample_gains(prepared, data, delta, "soft_accuracy")[0]
    for v in (0, 17, 79):
        value = per_sample(
            prepared.model(data.validation.inputs[v : v + 1].double()),
            data.validation.labels[v : v + 1],
            "soft_accuracy",
        )
        gradient = parameter_gradients(value.sum(), layers)
        expected = sum(float((gradient[name] * u[name][0]).sum()) for name in layers) / TRAIN
        assert gains[v] == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("batch_size", [7, 32])
def test_sums_do_not_depend_on_the_batches(case, batch_size, tmp_path):
    data, model = case
    prepared = prepare_influence(study(tmp_path, 'strategy = "exact"'), data, model, HORIZON)
    shapes = {name: matrix_shape(prepared.model.get_submodule(name)) for name in prepared.tracked.names}
    told = []
    for size in (TRAIN, batch_size):
        rows = allocate_rows(shapes, 3, torch.float64, torch.device("cpu"), 2**30)
        fill_weighted_gradients(rows, prepared.model, data.train, data.transform, changes(), size)
        told.append(rows)
    for name in shapes:
        torch.testing.assert_close(told[0][name], told[1][name])
    order = torch.arange(TRAIN - 1, -1, -1)
    turned = Samples(data.train.inputs[order], data.train.labels[order], data.train.sources)
    rows = allocate_rows(shapes, 3, torch.float64, torch.device("cpu"), 2**30)
    fill_weighted_gradients(rows, prepared.model, turned, data.transform, changes()[:, ::-1], TRAIN)
    for name in shapes:
        torch.testing.assert_close(rows[name], told[0][name])


@pytest.mark.parametrize("room", [1, 4000])
def test_sums_do_not_depend_on_how_much_is_summed_at_once(case, room, tmp_path, monkeypatch):
    data, model = case
    prepared = prepare_influence(study(tmp_path, 'strategy = "exact"'), data, model, HORIZON)
    shapes = {name: matrix_shape(prepared.model.get_submodule(name)) for name in prepared.tracked.names}

    def summed():
        rows = allocate_rows(shapes, 3, torch.float64, torch.device("cpu"), 2**30)
        fill_weighted_gradients(rows, prepared.model, data.train, data.transform, changes(), 32)
        return rows

    whole = summed()
    # The package has a function of the module's name.
    monkeypatch.setattr(sys.modules[fill_weighted_gradients.__module__], "_CHUNK_BYTES", room)
    parts = summed()
    for name in shapes:
        torch.testing.assert_close(parts[name], whole[name])


def test_progress_counts_samples_and_ends_with_the_last(case, tmp_path):
    data, model = case
    prepared = replace(prepare_influence(study(tmp_path, 'strategy = "exact"'), data, model, HORIZON), batch_size=32)
    told = []
    sample_gains(
        prepared, data, changes(1), "loss", lambda stage, done, total, note="": told.append((stage, done, total))
    )

    expected = [("weighted gradients", done, TRAIN) for done in (32, 64, TRAIN)]
    assert told == expected + [("gains of samples", done, VALIDATION) for done in (32, 64, VALIDATION)]
