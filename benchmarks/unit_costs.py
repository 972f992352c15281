"""Unit costs of influence through a ResNet-50 at 224 pixels: seconds and operations of each stage, for one sample.

Operations are counted by torch's counter, or by formula where it has none, and each stage's rate is compared with
that of a plain product of matrices, before it and after it in this same process: its *share*. Seconds are those of the
processor, so that what else runs on the machine does not count. ``docs/scaling.md`` takes both to ImageNet-1k
on GPUs, with :mod:`benchmarks.unit_costs_paper`. What a GPU reaches is no part of what is measured here.
"""

import io
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import Figure, Report, say
from benchmarks.unit_costs_paper import SCOPES, moved, on_paper, parameters
from engine.data import InputTransform, Samples
from engine.data.pictures import decoded_pictures
from engine.influence.kronecker import Factors, KroneckerFit
from engine.influence.linear_maps import Take, matrix_shape, observed, per_sample_gradients
from engine.influence.scores import contract
from engine.models import build_model
from engine.study import Model

_CLASSES, _PIXELS = 1_000, 224
_PLAIN = 2_048
"""Side of the matrices of the plain product."""
_ROWS, _PRODUCT_SAMPLES = 128, 32
"""Of the products of rows and samples: many enough for one product of matrices, few enough for this machine."""
_SIZES = (1_024, 2_048, 4_608)
"""Of covariances that are decomposed; the last is the largest of a ResNet-50."""
_PHOTOGRAPH = (500, 375)
"""Width and height of a typical picture of ImageNet."""


@dataclass(frozen=True)
class Cost:
    """What one unit takes.

    Attributes:
        seconds: of the processor, median.
        plain: rate of a plain product beside it, FLOP/s; mean of before and after.
        flop: floating-point operations; ``None`` where seconds alone count.
        unit: what it is a cost of.
    """

    seconds: float
    plain: float
    flop: float | None = None
    unit: str = "a sample"


def measure(quick: bool) -> Report:
    """Measures on the processor; quick: fewer samples, and each once."""
    torch.manual_seed(0)
    repeats, count = (1, 2) if quick else (5, 8)
    model = build_model(Model(architecture="torchvision:resnet50"), (3, _PIXELS, _PIXELS), _CLASSES, 0).eval()
    pictures = torch.randint(0, 256, (count, 3, _PIXELS, _PIXELS), dtype=torch.uint8)
    samples = Samples(pictures, torch.arange(count), ("",) * count)
    costs = {
        **_passes(model, samples, repeats),
        **_products(model, repeats),
        **_factors(model, samples, repeats),
        **_decompositions(),
        **_reading(samples, repeats),
    }
    plain = statistics.median(cost.plain for cost in costs.values())
    figures = [Figure("plain_gflop_s", plain / 1e9, "GFLOP/s", runs=2 * len(costs))]
    for name, cost in costs.items():
        figures.append(Figure(f"{name}_ms", 1e3 * cost.seconds, f"ms {cost.unit}", runs=repeats))
        if cost.flop is not None:
            figures.append(Figure(f"{name}_gflop", cost.flop / 1e9, f"GFLOP {cost.unit}"))
            figures.append(Figure(f"{name}_share", cost.flop / cost.seconds / cost.plain, "of the plain rate"))
    shapes = {name: matrix_shape(module) for name, module in _tracked(model).items()}
    what = f"torchvision's ResNet-50, {_PIXELS} x {_PIXELS} pixels, {_CLASSES} classes, random weights and pictures"
    return Report(what, quick, figures, {"ImageNet-1k on paper": on_paper(shapes), "moved": moved()})


def _tracked(model: nn.Module) -> dict[str, nn.Module]:
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)}


def _plain() -> float:
    a, b = torch.randn(_PLAIN, _PLAIN), torch.randn(_PLAIN, _PLAIN)
    began = time.process_time()
    a @ b
    return 2 * _PLAIN**3 / (time.process_time() - began)


def _passes(model: nn.Module, samples: Samples, repeats: int) -> dict[str, Cost]:
    inputs, labels = InputTransform().prepare(samples.inputs), samples.labels
    tracked = list(_tracked(model))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    @torch.no_grad()
    def forward() -> None:
        model(inputs)

    def nothing(_name: str, _module: nn.Module, _inputs: Tensor, _gradient: Tensor) -> None:
        """Goes as far as the gradient of the module's output."""

    def gradients(_name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        per_sample_gradients(module, inputs, gradient)

    def backward(take: Take) -> None:
        with observed(model, tracked, take):
            functional.cross_entropy(model(inputs), labels, reduction="sum").backward()

    def step() -> None:
        model.train()
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
        model.eval()

    return {
        "forward": _cost("forward", forward, len(labels), repeats),
        "to_outputs": _cost("forward and backward to outputs", lambda: backward(nothing), len(labels), repeats),
        "to_gradients": _cost("and every sample's gradient", lambda: backward(gradients), len(labels), repeats),
        "training_step": _cost("training step", step, len(labels), repeats),
    }


def _products(model: nn.Module, repeats: int) -> dict[str, Cost]:
    """Returns costs of a row and a sample: of the widest convolution and of the last layer."""
    found = {}
    for name, module, inputs, gradient in (
        ("product_convolution", "layer4.2.conv2", (512, 7, 7), (512, 7, 7)),
        ("product_fc", "fc", (2_048,), (_CLASSES,)),
    ):
        layer = model.get_submodule(module)
        rows = torch.randn(_ROWS, *matrix_shape(layer))
        a, g = torch.randn(_PRODUCT_SAMPLES, *inputs), torch.randn(_PRODUCT_SAMPLES, *gradient)
        say(name)
        cost = _timed(partial(contract, rows, layer, a, g), repeats, units=_ROWS * _PRODUCT_SAMPLES)
        # The gradients of the samples are made first, where there are several positions: as many products as these.
        positions = math.prod(gradient[1:]) if len(gradient) > 1 else 0
        flop = 2.0 * parameters({module: matrix_shape(layer)}) * (_ROWS + positions) / _ROWS
        found[name] = replace(cost, flop=flop, unit="a row and a sample")
    return found


def _factors(model: nn.Module, samples: Samples, repeats: int) -> dict[str, Cost]:
    found = {}
    everywhere = {name: matrix_shape(module) for name, module in _tracked(model).items()}
    indices, positions = torch.arange(len(samples)), _positions(model, samples)
    for scope, chosen in SCOPES.items():
        shapes = chosen.within(everywhere)
        fit = KroneckerFit(model, samples, InputTransform(), list(shapes), 0, len(samples))
        name = scope.replace(" ", "_")
        covariances = _cost(f"covariances, {scope}", partial(fit.covariances, indices), len(samples), repeats)
        # torch's counter sees the passes, not the sums of outer products in place.
        outer = sum(2 * positions[module] * (o**2 + i**2) for module, (o, i) in shapes.items())
        found[f"covariances_{name}"] = replace(covariances, flop=(covariances.flop or 0) + outer)
        # The moments of a basis cost the same whatever the basis is.
        moments = partial(fit._moments, "ekfac", indices, _any_basis(shapes))
        found[f"moments_{name}"] = _cost(f"moments, {scope}", moments, len(samples), 1)
    return found


def _positions(model: nn.Module, samples: Samples) -> dict[str, int]:
    """Returns how many positions of a sample share each module."""
    found: dict[str, int] = {}

    def count(name: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        found[name] = math.prod(output.shape[2:])

    hooks = [module.register_forward_hook(partial(count, name)) for name, module in _tracked(model).items()]
    with torch.no_grad():
        model(InputTransform().prepare(samples.inputs[:1]))
    for hook in hooks:
        hook.remove()
    return found


def _any_basis(shapes: dict[str, tuple[int, int]]) -> Factors:
    sides = {"gradient": 0, "activation": 1}
    vectors = {
        f"{kind}_eigenvectors": {name: torch.eye(shape[side]) for name, shape in shapes.items()}
        for kind, side in sides.items()
    }
    values = {
        f"{kind}_eigenvalues": {name: torch.ones(shape[side]) for name, shape in shapes.items()}
        for kind, side in sides.items()
    }
    return vectors | values


def _decompositions() -> dict[str, Cost]:
    """Returns costs in float64, as the factors are decomposed."""
    found = {}
    for size in _SIZES:
        say(f"eigendecomposition of {size} x {size}")
        wide = torch.randn(size, size, dtype=torch.float64)
        covariance = wide @ wide.T / size
        cost = _timed(partial(torch.linalg.eigh, covariance), 1, warm=False)
        found[f"eigen_{size}"] = replace(cost, unit=f"for {size} x {size} in float64")
    return found


def _reading(samples: Samples, repeats: int) -> dict[str, Cost]:
    """Returns costs of what the processor does with a picture: decoding it, and preparing it for a pass."""
    say("pictures")
    transform = InputTransform(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    noise = np.random.default_rng(0).integers(0, 256, (_PHOTOGRAPH[1] // 8, _PHOTOGRAPH[0] // 8, 3), np.uint8)
    written = io.BytesIO()
    # Enlarged noise: smooth as photographs are, so that it decodes as they do.
    Image.fromarray(noise).resize(_PHOTOGRAPH, Image.Resampling.BICUBIC).save(written, "JPEG", quality=90)
    contents = [(str(number), written.getvalue()) for number in range(16)]
    decoding = _timed(lambda: decoded_pictures(contents, _PIXELS, lambda _: None), repeats, units=len(contents))
    preparing = _timed(lambda: transform.prepare(samples.inputs), repeats, units=len(samples))
    return {
        "decoding": replace(decoding, unit=f"a JPEG of {_PHOTOGRAPH[0]} x {_PHOTOGRAPH[1]}"),
        "preparing": preparing,
    }


def _cost(what: str, work: Callable[[], object], units: int, repeats: int) -> Cost:
    say(what)
    with FlopCounterMode(display=False) as counter:
        work()
    flop = cast("int", counter.get_total_flops())
    return replace(_timed(work, repeats, warm=False, units=units), flop=flop / units)


def _timed(work: Callable[[], object], repeats: int, warm: bool = True, units: int = 1) -> Cost:
    if warm:
        work()
    seconds, before = [], _plain()
    for _ in range(repeats):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return Cost(statistics.median(seconds) / units, (before + _plain()) / 2)
