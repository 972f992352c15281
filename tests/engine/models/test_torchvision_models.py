"""torchvision's networks, fitted to the study's pictures and classes."""

import pytest
import torch
from torch import nn

from engine.errors import RefusedInput
from engine.models.torchvision_models import torchvision_model

# The smallest member of each family and the smallest square picture that it takes.
FAMILIES = [
    ("alexnet", 63),
    ("convnext_tiny", 32),
    ("densenet121", 29),
    ("efficientnet_b0", 4),
    ("efficientnet_v2_s", 4),
    ("googlenet", 15),
    ("inception_v3", 75),
    ("mnasnet0_5", 4),
    ("mobilenet_v2", 4),
    ("mobilenet_v3_small", 4),
    ("regnet_x_400mf", 4),
    ("regnet_y_400mf", 4),
    ("resnet18", 4),
    ("resnext50_32x4d", 4),
    ("shufflenet_v2_x0_5", 4),
    ("squeezenet1_1", 17),
    ("swin_t", 4),
    ("swin_v2_t", 4),
    ("vgg11", 32),
    ("vit_b_32", 32),
    ("wide_resnet50_2", 4),
]


@pytest.mark.parametrize(("name", "side"), FAMILIES)
def test_every_family_gives_one_logit_a_class(name: str, side: int) -> None:
    model = torchvision_model(name, (3, side, side), 5)
    assert model.training
    with torch.no_grad():
        logits = model.eval()(torch.zeros(2, 3, side, side))
    assert logits.shape == (2, 5)


# vgg11 takes seconds to build, and ends in the pooling that alexnet ends in.
@pytest.mark.parametrize(("name", "side"), [case for case in FAMILIES if case[1] > 4 and case[0] != "vgg11"])
def test_pictures_that_are_too_small_are_refused_with_a_size_to_take(name: str, side: int) -> None:
    with pytest.raises(RefusedInput, match=rf"of {side - 1} x {side - 1} pixels.*Set resize = \d+"):
        torchvision_model(name, (3, side - 1, side - 1), 5)


def test_maxvit_takes_multiples_of_224() -> None:
    with torch.no_grad():
        assert torchvision_model("maxvit_t", (1, 224, 224), 3).eval()(torch.zeros(1, 1, 224, 224)).shape == (1, 3)
    with pytest.raises(RefusedInput, match=r"of 230 x 64 pixels.*multiple of 224.*Set resize = 448"):
        torchvision_model("maxvit_t", (3, 64, 230), 3)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_a_network_with_auxiliary_heads_has_none_of_them_in_training_either(name: str) -> None:
    logits = torchvision_model(name, (3, 80, 80), 4).train()(torch.rand(2, 3, 80, 80))
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (2, 4)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("resnet18", 1), ("resnet18", 4), ("squeezenet1_1", 1), ("vit_b_32", 1), ("googlenet", 2), ("mnasnet0_5", 1)],
)
def test_pictures_of_other_channels_get_a_first_convolution_of_their_own(name: str, channels: int) -> None:
    shape = (channels, 32, 32)
    model, usual = torchvision_model(name, shape, 3), torchvision_model(name, (3, 32, 32), 3)
    first, old = (next(m for m in network.modules() if isinstance(m, nn.Conv2d)) for network in (model, usual))
    assert first.in_channels == channels
    assert (first.bias is None) == (old.bias is None)
    for setting in ("out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"):
        assert getattr(first, setting) == getattr(old, setting)
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in usual.named_parameters()]
    with torch.no_grad():
        assert model.eval()(torch.zeros(2, *shape)).shape == (2, 3)


def test_nothing_is_set_to_work_in_place() -> None:
    model = torchvision_model("mobilenet_v3_small", (3, 32, 32), 3)
    assert any(hasattr(module, "inplace") for module in model.modules())
    assert not any(getattr(module, "inplace", False) for module in model.modules())


def test_a_picture_that_is_not_square_is_taken_where_the_network_can() -> None:
    with torch.no_grad():
        assert torchvision_model("resnet18", (3, 20, 41), 3).eval()(torch.zeros(1, 3, 20, 41)).shape == (1, 3)


def test_what_is_proposed_for_small_pictures_is_taken() -> None:
    with pytest.raises(RefusedInput, match=r"'torchvision:inception_v3'.*of 40 x 32 pixels.*resize = 96 in"):
        torchvision_model("inception_v3", (3, 32, 40), 3)
    torchvision_model("inception_v3", (3, 96, 96), 3)


@pytest.mark.parametrize(("shape", "side"), [((3, 32, 64), 64), ((3, 28, 28), 32), ((3, 33, 33), 64)])
def test_a_transformer_takes_squares_of_whole_patches(shape: tuple[int, int, int], side: int) -> None:
    with pytest.raises(RefusedInput, match=rf"multiple of 32.*Set resize = {side}"):
        torchvision_model("vit_b_32", shape, 3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fasterrcnn_resnet50_fpn", "finds objects"),
        ("fcn_resnet50", "every pixel"),
        ("r3d_18", "films"),
        ("quantized_resnet18", "quantised.*Write 'torchvision:resnet18'"),
        ("raft_small", "how pixels move"),
        ("resnet19", "no model of torchvision.*Write 'torchvision:resnet1"),
        ("ResNet18", "no model of torchvision.*Write 'torchvision:resnet18'"),
        ("zzzz", "no model of torchvision.*alexnet.*Name one of these"),
        ("get_model", "no model of torchvision"),
    ],
)
def test_a_name_that_is_no_classifier_of_torchvision_is_refused(name: str, words: str) -> None:
    with pytest.raises(RefusedInput, match=rf"'torchvision:{name}'.*{words}"):
        torchvision_model(name, (3, 64, 64), 3)
