"""What a sample is judged by: values, gradients and their limits."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from engine.judged_by import Measurement
from engine.measurement import per_sample

MEASUREMENTS: tuple[Measurement, ...] = get_args(Measurement)


def by_formula(logits: np.ndarray, labels: np.ndarray, measurement: str) -> np.ndarray:
    """The definitions by way of probabilities, which are good as long as the logits are small."""
    powers = np.exp(logits.astype(np.float64))
    right = (powers / powers.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels]
    return {"loss": -np.log(right), "margin": -np.log(right / (1 - right)), "soft_accuracy": 1 - right}[measurement]


def drawn(classes: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(classes)
    logits = 3 * torch.randn(40, classes, generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.randint(classes, (40,), generator=generator)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("measurement", MEASUREMENTS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_values_are_those_of_the_definition(measurement, classes, dtype, tolerance) -> None:
    logits, labels = drawn(classes, dtype)
    found = per_sample(logits, labels, measurement)
    assert (found.dtype, found.shape) == (dtype, (40,))
    expected = by_formula(logits.numpy(), labels.numpy(), measurement)
    assert found.numpy() == pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_gradients_are_those_of_finite_differences(measurement, classes) -> None:
    logits, labels = drawn(classes)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: per_sample(z, labels, measurement), logits)


@pytest.mark.parametrize("measurement", MEASUREMENTS)
@settings(max_examples=50)
@given(arrays(np.float64, (1, 4), elements=st.floats(-8, 8)), st.integers(0, 3), st.floats(0.1, 5))
def test_a_larger_logit_of_the_label_is_better_and_of_a_rival_never(measurement, logits, label, step) -> None:
    labels = torch.tensor([label])
    (before,) = per_sample(torch.from_numpy(logits), labels, measurement).tolist()
    for k in range(4):
        moved = logits.copy()
        moved[0, k] += step
        (after,) = per_sample(torch.from_numpy(moved), labels, measurement).tolist()
        assert after < before if k == label else after >= before


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_adding_a_constant_to_all_logits_changes_nothing(measurement) -> None:
    logits, labels = drawn(4)
    moved = per_sample(logits + 1000, labels, measurement)
    assert moved.numpy() == pytest.approx(per_sample(logits, labels, measurement).numpy(), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("measurement", MEASUREMENTS)
@pytest.mark.parametrize("classes", [2, 6])
def test_extreme_logits_give_finite_values_and_gradients(measurement, dtype, classes) -> None:
    logits = torch.zeros(3, classes, dtype=dtype)
    logits[0, 0], logits[1, 0], logits[2, 1] = 1e4, -1e4, 1e4
    logits.requires_grad_()
    values = per_sample(logits, torch.zeros(3, dtype=torch.long), measurement)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    assert torch.isfinite(values).all()
    assert torch.isfinite(gradient).all()
    right, wrong = {"loss": (0, 1e4), "margin": (-1e4, 1e4), "soft_accuracy": (0, 1)}[measurement]
    assert values.tolist() == pytest.approx([right, wrong, wrong], rel=1e-3)


def test_the_soft_error_of_a_sample_that_is_nearly_certain_keeps_its_digits() -> None:
    logits, labels = torch.tensor([[20.0, 0.0]]), torch.tensor([0])
    assert per_sample(logits, labels, "soft_accuracy").item() == pytest.approx(np.exp(-20.0), rel=1e-4, abs=0)
    # By way of the probability nothing is left, in the type that is used.
    assert 1 - logits.softmax(dim=1)[0, 0].item() == 0


def test_the_three_are_functions_of_each_other() -> None:
    logits, labels = drawn(5)
    loss, margin, soft = (per_sample(logits, labels, measurement) for measurement in MEASUREMENTS)
    assert torch.nn.functional.softplus(margin).numpy() == pytest.approx(loss.numpy(), rel=1e-12)
    assert (-torch.expm1(-loss)).numpy() == pytest.approx(soft.numpy(), rel=1e-12)


def test_the_logits_are_left_as_they_were() -> None:
    logits, labels = drawn(3)
    before = logits.clone()
    for measurement in MEASUREMENTS:
        per_sample(logits, labels, measurement)
    assert torch.equal(logits, before)
