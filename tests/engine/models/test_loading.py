"""Names, shapes, number types and values of a checkpoint against the model."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.errors import RefusedInput
from engine.models import build_model, load_checkpoint, save_checkpoint
from engine.models.architectures import mlp, resnet9
from engine.study import Model


def model(classes: int = 3, seed: int = 0) -> nn.Module:
    return build_model(Model(architecture="mlp", hidden=(5,)), (4,), classes, seed)


def changed(path: Path, **changes: Tensor | None) -> Path:
    """Saves the tensors of a model with some replaced, added or (None) removed; dots as double underscores."""
    tensors = {name: tensor.clone() for name, tensor in model(seed=1).state_dict().items()}
    for name, tensor in changes.items():
        if tensor is None:
            del tensors[name.strip("_").replace("__", ".")]
        else:
            tensors[name.strip("_").replace("__", ".")] = tensor
    save_file(tensors, path)
    return path


def same(first: nn.Module, second: nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in first.state_dict().items())


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_checkpoint_is_loaded_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    stored, target = resnet9(3, 4), resnet9(3, 4)
    stored(torch.randn(4, 3, 12, 12))  # BatchNorm statistics are state too
    path = tmp_path / f"a{suffix}"
    if suffix == ".pt":
        torch.save(stored.state_dict(), path)
    else:
        save_checkpoint(stored, path)
    assert load_checkpoint(path, target) == ()
    assert same(stored, target)


def test_the_model_does_not_share_memory_with_the_file(tmp_path: Path) -> None:
    target = model()
    load_checkpoint(changed(tmp_path / "a.safetensors"), target)
    before = (tmp_path / "a.safetensors").read_bytes()
    with torch.no_grad():
        for parameter in target.parameters():
            parameter.zero_()
    assert (tmp_path / "a.safetensors").read_bytes() == before


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "_orig_mod.module."])
def test_the_prefix_of_a_wrapper_is_stripped_with_a_notice(tmp_path: Path, prefix: str) -> None:
    stored, target = model(seed=1), model()
    save_file({prefix + name: tensor for name, tensor in stored.state_dict().items()}, tmp_path / "a.safetensors")
    notices = load_checkpoint(tmp_path / "a.safetensors", target)
    assert notices == (f"a.safetensors: the prefix '{prefix}' before every name was left out",)
    assert same(stored, target)


def test_a_prefix_of_the_models_own_is_kept(tmp_path: Path) -> None:
    stored, target = (nn.ModuleDict({"model": nn.Linear(2, 2)}) for _ in range(2))
    save_checkpoint(stored, tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors", target) == ()
    assert same(stored, target)


def test_an_unknown_prefix_is_not_guessed(tmp_path: Path) -> None:
    save_file({f"net.{name}": tensor for name, tensor in model().state_dict().items()}, tmp_path / "a.safetensors")
    with pytest.raises(RefusedInput, match=r"lacks 1\.weight, .* and has unknown net\.1\.bias"):
        load_checkpoint(tmp_path / "a.safetensors", model())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_are_converted_with_a_notice(tmp_path: Path, dtype: torch.dtype) -> None:
    target = model()
    path = changed(tmp_path / "a.safetensors", _1__bias=torch.arange(5, dtype=dtype))
    assert load_checkpoint(path, target) == (f"a.safetensors: {str(dtype)[6:]} was converted to float32",)
    assert target.state_dict()["1.bias"].tolist() == [0, 1, 2, 3, 4]
    assert target.state_dict()["1.bias"].dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_1__bias": None}, r"it lacks 1\.bias\. Expected exactly the 4 tensors"),
        ({"extra": torch.ones(1)}, r"it has unknown extra\."),
        ({"_1__weight": torch.ones(5, 7)}, r"1\.weight \(5, 7\) instead of \(5, 4\)"),
        ({"_3__weight": torch.ones(3, 6)}, r"3\.weight \(3, 6\) instead of \(3, 5\)"),
        ({"_3__weight": torch.ones(7, 5), "_3__bias": torch.ones(7)}, r"for 7 classes, but the data have 3"),
        (
            {"_1__bias": torch.ones(6), "_3__weight": torch.ones(7, 5), "_3__bias": torch.ones(7)},
            r"other shapes .*: 1\.bias \(6,\) instead of \(5,\), 3\.weight \(7, 5\)",
        ),
        ({"_1__bias": torch.ones(5, dtype=torch.int64)}, r"'1\.bias' is of type int64\. Expected float32"),
        ({"_1__bias": torch.ones(5, dtype=torch.bool)}, r"'1\.bias' is of type bool"),
        ({"_1__bias": torch.ones(5, dtype=torch.complex64)}, r"'1\.bias' is of type complex64"),
        (
            {"_1__bias": torch.tensor([1, torch.nan, 1, torch.inf, 1])},
            r"2 of 5 values of tensor '1\.bias' are NaN or inf",
        ),
        ({"_1__bias": torch.full((5,), 1e300, dtype=torch.float64)}, r"5 of 5 values of tensor '1\.bias'"),
    ],
)
def test_what_does_not_fit_is_named_and_the_model_stays_as_it_was(
    tmp_path: Path, changes: dict[str, Tensor | None], message: str
) -> None:
    target = model()
    with pytest.raises(RefusedInput, match=message):
        load_checkpoint(changed(tmp_path / "a.safetensors", **changes), target)
    assert same(target, model())


def test_a_long_list_of_names_is_cut_and_counted(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(RefusedInput, match=r"lacks 1\.weight, 1\.bias, 3\.weight, 3\.bias, 5\.weight and 3 more and"):
        load_checkpoint(tmp_path / "a.safetensors", mlp(4, 2, (3, 3, 3), True))


def test_a_float_for_a_counter_is_refused(tmp_path: Path) -> None:
    target = nn.BatchNorm1d(2)
    tensors = {name: tensor.float() for name, tensor in target.state_dict().items()}
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(RefusedInput, match=r"'num_batches_tracked' is of type float32\. Expected int64"):
        load_checkpoint(tmp_path / "a.safetensors", target)
