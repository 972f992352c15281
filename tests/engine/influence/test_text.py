"""Influence through a transformer: which of its modules, and that padding has no part in it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.data import load_data
from engine.errors import RefusedInput
from engine.influence import prepare_influence
from engine.influence.operators import Horizon
from engine.influence.preparation import planned
from engine.influence.tracked import NOT_BY_DEFAULT
from engine.influence.wrapping import ClassificationTask
from engine.models import text_models
from engine.training.from_scratch import trained_from_scratch
from tests.engine.influence.test_finite_differences import differences
from tests.engine.text_studies import text_study, write_transformer

HORIZON = Horizon(tau=0.5, weight_decay=0.01)
LAST = (
    "bert.encoder.layer.1.attention.self.query",
    "bert.encoder.layer.1.attention.self.key",
    "bert.encoder.layer.1.attention.self.value",
    "bert.encoder.layer.1.attention.output.dense",
    "bert.encoder.layer.1.intermediate.dense",
    "bert.encoder.layer.1.output.dense",
    "bert.pooler.dense",
    "classifier",
)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    write_transformer(folder / "bert", initializer_range=0.3)
    study = text_study(
        folder,
        data={},
        model={"architecture": "transformers:bert"},
        training={"epochs": 3, "batch_size": 10},
        influence={"factor_examples": "all", "damping": 0.01},
        compute={"device": "cpu", "threads": 1},
    )
    data = load_data(study)
    (model,) = trained_from_scratch(study, data, np.ones((1, len(data.train))), [0])
    return study, data, model


def scores(study, data, model) -> np.ndarray:
    (part,) = prepare_influence(study, data, model, HORIZON).parts()
    return np.concatenate([part.ceiling, part.epoch], axis=1)


def padded(data, columns: int):
    """The same texts with more padding behind all of them."""

    def more(samples):
        return replace(samples, inputs=functional.pad(samples.inputs, (0, columns)))

    return replace(data, train=more(data.train), validation=more(data.validation))


def test_the_last_modules_are_tracked_by_default(case):
    study, data, model = case
    tracked, _ = planned(study, data, model)

    assert tracked.names == LAST
    assert tracked.refused["bert.encoder.layer.0.output.dense"] == NOT_BY_DEFAULT
    assert tracked.refused["bert.embeddings.word_embeddings"] == "Embedding parameters have no Kronecker factors"
    assert tracked.parameters == sum(
        parameter.numel() for name in LAST for parameter in model.get_submodule(name).parameters()
    )


def test_other_modules_are_tracked_where_they_are_named(case):
    study, data, model = case
    named = ("bert.encoder.layer.0.output.dense", "classifier")

    assert planned(study.with_changes(influence={"modules": named}), data, model)[0].names == named


def test_what_is_wrong_below_the_last_modules_does_not_matter(case):
    study, data, _ = case
    frozen: Any = text_models.text_classifier(study.text_folder, 3)
    frozen.bert.encoder.layer[0].output.dense.weight.requires_grad_(False)
    assert planned(study, data, frozen)[0].names == LAST

    frozen.classifier.weight.requires_grad_(False)
    with pytest.raises(RefusedInput, match="classifier: some of its parameters are frozen"):
        planned(study, data, frozen)


@pytest.mark.parametrize("strategy", ["exact", "ekfac"])
def test_every_row_is_the_derivative_of_every_loss(case, strategy):
    study, data, model = case
    prepared = prepare_influence(study.with_changes(influence={"strategy": strategy}), data, model, HORIZON)
    (part,) = prepared.parts()
    told = np.concatenate([part.ceiling, part.epoch], axis=1)

    for row in (0, 7, 12, 19):
        truth = differences(model, prepared, data, row)
        np.testing.assert_allclose(told[:, row], truth, rtol=0, atol=1e-3 * np.abs(truth).max())


@pytest.mark.parametrize("strategy", ["exact", "ekfac", "kfac", "diagonal"])
def test_padding_changes_nothing(case, monkeypatch, strategy):
    study, data, model = case
    study = study.with_changes(influence={"strategy": strategy})
    tight = scores(study, data, model)

    # As the model cuts off what is padding in all of a batch, that alone would not put it to the test.
    monkeypatch.setattr(text_models, "_cut", lambda inputs: inputs)
    wide = scores(study, padded(data, 20), model)

    np.testing.assert_allclose(wide, tight, rtol=0, atol=1e-4 * np.abs(tight).max())


def test_without_the_mask_padding_would_change_the_curvature(case, monkeypatch):
    study, data, model = case
    study = study.with_changes(influence={"strategy": "ekfac"})
    tight = scores(study, data, model)

    monkeypatch.setattr(text_models, "_cut", lambda inputs: inputs)
    monkeypatch.setattr(ClassificationTask, "get_attention_mask", lambda self, batch: None)
    wide = scores(study, padded(data, 20), model)

    assert np.abs(wide - tight).max() > 2e-3 * np.abs(tight).max()


def test_no_gradient_reaches_a_padded_position(case, monkeypatch):
    _, data, model = case
    monkeypatch.setattr(text_models, "_cut", lambda inputs: inputs)
    inputs = padded(data, 5).train.inputs.float()
    padding = inputs[:, 1] == 0
    seen: dict[str, torch.Tensor] = {}

    def watch(name: str, module: nn.Module, output: torch.Tensor) -> None:
        output.register_hook(lambda gradient: seen.__setitem__(name, gradient))

    handles = [
        model.get_submodule(name).register_forward_hook(lambda m, _, output, name=name: watch(name, m, output))
        for name in LAST[:6]
    ]
    functional.cross_entropy(model(inputs), data.train.labels).backward()
    for handle in handles:
        handle.remove()
    model.zero_grad()

    assert all(gradient.abs().max() > 0 and not gradient[padding].any() for gradient in seen.values())
    assert len(seen) == 6
