"""Prepared inputs, kept or made for each batch."""

import pytest
import torch

from engine.data import InputTransform, Samples
from engine.training.inputs import PreparedInputs, prepared_shape
from tests.engine.training.cases import pictures, table

CPU = torch.device("cpu")
PICTURES = InputTransform(resize=10, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
ROWS = InputTransform(mean=(0.0, 1.0, 2.0, 3.0), std=(1.0, 2.0, 3.0, 4.0))


@pytest.mark.parametrize(("samples", "transform"), [(pictures(1100), PICTURES), (table(1100), ROWS)])
@pytest.mark.parametrize("kept_bytes", [0, 2**30])
def test_kept_or_not_a_batch_is_what_the_transform_prepares(
    samples: Samples, transform: InputTransform, kept_bytes: int
) -> None:
    indices = torch.tensor([1099, 3, 3, 1024])
    batch = PreparedInputs(samples, transform, CPU, kept_bytes).batch(indices)
    assert torch.equal(batch, transform.prepare(samples.inputs[indices]))


def test_inputs_are_kept_up_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = table(10)
    size = 10 * 4 * 4
    kept, fresh = (PreparedInputs(samples, ROWS, CPU, limit) for limit in (size, size - 1))
    calls: list[int] = []

    def prepare(_: InputTransform, inputs: torch.Tensor) -> torch.Tensor:
        calls.append(len(inputs))
        return inputs

    monkeypatch.setattr(InputTransform, "prepare", prepare)
    kept.batch(torch.tensor([1, 2, 3]))
    assert calls == []
    fresh.batch(torch.tensor([1, 2, 3]))
    assert calls == [3]


def test_changing_a_batch_does_not_change_what_is_kept() -> None:
    inputs = PreparedInputs(table(5), InputTransform(), CPU)
    before = inputs.batch(torch.arange(5)).clone()
    inputs.batch(torch.arange(5)).zero_()
    assert torch.equal(inputs.batch(torch.arange(5)), before)


def test_the_prepared_shape_is_the_transforms() -> None:
    assert prepared_shape(pictures(3), PICTURES) == (3, 10, 10)
    assert prepared_shape(table(3), ROWS) == (4,)
