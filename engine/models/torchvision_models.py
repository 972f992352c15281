"""torchvision's image classification models, for pictures of any number of channels and K classes.

They are built without pretrained weights. Three things differ from what torchvision
gives: the first convolution takes the channels that the pictures have, nothing is set
to work in place (the curvature is collected by hooks, which would see changed values),
and a picture of a size that the network cannot take is refused before any training.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torchvision import models

from engine.architecture_names import TORCHVISION
from engine.classes import did_you_mean, listed
from engine.errors import RefusedInput

_OTHER_KINDS = {
    "detection": "finds objects in a picture",
    "segmentation": "names the class of every pixel",
    "video": "classifies films",
    "quantization": "is quantised to 8-bit integers, through which no gradient passes",
    "optical_flow": "tells how pixels move between two pictures",
}
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")
# maxvit_t halves the sides five times and cuts what is left each time into windows of 7 x 7.
_MAXVIT_SIDE = 224
_SIDES = (32, 64, 96, 128, 224, 299)
"""What is proposed for pictures that are too small: the first of these that the network takes."""


def torchvision_model(name: str, input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Builds a network with initial weights drawn from torch's global generator.

    Args:
        name: as ``torchvision.models.list_models(module=torchvision.models)`` has it.
        input_shape: of one picture, ``(C, H, W)``.
        num_classes: K.

    Returns:
        The network on the CPU, in training mode, from ``(B, C, H, W)`` to logits ``(B, K)``.

    Raises:
        RefusedInput: if there is no such model, if it is not one for image
            classification, or if it cannot take pictures of this size.
    """
    _check_name(name)
    channels, height, width = input_shape
    options = _options(name, height, width)
    model: nn.Module = models.get_model(name, weights=None, num_classes=num_classes, **options)
    if channels != 3:
        _replace_first_convolution(model, channels)
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]  # torch declares only tensors and modules
    problem = _problem_with(model, input_shape)
    if problem is not None:
        takes = next(side for side in _SIDES if _problem_with(model, (channels, side, side)) is None)
        raise _too_small(name, height, width, f"larger ones; torch says: {problem}", takes)
    return model


def _check_name(name: str) -> None:
    known = models.list_models(module=models)
    if name in known:
        return
    problem = f"[model] architecture '{TORCHVISION}{name}' is no model of torchvision"
    for folder, purpose in _OTHER_KINDS.items():
        if name in models.list_models(module=getattr(models, folder)):
            problem = f"[model] architecture '{TORCHVISION}{name}' {purpose}"
    nearest = did_you_mean(name.removeprefix("quantized_"), known)
    raise RefusedInput(
        problem,
        f"a model for the classification of pictures: {listed(known)}",
        nearest.replace("'", f"'{TORCHVISION}", 1) if nearest else "Name one of these",
    )


def _options(name: str, height: int, width: int) -> dict[str, Any]:
    """Returns what a model needs beyond the number of classes.

    Raises:
        RefusedInput: if the model is made for one size of pictures and cannot be made for this one.
    """
    if name in _WITH_AUXILIARY_HEADS:
        # One tensor of logits in training too. The old initialisation is named, as its absence brings a warning.
        return {"aux_logits": False, "init_weights": True}
    if name.startswith("vit_"):
        patch = int(name.rsplit("_", 1)[1])
        if height != width or height % patch:
            expected = f"squares whose side is a multiple of {patch}, the size of its patches"
            raise _too_small(name, height, width, expected, _multiple(patch, height, width))
        return {"image_size": height}
    if name.startswith("maxvit_"):
        if height % _MAXVIT_SIDE or width % _MAXVIT_SIDE:
            expected = f"sides that are a multiple of {_MAXVIT_SIDE}"
            raise _too_small(name, height, width, expected, _multiple(_MAXVIT_SIDE, height, width))
        return {"input_size": (height, width)}
    return {}


def _multiple(step: int, height: int, width: int) -> int:
    """Returns the smallest multiple of ``step`` that loses no pixels."""
    return -(-max(height, width) // step) * step


def _replace_first_convolution(model: nn.Module, channels: int) -> None:
    """Puts a convolution of other input channels and newly drawn weights in the place of the first."""
    name, old = next((name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]  # torch declares its two numbers as a tuple of any length
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        old.dilation,  # type: ignore[arg-type]
        old.groups,
        old.bias is not None,
        old.padding_mode,
    )
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, new)


def _problem_with(model: nn.Module, input_shape: tuple[int, ...]) -> str | None:
    """Says why a picture of this shape cannot pass through the network; None if it can.

    One picture without values is passed through the network without its values: torch
    then checks every shape and computes nothing, so this is cheap for any network.
    """
    state = {name: tensor.to("meta") for name, tensor in _state(model)}
    picture = torch.empty(1, *input_shape, device="meta")
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            functional_call(model, state, (picture,))
    except RuntimeError as error:
        return str(error).strip().splitlines()[0]
    finally:
        model.train(training)
    return None


def _state(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _too_small(name: str, height: int, width: int, expected: str, side: int) -> RefusedInput:
    return RefusedInput(
        f"[model] architecture '{TORCHVISION}{name}' cannot take pictures of {width} x {height} pixels",
        expected,
        f"Set resize = {side} in [data.transform]",
    )
