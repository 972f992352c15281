"""One traced batch: does each module do what its looks promise?

A few samples are passed through the model together and each by itself. That tells which
modules are called, how often, whether samples come first in their inputs; and whether
the gradient that a module's inputs and output gradients make equals the one that autograd
has for the parameters. The last comparison catches what no list of cases can: weights
that are used a second time by a function, samples that influence each other, a layout
of the inputs that mixes them. It is made along one random direction a module, so it needs
the memory of one row.
"""

import copy
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import RefusedInput, first_line
from engine.influence.guards import Reason
from engine.influence.linear_maps import matrix_shape, observed, parameter_gradients
from engine.influence.scores import contract

_TOLERANCE = 1e-2
"""Of the largest value: float32 sums differ by far less, a wrong layout by far more."""


@dataclass
class Trace:
    """What one batch showed.

    Attributes:
        reasons: against modules, by name.
        sample_bytes: what a sample's inputs and outputs of all observed modules take in float32.
    """

    reasons: dict[str, Reason] = field(default_factory=dict)
    sample_bytes: int = 0


def trace(model: nn.Module, example: Tensor, names: Sequence[str], num_classes: int) -> Trace:
    """Passes one batch and looks at the named modules.

    Args:
        model: the classifier, in evaluation mode.
        example: some prepared samples, shape ``(B, ...)``; at least two tell more.
        names: of plain ``nn.Linear`` and ``nn.Conv2d`` modules.
        num_classes: K.

    Raises:
        RefusedInput: if the output is not one logit a class, differs from call to call, or
            depends on the other samples of the batch.
    """
    found = Trace()
    shapes = _calls(model, example, names, num_classes, found)
    if names:
        _compare_gradients(model, example, [name for name in names if name in shapes], names, found)
    return found


def _calls(
    model: nn.Module, example: Tensor, names: Sequence[str], num_classes: int, found: Trace
) -> dict[str, torch.Size]:
    """Notes calls and layouts; returns the input shapes of the modules that are called once, samples first."""
    calls: Counter[str] = Counter()
    shapes: dict[str, torch.Size] = {}

    def watch(name: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls[name] += 1
        if inputs:
            shapes[name] = inputs[0].shape
            found.sample_bytes += 4 * (inputs[0].numel() + output.numel()) // len(example)

    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda _module, inputs, output, name=name: watch(name, inputs, output)
        )
        for name in names
    ]
    try:
        with torch.no_grad():
            logits = model(example)
    finally:
        for handle in handles:
            handle.remove()
    _check_logits(model, example, logits, num_classes)
    for name in names:
        if calls[name] > 1:
            text = f"called {calls[name]} times in one forward pass: scores would be right for one call only"
            found.reasons[name] = Reason(text, is_wrong=True)
        elif calls[name] == 1 and (name not in shapes or len(shapes[name]) < 2 or shapes[name][0] != len(example)):
            layout = f"{tuple(shapes[name])} for {len(example)} samples" if name in shapes else "keyword arguments only"
            found.reasons[name] = Reason(f"its inputs do not have the samples first ({layout})", is_wrong=True)
    return {name: shape for name, shape in shapes.items() if name not in found.reasons}


def _check_logits(model: nn.Module, example: Tensor, logits: object, num_classes: int) -> None:
    kind = type(model).__name__
    if not isinstance(logits, Tensor) or logits.shape != (len(example), num_classes):
        came = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise RefusedInput(
            f"the {kind} returns {came} for {len(example)} samples",
            f"one tensor of logits, shape ({len(example)}, {num_classes})",
            "Return the logits alone from forward",
        )
    if not bool(logits.isfinite().all()):
        raise RefusedInput(
            f"the {kind} returns logits that are NaN or infinite",
            "finite logits",
            "Check [data.transform] mean and std, and the checkpoint",
        )
    with torch.no_grad():
        again = model(example)
        try:
            alone = torch.cat([model(example[at : at + 1]) for at in range(len(example))])
        except (RuntimeError, ValueError) as error:
            # Normalising over a batch of one, for instance.
            raise _mixed(kind, f": it fails on one sample alone ({first_line(error)})") from error
    size = float(logits.abs().max())
    if not torch.allclose(logits, again, rtol=0, atol=1e-5 * size):
        raise RefusedInput(
            f"the {kind} gives the same samples other logits at a second pass",
            "a model that draws nothing in evaluation mode",
            "Use nn.Dropout, which evaluation mode switches off, in place of functional dropout",
        )
    if not torch.allclose(logits, alone, rtol=0, atol=1e-3 * size):
        raise _mixed(kind)


def _mixed(kind: str, seen: str = "") -> RefusedInput:
    return RefusedInput(
        f"the logits that the {kind} gives a sample depend on the other samples of its batch{seen}",
        "a model that looks at each sample by itself in evaluation mode",
        "Normalise over features or with running statistics, not over the batch",
    )


def _compare_gradients(
    model: nn.Module, example: Tensor, usable: Sequence[str], names: Sequence[str], found: Trace
) -> None:
    """Compares each module's gradient along a random direction with autograd's, sample by sample."""
    seen, truth = _gradients(model, example, usable, names)
    if any(_is_off(seen[name], truth[name]) for name in seen) and example.dtype != torch.float64:
        # Rounding moves the ties of a maximum, and so a gradient by per cents; float64 has none.
        # A model that insists on float32 keeps its first answer.
        with suppress(RuntimeError):
            seen, truth = _gradients(copy.deepcopy(model).double(), example.double(), usable, names)
    for name in names:
        if name in found.reasons:
            continue
        size = float(truth[name].abs().max())
        if name not in seen:
            is_used = size > 0
            text = (
                "its weight is used by a function and not by calling it"
                if is_used
                else "it takes no part in the logits"
            )
            found.reasons[name] = Reason(text, is_wrong=is_used)
        elif _is_off(seen[name], truth[name]):
            off = float((seen[name] - truth[name]).abs().max()) / max(size, float(seen[name].abs().max()))
            text = f"its weight is also used in another way than by calling it: its gradient is off by {off:.0%}"
            found.reasons[name] = Reason(text, is_wrong=True)


def _is_off(seen: Tensor, truth: Tensor) -> bool:
    size = max(float(truth.abs().max()), float(seen.abs().max()))
    return not torch.allclose(seen, truth, rtol=0, atol=_TOLERANCE * size)


def _gradients(
    model: nn.Module, example: Tensor, usable: Sequence[str], names: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns each sample's gradient along a direction a module, ``(B,)``: as we see it, and as autograd does.

    Modules whose output no gradient reaches are not among the first.
    """
    layers = {name: model.get_submodule(name) for name in names}
    generator = torch.Generator().manual_seed(0)
    directions = {
        name: torch.randn(1, *matrix_shape(layer), generator=generator).to(example) for name, layer in layers.items()
    }
    with torch.no_grad():
        # The least likely class: a confident sample has no gradient for its own.
        labels = model(example).argmin(dim=1)
    seen: dict[str, Tensor] = {}

    def take(name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        seen[name] = contract(directions[name], module, inputs, gradient)[:, 0]

    if usable:
        with observed(model, usable, take):
            functional.cross_entropy(model(example), labels, reduction="sum").backward()
    return seen, _autograd(model, example, labels, layers, directions)


def _autograd(
    model: nn.Module, example: Tensor, labels: Tensor, layers: dict[str, nn.Module], directions: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Returns autograd's gradient of each sample, passed alone, along the directions; ``(B,)`` by module."""
    told: dict[str, list[Tensor]] = {name: [] for name in layers}
    for at in range(len(example)):
        loss = functional.cross_entropy(model(example[at : at + 1]), labels[at : at + 1])
        for name, matrix in parameter_gradients(loss, layers).items():
            told[name].append((matrix * directions[name][0]).sum())
    return {name: torch.stack(values) for name, values in told.items()}
