"""From the [model] table to a network."""

from pathlib import Path

import pytest
import torch

from engine.errors import RefusedInput
from engine.models import build_model
from engine.study import Model


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    first, second, other = (build_model(Model(architecture="mlp"), (8,), 3, seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["1.weight"], other["1.weight"])


def test_building_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    for architecture in ("cnn", "torchvision:squeezenet1_1"):
        build_model(Model(architecture=architecture), (3, 32, 32), 3, seed=0)
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("channels", [3, 2])
def test_the_seed_decides_the_weights_of_torchvisions_networks_too(channels: int) -> None:
    model = Model(architecture="torchvision:squeezenet1_1")
    first, second, other = (build_model(model, (channels, 32, 32), 3, seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["features.0.weight"], other["features.0.weight"])


def test_the_users_own_code_is_found_from_the_studys_folder_and_seeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.py").write_text(
        "import torch\nat_import = torch.rand(1)\n"
        "def build(input_shape, num_classes):\n"
        "  model = torch.nn.Linear(input_shape[0], num_classes)\n"
        "  model.register_buffer('drawn', at_import)\n"
        "  return model\n"
    )
    monkeypatch.setenv("PARETOSCOPE_CODE_ROOT", str(tmp_path))
    before = torch.get_rng_state()
    model = Model(architecture="file:model.py:build")
    first, second, other = (build_model(model, (4,), 3, seed, tmp_path).state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("architecture", ["logistic_regression", "mlp", "cnn", "resnet9"])
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 12, 20)])
def test_every_architecture_gives_one_logit_a_class(architecture: str, shape: tuple[int, ...]) -> None:
    model = build_model(Model.model_validate({"architecture": architecture}), shape, 7, seed=0)
    assert model(torch.zeros(2, *shape)).shape == (2, 7)


def test_bias_and_hidden_are_taken_from_the_study() -> None:
    model = build_model(Model(architecture="mlp", hidden=(9, 7), bias=False), (4,), 2, seed=0)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == {
        "1.weight": (9, 4),
        "3.weight": (7, 9),
        "5.weight": (2, 7),
    }


@pytest.mark.parametrize("architecture", ["cnn", "resnet9", "torchvision:resnet18"])
def test_a_network_for_pictures_refuses_a_table(architecture: str) -> None:
    with pytest.raises(RefusedInput, match=r"row of 30 numbers.*'mlp' or 'logistic_regression'"):
        build_model(Model.model_validate({"architecture": architecture}), (30,), 2, seed=0)


@pytest.mark.parametrize(("architecture", "smallest"), [("cnn", 8), ("resnet9", 11)])
def test_pictures_that_are_too_small_are_refused_with_the_smallest_side(architecture: str, smallest: int) -> None:
    model = Model.model_validate({"architecture": architecture})
    build_model(model, (3, smallest, smallest), 2, seed=0)
    with pytest.raises(RefusedInput, match=rf"of 40 x {smallest - 1} pixels.*at least {smallest} pixels"):
        build_model(model, (3, smallest - 1, 40), 2, seed=0)
