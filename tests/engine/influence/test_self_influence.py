"""Self-influence against the quadratic form of autograd's own gradients in float64."""

import copy
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.errors import Cancelled, RefusedInput
from engine.influence import Horizon, prepare_influence, self_influence
from engine.influence.linear_maps import parameter_gradients
from tests.engine.influence.cases import Transformer, convolutions, digits, mlp, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.01)
TRAIN, VALIDATION = 60, 40
STRATEGIES = ("exact", "ekfac", "kfac", "diagonal", "identity")


@pytest.fixture(scope="module", params=[mlp, convolutions, Transformer], ids=lambda case: case.__name__)
def case(request):
    data = digits(TRAIN, VALIDATION)
    torch.manual_seed(0)
    return data, trained(request.param(), data.train.inputs, data.train.labels, steps=15)


def prepared_for(case, strategy, folder, damping="0.01"):
    data, model = case
    settings = study(folder, f'strategy = "{strategy}"\ndamping = {damping}\nfactor_examples = "all"')
    return prepare_influence(settings, data, model, HORIZON)


def dense(prepared, data) -> np.ndarray:
    """The form by its definition: each sample's own gradient, preconditioned, times itself; all in float64."""
    model = copy.deepcopy(prepared.model).double()
    layers = {name: model.get_submodule(name) for name in prepared.tracked.names}
    values = []
    for j in range(len(data.train)):
        logits = model(data.train.inputs[j : j + 1].double())
        gradient = parameter_gradients(functional.cross_entropy(logits, data.train.labels[j : j + 1]), layers)
        rows = {name: row[None] for name, row in gradient.items()}
        (acted,) = prepared.curvature.precondition(rows, [prepared.ceiling])
        values.append(sum(float((rows[name] * acted[name].double()).sum()) for name in layers))
    return np.array(values)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_is_the_quadratic_form_of_each_samples_own_gradient(case, strategy, tmp_path):
    data, _ = case
    prepared = prepared_for(case, strategy, tmp_path)

    values = self_influence(prepared, data)

    expected = dense(prepared, data)
    assert values.dtype == np.float64
    assert values.shape == (TRAIN,)
    # Blocks are fitted, and gradients computed, in float32.
    tolerance = 1e-9 if strategy == "exact" else 2e-3
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance * 1e-2 * expected.max())
    assert (values >= 0).all()


@pytest.mark.parametrize("damping", ['"heuristic"', '"training"'])
@pytest.mark.parametrize("strategy", ["exact", "ekfac"])
def test_it_follows_the_operator_of_the_ceiling(case, strategy, damping, tmp_path):
    data, _ = case
    prepared = prepared_for(case, strategy, tmp_path, damping)

    expected = dense(prepared, data)
    np.testing.assert_allclose(self_influence(prepared, data), expected, rtol=5e-3, atol=1e-4 * expected.max())


@pytest.mark.parametrize("strategy", ["exact", "ekfac", "identity"])
def test_neither_batches_nor_chunks_change_more_than_rounding(case, strategy, tmp_path, monkeypatch):
    data, _ = case
    prepared = prepared_for(case, strategy, tmp_path)
    whole = self_influence(prepared, data)

    by_sevens = self_influence(replace(prepared, batch_size=7), data)
    # The package has a function of the module's name.
    monkeypatch.setattr(sys.modules[self_influence.__module__], "_CHUNK_BYTES", 1)
    one_by_one = self_influence(prepared, data)

    rounding = {"rtol": 1e-10 if strategy == "exact" else 1e-4, "atol": 1e-6 * whole.max()}
    np.testing.assert_allclose(by_sevens, whole, **rounding)
    np.testing.assert_allclose(one_by_one, whole, **rounding)


def test_a_gradient_is_rotated_by_whichever_way_is_cheaper_with_the_same_result(tmp_path):
    # 64 positions of narrow maps, and 4 positions of wide ones: each takes another way.
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 2, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(2, 24, 4, stride=4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(96, 10),
    )
    data = digits(TRAIN, VALIDATION)
    case = data, trained(model, data.train.inputs, data.train.labels, steps=15)
    prepared = prepared_for(case, "ekfac", tmp_path)

    np.testing.assert_allclose(self_influence(prepared, data), dense(prepared, data), rtol=2e-3)


def test_wrong_labels_stand_out(tmp_path):
    data = digits(300, 100)
    labels = data.train.labels.clone()
    flipped = torch.arange(0, 300, 20)
    labels[flipped] = (labels[flipped] + 1) % 10
    data = replace(data, train=replace(data.train, labels=labels))
    case = data, trained(mlp(), data.train.inputs, labels, steps=60)

    values = self_influence(prepared_for(case, "exact", tmp_path), data)

    order = np.argsort(-values)[: len(flipped)]
    assert np.isin(order, flipped).mean() > 0.7


def test_progress_counts_samples_and_stops_the_pass(case, tmp_path):
    data, _ = case
    prepared = replace(prepared_for(case, "identity", tmp_path), batch_size=25)
    told = []
    self_influence(prepared, data, lambda stage, done, total, note="": told.append((stage, done, total)))
    assert told == [("self-influence", done, TRAIN) for done in (25, 50, TRAIN)]

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        self_influence(prepared, data, stop)


def test_what_is_not_finite_is_refused_by_sample(tmp_path):
    data = digits(TRAIN, VALIDATION)
    case = data, trained(mlp(), data.train.inputs, data.train.labels, steps=5)
    prepared = prepared_for(case, "identity", tmp_path)
    inputs = data.train.inputs.clone()
    inputs[17] = 1e30
    with pytest.raises(RefusedInput, match="training sample 17 is not finite"):
        self_influence(prepared, replace(data, train=replace(data.train, inputs=inputs)))
