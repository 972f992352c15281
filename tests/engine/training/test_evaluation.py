"""Accuracy and loss per class and per sample."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.data import InputTransform, Samples
from engine.models import build_model
from engine.study import Model
from engine.training import evaluate
from tests.engine.training.cases import pictures, table

PLAIN = InputTransform()


def logits_are_inputs(logits: list[list[float]], labels: list[int]) -> Samples:
    return Samples(torch.tensor(logits), torch.tensor(labels), tuple(str(row) for row in range(len(labels))))


def test_a_case_by_hand() -> None:
    samples = logits_are_inputs([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [0, 1, 1, 0])
    found = evaluate(nn.Identity(), samples, PLAIN, 3)
    assert found.predicted.tolist() == [0, 1, 0, 0]
    assert found.correct.tolist() == [True, True, False, True]
    assert found.counts.tolist() == [2, 2, 0]
    assert found.accuracy[:2].tolist() == [1.0, 0.5]
    norm = [np.log(np.exp(2) + 2), np.log(np.exp(1) + 2), np.log(np.exp(3) + 2), np.log(3)]
    losses = [norm[0] - 2, norm[1] - 1, norm[2], norm[3]]
    assert found.losses == pytest.approx(losses, rel=1e-6)
    assert found.loss[:2] == pytest.approx([(losses[0] + losses[3]) / 2, (losses[1] + losses[2]) / 2], rel=1e-6)
    assert found.confidence == pytest.approx([np.exp(2 - norm[0]), np.exp(1 - norm[1]), np.exp(3 - norm[2]), 1 / 3])
    assert np.isnan([found.accuracy[2], found.loss[2]]).all()


def test_number_types_are_those_that_are_stored() -> None:
    found = evaluate(nn.Identity(), logits_are_inputs([[1.0, 0.0]], [0]), PLAIN, 2)
    assert {name: values.dtype.name for name, values in vars(found).items()} == {
        "accuracy": "float64",
        "loss": "float64",
        "counts": "int64",
        "predicted": "int64",
        "confidence": "float32",
        "correct": "bool",
        "losses": "float32",
        "value": "float64",
        "scale": "float64",
        "values": "float32",
    }


def test_without_a_choice_a_class_is_judged_by_its_loss() -> None:
    samples = logits_are_inputs([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], [0, 1, 1])
    found = evaluate(nn.Identity(), samples, PLAIN, 2)
    assert np.array_equal(found.values, found.losses)
    assert np.array_equal(found.value, found.loss)
    assert np.array_equal(found.scale, found.loss)


def test_a_margin_is_averaged_with_its_sign_and_scaled_without_it() -> None:
    samples = logits_are_inputs([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], [0, 0, 1])
    found = evaluate(nn.Identity(), samples, PLAIN, 3, measurement="margin")
    assert found.values.tolist() == [-2.0, 1.0, 3.0]
    assert found.value[:2].tolist() == [-0.5, 3.0]
    assert found.scale[:2].tolist() == [1.5, 3.0]
    assert np.isnan([found.value[2], found.scale[2]]).all()
    losses = evaluate(nn.Identity(), samples, PLAIN, 3)
    assert np.array_equal(found.losses, losses.losses)
    assert np.array_equal(found.loss, losses.loss, equal_nan=True)


def test_the_soft_error_is_its_own_scale() -> None:
    samples = logits_are_inputs([[0.0, np.log(3.0)], [0.0, 0.0]], [1, 1])
    found = evaluate(nn.Identity(), samples, PLAIN, 2, measurement="soft_accuracy")
    assert found.values == pytest.approx([0.25, 0.5])
    assert found.value[1] == found.scale[1] == pytest.approx(0.375)


@pytest.mark.parametrize("batch_size", [1, 7, 30, 1000])
def test_the_batch_size_changes_nothing(batch_size: int) -> None:
    model = build_model(Model(architecture="resnet9"), (3, 12, 12), 3, seed=0)
    samples = pictures(30)
    whole, parts = (evaluate(model, samples, PLAIN, 3, batch_size=size) for size in (30, batch_size))
    assert np.array_equal(whole.predicted, parts.predicted)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-5)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert np.array_equal(whole.accuracy, parts.accuracy)


def test_inputs_are_prepared_but_never_augmented() -> None:
    samples = table(6)
    transform = InputTransform(mean=(1.0, 1.0, 1.0, 1.0), std=(2.0, 2.0, 2.0, 2.0), augmentations=("flip",))
    expected = functional.cross_entropy((samples.inputs - 1) / 2, samples.labels, reduction="none")
    assert evaluate(nn.Identity(), samples, transform, 3).losses == pytest.approx(expected.numpy(), rel=1e-6)


def test_the_model_is_evaluated_in_evaluation_mode_and_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
    model.train()
    model[0].eval()  # a frozen BatchNorm in a model that is being trained
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, second = (evaluate(model, table(9), PLAIN, 3) for _ in range(2))
    assert np.array_equal(first.losses, second.losses)
    assert [module.training for module in model] == [False, True, True]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_mode_is_restored_also_after_a_fault() -> None:
    model = nn.Sequential(nn.Linear(99, 3)).train()
    with pytest.raises(RuntimeError):
        evaluate(model, table(3), PLAIN, 3)
    assert model.training
