"""Rows beyond the budget lie in a file, and the scores are the same."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import RefusedInput
from engine.influence import prepare_influence, scores
from engine.influence.operators import Horizon
from engine.influence.rows import allocate_rows, row_bytes
from tests.engine.influence.cases import Transformer, convolutions, digits, mlp, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.0)
SHAPES = {"a": (2, 3), "b": (4, 1)}
CPU = torch.device("cpu")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("budget", [0, 10**6])
def test_rows_are_zero_writable_and_of_the_shapes_asked_for(budget: int, temporary: Path) -> None:
    rows = allocate_rows(SHAPES, 5, torch.float64, CPU, budget)
    assert {name: tuple(values.shape) for name, values in rows.items()} == {"a": (5, 2, 3), "b": (5, 4, 1)}
    assert all(values.dtype == torch.float64 and not values.any() for values in rows.values())
    rows["a"][3] += 1
    assert float(rows["a"].sum()) == 6
    assert list(temporary.iterdir()) == []


def test_one_row_counts_every_module() -> None:
    assert row_bytes(SHAPES, torch.float32) == 40


def test_a_full_disk_is_refused_with_the_room_that_is_needed(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RefusedInput, match=r"2000000 rows of class gradients need 0\.1 GB.*No space left"):
        allocate_rows(SHAPES, 2_000_000, torch.float32, CPU, 0)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("build", [mlp, convolutions, Transformer])
@pytest.mark.parametrize("strategy", ["exact", "ekfac"])
def test_scores_do_not_depend_on_where_rows_lie_nor_on_how_many_are_contracted_at_once(
    strategy: str, build: Callable[[], nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = digits(count=100, validation=80)
    torch.manual_seed(0)
    model = trained(build(), data.train.inputs, data.train.labels, steps=10)
    settings = study(tmp_path, f'strategy = "{strategy}"')

    def vectors(memory_gb: float) -> np.ndarray:
        prepared = prepare_influence(settings.with_changes(compute={"memory_gb": memory_gb}), data, model, HORIZON)
        return np.concatenate([np.concatenate([part.ceiling, part.epoch], axis=1) for part in prepared.parts()])

    whole = vectors(1.0)
    monkeypatch.setattr(scores, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(scores, "CHUNK_BYTES", 20_000)
    monkeypatch.setattr(scores, "GRADIENT_BYTES", 30_000)
    blocks = vectors(1e-6)
    np.testing.assert_allclose(blocks, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
