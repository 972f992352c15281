"""A study's ``[model]`` table and the shape of its data, made into an untrained network."""

import math

import torch
from torch import nn

from engine.errors import RefusedInput
from engine.models import architectures
from engine.study import Model

_SMALLEST_SIDE = {"cnn": 8, "resnet9": 11}


def build_model(model: Model, input_shape: tuple[int, ...], num_classes: int, seed: int) -> nn.Module:
    """Builds the network with initial weights that depend on the seed only.

    The global random state is left as it was.

    Args:
        model: the study's ``[model]`` table.
        input_shape: of one prepared sample, ``(C, H, W)`` or ``(D,)``.
        num_classes: K, the number of logits.
        seed: of the initial weights.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        RefusedInput: if the architecture is for pictures and the data are a table, or
            if the pictures are too small for it.
    """
    _check_shape(model.architecture, input_shape)
    features = math.prod(input_shape)
    with torch.random.fork_rng(devices=[]):
        # Only the CPU's generator is seeded: torch.manual_seed would reseed the GPUs' too.
        torch.default_generator.manual_seed(seed)
        match model.architecture:
            case "logistic_regression":
                return architectures.logistic_regression(features, num_classes, model.bias)
            case "mlp":
                return architectures.mlp(features, num_classes, model.hidden, model.bias)
            case "cnn":
                return architectures.cnn(input_shape[0], num_classes)
            case "resnet9":
                return architectures.resnet9(input_shape[0], num_classes)


def _check_shape(architecture: str, input_shape: tuple[int, ...]) -> None:
    smallest = _SMALLEST_SIDE.get(architecture)
    if smallest is None:
        return
    if len(input_shape) != 3:
        raise RefusedInput(
            f"[model] architecture '{architecture}' is for pictures, but a sample of the data is a row of "
            f"{math.prod(input_shape)} numbers",
            "pictures (channels, height, width)",
            "Use architecture = 'mlp' or 'logistic_regression' for tables",
        )
    height, width = input_shape[1:]
    if min(height, width) < smallest:
        raise RefusedInput(
            f"[model] architecture '{architecture}' cannot take pictures of {width} x {height} pixels",
            f"sides of at least {smallest} pixels",
            f"Set resize = {smallest} or more in [data.transform], or use architecture = 'mlp'",
        )
