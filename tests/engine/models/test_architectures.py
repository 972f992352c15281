"""The shapes of the architectures and what hooks on them need."""

import pytest
import torch
from torch import nn

from engine.models import architectures


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 11, 28])
def test_the_small_cnn_takes_pictures_from_eight_pixels(channels: int, side: int) -> None:
    assert architectures.cnn(channels, 5)(torch.zeros(2, channels, side, side)).shape == (2, 5)


@pytest.mark.parametrize("side", [11, 32])
def test_resnet9_takes_pictures_from_eleven_pixels(side: int) -> None:
    model = architectures.resnet9(3, 4).eval()
    assert model(torch.zeros(2, 3, side, side)).shape == (2, 4)


def test_resnet9_has_the_parameters_of_the_published_cifar_network() -> None:
    model = architectures.resnet9(3, 10)
    names = model.state_dict()
    assert sum(parameter.numel() for parameter in model.parameters()) == 2_274_880
    assert names["2.module.0.0.weight"].shape == (128, 128, 3, 3)
    assert names["6.1.running_mean"].shape == (128,)
    assert names["9.weight"].shape == (10, 128)


def test_a_residual_block_adds_its_input() -> None:
    model = architectures.resnet9(3, 10).eval()
    block = model[2]
    inputs = torch.randn(1, 128, 4, 4)
    assert torch.equal(block(inputs), inputs + block.get_submodule("module")(inputs))


def test_the_logits_of_resnet9_are_a_fifth_of_its_last_layers() -> None:
    model = architectures.resnet9(3, 10).eval()
    inputs = torch.randn(2, 3, 16, 16)
    assert torch.equal(model(inputs), 0.2 * model[:10](inputs))


def test_without_bias_logistic_regression_passes_through_the_origin() -> None:
    assert torch.equal(architectures.logistic_regression(4, 3, bias=False)(torch.zeros(1, 4)), torch.zeros(1, 3))


def test_an_mlp_has_the_hidden_widths_that_were_asked_for() -> None:
    model = architectures.mlp(6, 3, (5, 4), bias=True)
    shapes = [tuple(module.weight.shape) for module in model.modules() if isinstance(module, nn.Linear)]
    assert shapes == [(5, 6), (4, 5), (3, 4)]
    assert not any(
        module.bias is not None for module in architectures.mlp(6, 3, (5,), False) if hasattr(module, "bias")
    )


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (architectures.logistic_regression(192, 3, True), (3, 8, 8)),
        (architectures.mlp(192, 3, (8, 8), True), (3, 8, 8)),
        (architectures.cnn(3, 3), (3, 8, 8)),
        (architectures.resnet9(3, 3), (3, 16, 16)),
    ],
)
def test_every_layer_with_weights_is_called_exactly_once(model: nn.Module, shape: tuple[int, ...]) -> None:
    calls: list[str] = []
    layers = {name: module for name, module in model.named_modules() if list(module.parameters(recurse=False))}
    for name, module in layers.items():
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    model(torch.zeros(2, *shape))
    assert sorted(calls) == sorted(layers)
