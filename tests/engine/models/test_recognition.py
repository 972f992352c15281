"""Which network a checkpoint is of, told by names and shapes alone."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from engine.models import build_model
from engine.models.recognition import Recognised, recognised
from engine.study import Model


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    # safetensors sorts names, so the order of the layers is not that of the file.
    return {name: tuple(tensor.shape) for name, tensor in sorted(network.state_dict().items())}


@pytest.mark.parametrize(
    ("model", "input_shape", "expected"),
    [
        (Model(architecture="logistic_regression"), (13,), Recognised(("logistic_regression",), 7, features=13)),
        (
            Model(architecture="mlp", hidden=(16, 8, 4), bias=False),
            (13,),
            Recognised(("mlp",), 7, features=13, hidden=(16, 8, 4), bias=False),
        ),
        (Model(architecture="cnn"), (1, 28, 28), Recognised(("cnn",), 7, channels=1)),
        (Model(architecture="resnet9"), (3, 32, 32), Recognised(("resnet9",), 7, channels=3)),
        (Model(architecture="torchvision:resnet18"), (1, 32, 32), Recognised(("torchvision:resnet18",), 7, channels=1)),
        (Model(architecture="torchvision:resnet50"), (3, 32, 32), Recognised(("torchvision:resnet50",), 7, channels=3)),
    ],
)
def test_what_a_study_can_build_is_recognised_with_its_classes_and_inputs(model, input_shape, expected):
    assert recognised(shapes(build_model(model, input_shape, 7, seed=0))) == expected


@pytest.mark.parametrize("name", ["squeezenet1_1", "densenet121", "shufflenet_v2_x0_5", "googlenet", "vit_b_16"])
def test_families_of_torchvision_are_told_apart(name):
    of_name: dict[str, dict[str, Any]] = {
        "googlenet": {"aux_logits": False, "init_weights": False},
        "vit_b_16": {"image_size": 64},
    }
    options = of_name.get(name, {})
    with torch.device("meta"):
        network = models.get_model(name, weights=None, num_classes=5, **options)

    found = recognised(shapes(network))

    assert found is not None
    assert (found.architectures, found.num_classes) == ((f"torchvision:{name}",), 5)
    assert found.side == (64 if name == "vit_b_16" else None)


def test_a_network_that_computes_its_widths_is_recognised_by_its_size():
    found = recognised(shapes(models.get_model("regnet_y_400mf", weights=None, num_classes=5)))

    assert found is not None
    assert found.architectures == ("torchvision:regnet_y_400mf",)


def test_prefixes_of_wrappers_are_left_out():
    plain = shapes(build_model(Model(architecture="mlp"), (4,), 3, seed=0))

    assert recognised({f"module._orig_mod.{name}": shape for name, shape in plain.items()}) == recognised(plain)


def test_linear_layers_by_other_names_are_no_architecture_and_their_widths_are_told():
    network = nn.ModuleDict({"into": nn.Linear(5, 8), "between": nn.Linear(8, 6), "zero": nn.Linear(6, 3)})

    assert recognised(shapes(network)) == Recognised((), 3, features=5, hidden=(8, 6))


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)),
        nn.ModuleList([nn.Linear(4, 8), nn.Linear(9, 2)]),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 2)),
        nn.Embedding(10, 4),
        nn.Sequential(),
    ],
)
def test_what_no_study_can_name_is_not_recognised(network):
    found = recognised(shapes(network))

    assert found is None or not found.architectures
