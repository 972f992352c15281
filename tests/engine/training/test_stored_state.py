"""The state between two epochs on disk."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import RefusedInput
from engine.models import save_checkpoint
from engine.training import trained_model, untrained_model
from engine.training.epoch import sgd
from engine.training.stored_state import save_state, stored_momentum
from tests.engine.training.cases import study, tables


def test_the_trained_model_is_that_of_the_epoch_and_its_notices_are_told(tmp_path: Path) -> None:
    stored = untrained_model(study(tmp_path).with_changes(study={"seed": 9}), tables()).half()
    save_checkpoint(stored, tmp_path / "checkpoints" / "epoch-002.safetensors")
    model, notices = trained_model(study(tmp_path), tables(), 2)
    assert torch.equal(model.state_dict()["1.weight"], stored.state_dict()["1.weight"].float())
    assert notices == ("epoch-002.safetensors: float16 was converted to float32",)


def test_the_untrained_model_depends_on_the_studys_seed(tmp_path: Path) -> None:
    first, same, other = (
        untrained_model(study(tmp_path).with_changes(study={"seed": seed}), tables()).state_dict()["1.weight"]
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_without_a_file_there_is_no_momentum(tmp_path: Path) -> None:
    assert stored_momentum(tmp_path / "epoch-001.safetensors", untrained_model(study(tmp_path), tables())) is None


def test_momentum_of_other_weights_under_the_same_name_counts_as_none(tmp_path: Path) -> None:
    model = untrained_model(study(tmp_path), tables())
    optimizer = sgd(model, study(tmp_path).training, {name: torch.ones_like(p) for name, p in model.named_parameters()})
    checkpoint = tmp_path / "epoch-001.safetensors"
    save_state(model, optimizer, checkpoint)
    assert stored_momentum(checkpoint, model) is not None

    other = untrained_model(study(tmp_path).with_changes(study={"seed": 9}), tables())
    save_checkpoint(other, checkpoint)
    assert stored_momentum(checkpoint, other) is None


@pytest.mark.parametrize("change", ["missing", "unknown", "shape", "type", "nan"])
def test_momentum_that_does_not_belong_is_refused(tmp_path: Path, change: str) -> None:
    model = untrained_model(study(tmp_path), tables())
    buffers = {name: torch.ones_like(parameter) for name, parameter in model.named_parameters()}
    save_checkpoint(model, tmp_path / "epoch-001.safetensors")
    belongs = {"checkpoint_sha256": hashlib.sha256((tmp_path / "epoch-001.safetensors").read_bytes()).hexdigest()}
    path = tmp_path / "optimizer" / "epoch-001.safetensors"
    path.parent.mkdir()
    save_file(buffers, path, belongs)
    found = stored_momentum(tmp_path / "epoch-001.safetensors", model)
    assert found is not None
    assert found.keys() == buffers.keys()
    match change:
        case "missing":
            del buffers["1.bias"]
        case "unknown":
            buffers["other"] = torch.ones(1)
        case "shape":
            buffers["1.bias"] = torch.ones(3)
        case "type":
            buffers["1.bias"] = buffers["1.bias"].double()
        case "nan":
            buffers["1.bias"][0] = torch.nan
    save_file(buffers, path, belongs)
    with pytest.raises(RefusedInput, match=r"optimizer/epoch-001\.safetensors does not belong to epoch-001"):
        stored_momentum(tmp_path / "epoch-001.safetensors", model)
