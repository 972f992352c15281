"""How checkpoints are written: whole or not at all."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.checkpoints import checkpoint_name
from engine.models import save_checkpoint, save_tensors


def test_a_saved_checkpoint_holds_every_parameter_and_buffer(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    save_checkpoint(model, tmp_path / "new" / checkpoint_name(7))
    stored = load_file(tmp_path / "new" / "epoch-007.safetensors")
    assert stored.keys() == model.state_dict().keys()
    assert all(torch.equal(stored[name], tensor) for name, tensor in model.state_dict().items())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors({"a": torch.ones(2)}, path)

    def full(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        save_tensors({"a": torch.zeros(2)}, path)
    assert load_file(path)["a"].tolist() == [1, 1]
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]
