"""A study's ``[model]`` table and the shape of its data, made into an untrained network."""

import math
from pathlib import Path

import torch
from torch import nn

from engine.architecture_names import builder_name, torchvision_name, transformers_folder
from engine.errors import RefusedInput
from engine.models import architectures
from engine.models.builder_file import model_from_file
from engine.study import Model

_SMALLEST_SIDE = {"cnn": 8, "resnet9": 11}


def build_model(
    model: Model, input_shape: tuple[int, ...], num_classes: int, seed: int, folder: Path | None = None
) -> nn.Module:
    """Builds the network with initial weights that depend on the seed only.

    The global random state is left as it was.

    Args:
        model: the study's ``[model]`` table.
        input_shape: of one prepared sample, ``(C, H, W)``, ``(D,)``, or of a text's tokens and mask ``(2, L)``.
        num_classes: K, the number of logits.
        seed: of the initial weights.
        folder: of the study file, which the paths of a ``file:`` architecture and of a model
            of scikit-learn are relative to; by default the working folder.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        RefusedInput: if the architecture is for pictures and the data are a table, if
            the pictures are too small for it, if torchvision does not have it, or if the
            user's file may not be run or builds no classifier.
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
            case "sklearn":
                # Imported only where it is asked for: scikit-learn takes as long to import as torch.
                from engine.models.sklearn_models import sklearn_network

                return sklearn_network((folder or Path()) / model.checkpoints, input_shape, num_classes)
        name, builder = torchvision_name(model.architecture), builder_name(model.architecture)
        text_folder = transformers_folder(model.architecture)
        if text_folder is not None:
            # Imported only where it is asked for: it takes as long to import as torch.
            from engine.models.text_models import text_classifier

            return text_classifier((folder or Path()) / text_folder, num_classes)
        if name is not None:
            # Imported only where it is asked for: it takes as long to import as torch.
            from engine.models.torchvision_models import torchvision_model

            return torchvision_model(name, input_shape, num_classes)
        assert builder is not None, "the study file's reader lets no other form pass"
        return model_from_file((folder or Path()) / builder.path, builder.function, input_shape, num_classes)


def _check_shape(architecture: str, input_shape: tuple[int, ...]) -> None:
    smallest = _SMALLEST_SIDE.get(architecture)
    is_for_pictures = smallest is not None or torchvision_name(architecture) is not None
    if is_for_pictures and len(input_shape) != 3:
        raise RefusedInput(
            f"[model] architecture '{architecture}' is for pictures, but a sample of the data is a row of "
            f"{math.prod(input_shape)} numbers",
            "pictures (channels, height, width)",
            "Use architecture = 'mlp' or 'logistic_regression' for tables",
        )
    if smallest is not None and min(input_shape[1:]) < smallest:
        height, width = input_shape[1:]
        raise RefusedInput(
            f"[model] architecture '{architecture}' cannot take pictures of {width} x {height} pixels",
            f"sides of at least {smallest} pixels",
            f"Set resize = {smallest} or more in [data.transform], or use architecture = 'mlp'",
        )
