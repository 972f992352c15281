"""Which of the architectures a study can name has the tensors of a checkpoint, by their names and shapes alone.

Nothing is computed and no weight is read: our own networks and torchvision's are built
without values, and compared. What has no weights, such as the kind of an activation or
a number that scales, leaves no trace in a checkpoint and cannot be told.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine.architecture_names import TORCHVISION
from engine.models import architectures
from engine.models.loading import PREFIXES

Shapes = Mapping[str, tuple[int, ...]]

_OURS = {"cnn": architectures.cnn, "resnet9": architectures.resnet9}
# How the names of a family's tensors begin: building all of torchvision's networks takes ten seconds.
_FAMILIES = {
    "layer1.": "(wide_)?resne",
    "features.denseblock1.": "densenet",
    "trunk_output.": "regnet",
    "conv_proj.": "vit_",
    "Mixed_5b.": "inception",
    "inception3a.": "googlenet",
    "stage2.": "shufflenet",
    "layers.": "mnasnet",
    "blocks.": "maxvit",
    "features.0.weight": "alexnet|squeezenet|vgg",
    "features.": "convnext|efficientnet|mobilenet|swin",
}
# A number of classes that is no width of any network, so that the layers that depend on it are found.
_CLASSES = 977
_IMAGENET_CLASSES = 1000
_MOST_PERMUTED = 6


@dataclass(frozen=True)
class Recognised:
    """What the tensors of a checkpoint say of the network.

    Attributes:
        architectures: as a study file names them; more than one where the tensors leave a choice, none where the
            layers are known and bear other names than ours.
        num_classes: K, rows of the last layer.
        channels: of the pictures that the first convolution takes; ``None`` without one.
        features: D, numbers that the first linear layer takes; ``None`` where convolutions come first.
        hidden: widths between the layers of a network of linear layers alone.
        bias: whether these layers have an intercept.
        side: of the pictures, in pixels, where a tensor's shape depends on it.
    """

    architectures: tuple[str, ...]
    num_classes: int
    channels: int | None = None
    features: int | None = None
    hidden: tuple[int, ...] = ()
    bias: bool = True
    side: int | None = None


def recognised(shapes: Shapes) -> Recognised | None:
    """Returns which networks have just these tensors; ``None`` where no known one has.

    Args:
        shapes: by name, as the checkpoint has them; prefixes of wrappers are left out as when it is loaded.
    """
    plain = _without_prefixes(shapes)
    return _of_linear_layers(plain) or _of_pictures(plain)


def _without_prefixes(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    plain = dict(shapes)
    while plain:
        prefix = next((known for known in PREFIXES if all(name.startswith(known) for name in plain)), None)
        if prefix is None:
            break
        plain = {name.removeprefix(prefix): shape for name, shape in plain.items()}
    return plain


def _of_linear_layers(shapes: Shapes) -> Recognised | None:
    """Recognises linear layers one behind the other: ``logistic_regression``, ``mlp``, or the same by other names."""
    weights = {name.rpartition("weight")[0]: shape for name, shape in shapes.items() if _is_linear(name, shape)}
    biases = {name.rpartition("bias")[0]: shape for name, shape in shapes.items() if name.rpartition(".")[2] == "bias"}
    if not weights or len(weights) + len(biases) != len(shapes) or not (set(biases) <= set(weights)):
        return None
    if any(biases[layer] != weights[layer][:1] for layer in biases):
        return None
    order = _chained(weights)
    if order is None:
        return None
    is_regular = len(biases) in (0, len(weights))
    is_ours = is_regular and order == [f"{1 + 2 * place}." for place in range(len(order))]
    ours = "mlp" if len(order) > 1 else "logistic_regression"
    return Recognised(
        (ours,) if is_ours else (),
        num_classes=weights[order[-1]][0],
        features=weights[order[0]][1],
        hidden=tuple(weights[layer][0] for layer in order[:-1]),
        bias=bool(biases),
    )


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    return name.rpartition(".")[2] == "weight" and len(shape) == 2


def _chained(weights: Shapes) -> list[str] | None:
    """Returns the layers in an order in which each takes what the one before gives; ``None`` if there is none."""
    natural = sorted(weights, key=lambda name: [int(part) if part.isdigit() else 0 for part in re.split(r"\D+", name)])
    orders: Iterator[tuple[str, ...]] = iter([tuple(natural), tuple(weights)])
    if len(weights) <= _MOST_PERMUTED:
        orders = itertools.chain(orders, itertools.permutations(weights))
    for order in orders:
        if all(weights[one][0] == weights[next_one][1] for one, next_one in itertools.pairwise(order)):
            return list(order)
    return None


def _of_pictures(shapes: Shapes) -> Recognised | None:
    found: dict[str, Recognised] = {}
    for name, network, side in _candidates(shapes):
        fits = _fits(network, shapes)
        if fits is not None:
            channels, num_classes = fits
            found[name] = Recognised((name,), num_classes, channels, side=side)
    if not found:
        return None
    first = next(iter(found.values()))
    return Recognised(tuple(found), first.num_classes, first.channels, side=first.side)


def _candidates(shapes: Shapes) -> Iterator[tuple[str, nn.Module, int | None]]:
    """Yields networks that may have such tensors, without values, and the side that they were built for."""
    if any(name.partition(".")[0].isdigit() for name in shapes):
        for name, build in _OURS.items():
            with torch.device("meta"):
                yield name, build(3, _CLASSES), None
        return
    family = next((names for start, names in _FAMILIES.items() if any(key.startswith(start) for key in shapes)), None)
    if family is None:
        return
    # Imported only here: it takes as long to import as torch.
    from torchvision import models

    for name in models.list_models(module=models):
        if not re.match(family, name):
            continue
        options, side = _options(name, shapes)
        if name.startswith("regnet"):
            # It computes its widths with tensors, so it cannot be built without values: by its size, then.
            if _has_parameters(name, shapes):
                yield f"{TORCHVISION}{name}", models.get_model(name, weights=None, num_classes=_CLASSES), None
            continue
        with torch.device("meta"):
            network = models.get_model(name, weights=None, num_classes=_CLASSES, **options)
        yield f"{TORCHVISION}{name}", network, side


def _options(name: str, shapes: Shapes) -> tuple[dict[str, Any], int | None]:
    if name in ("googlenet", "inception_v3"):
        return {"aux_logits": False, "init_weights": False}, None
    table = shapes.get("encoder.pos_embedding")
    if name.startswith("vit_") and table is not None and len(table) == 3:
        patch = int(name.rsplit("_", 1)[1])
        # One position a patch, and one for the class.
        side = patch * math.isqrt(max(0, table[1] - 1))
        return ({"image_size": side}, side) if side else ({}, None)
    return {}, None


def _has_parameters(name: str, shapes: Shapes) -> bool:
    """Says whether a network with ``fc`` as its last layer and three channels would have as many parameters."""
    from torchvision import models

    head = shapes.get("fc.weight", ())
    if len(head) != 2:
        return False
    stored = sum(math.prod(shape) for key, shape in shapes.items() if "running_" not in key and shape)
    known = models.get_model_weights(name).DEFAULT.meta["num_params"]
    return bool(stored == known + (head[0] - _IMAGENET_CLASSES) * (head[1] + 1))


def _fits(network: nn.Module, shapes: Shapes) -> tuple[int, int] | None:
    """Returns channels and K with which a network has these tensors; ``None`` if with none."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if expected.keys() != shapes.keys():
        return None
    first = next(f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    heads = {name for name, shape in expected.items() if shape[:1] == (_CLASSES,)}
    num_classes = {shapes[name][0] for name in heads if shapes[name]}
    if len(num_classes) != 1 or len(shapes[first]) != 4:
        return None
    # What may differ: the rows of the layers that give the logits, and the channels that come in.
    free = {**dict.fromkeys(heads, 0), first: 1}
    fits = all(
        _without(shape, free.get(name)) == _without(shapes[name], free.get(name)) for name, shape in expected.items()
    )
    return (shapes[first][1], num_classes.pop()) if fits else None


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])
