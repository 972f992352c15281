"""Which modules influence is computed through, and which are left out, and why.

kronfluence wraps ``nn.Linear`` and ``nn.Conv2d``; for some of their forms its
factors are silently wrong. They are found here by looking at the module and at one
traced batch, before any long work starts. Whatever is left out is named with its
reason, and the share of parameters that is tracked is part of every result.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from engine.errors import RefusedInput


@dataclass(frozen=True)
class TrackedModules:
    """The modules that influence passes through.

    Attributes:
        names: of the tracked modules, in the model's order.
        refused: reason by name of every module with parameters that is not tracked.
        share: tracked parameters / all parameters, in 0..1.
        largest_sample_bytes: float32 bytes that one sample needs in the widest tracked
            module (its patches and its output gradient); bounds the scoring batch.
    """

    names: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict)
    share: float = 1.0
    largest_sample_bytes: int = 0


def tracked_modules(model: nn.Module, example: Tensor, requested: Sequence[str] | None = None) -> TrackedModules:
    """Decides which modules of a model are tracked.

    Args:
        model: the classifier.
        example: one prepared batch, shape ``(B, ...)``; it is passed through once.
        requested: names to restrict the tracking to; ``None``: all that can be.

    Raises:
        RefusedInput: if a requested module does not exist or cannot be tracked, or if
            nothing is left to track.
    """
    calls, widths = _trace(model, example)
    reasons: dict[str, str] = {}
    trackable: list[str] = []
    for name, module in model.named_modules():
        if not list(module.parameters(recurse=False)):
            continue
        reason = _reason_against(module, calls[name])
        if reason is None:
            trackable.append(name)
        else:
            reasons[name] = reason
    names = _restricted(trackable, reasons, requested, model)
    if not names:
        raise RefusedInput(
            "no module of the model can be tracked: " + "; ".join(f"{name}: {why}" for name, why in reasons.items()),
            "at least one plain nn.Linear or nn.Conv2d with parameters",
            "Name modules under [influence] modules, or change the architecture",
        )
    chosen = set(names)
    tracked = sum(
        parameter.numel()
        for name, module in model.named_modules()
        if name in chosen
        for parameter in module.parameters(recurse=False)
    )
    total = sum(parameter.numel() for parameter in model.parameters())
    return TrackedModules(
        names=tuple(names),
        refused={**reasons, **{name: "not among the requested modules" for name in trackable if name not in chosen}},
        share=tracked / total,
        largest_sample_bytes=max(widths[name] for name in names),
    )


def _restricted(
    trackable: list[str], reasons: dict[str, str], requested: Sequence[str] | None, model: nn.Module
) -> list[str]:
    if requested is None:
        return trackable
    for name in requested:
        if name in reasons:
            raise RefusedInput(
                f"module '{name}' cannot be tracked: {reasons[name]}",
                f"names among {', '.join(trackable)}",
                "Remove it from [influence] modules",
            )
        if name not in trackable:
            raise RefusedInput(
                f"[influence] modules names '{name}', which the {type(model).__name__} does not have",
                f"names among {', '.join(trackable)}",
                "Mend the name",
            )
    return [name for name in trackable if name in set(requested)]


def _reason_against(module: nn.Module, calls: int) -> str | None:
    """Says why kronfluence's factors would be missing or wrong for a module."""
    kind = type(module)
    if isinstance(module, nn.Linear) and kind is not nn.Linear:
        return f"{kind.__name__} is a subclass of nn.Linear, which kronfluence cannot wrap"
    if isinstance(module, nn.Conv2d) and kind is not nn.Conv2d:
        return f"{kind.__name__} is a subclass of nn.Conv2d, which kronfluence cannot wrap"
    if kind not in (nn.Linear, nn.Conv2d):
        return f"{kind.__name__} parameters have no Kronecker factors"
    if isinstance(module, nn.Conv2d):
        if module.groups != 1:
            return f"a grouped convolution (groups = {module.groups}), for which kronfluence's scores are wrong"
        if module.padding_mode != "zeros":
            return f"padding_mode = '{module.padding_mode}', for which kronfluence's scores are wrong"
        if isinstance(module.padding, str) and _uneven(module):
            return "padding = 'same' with an even kernel, which cannot be unfolded"
    if calls != 1:
        return f"called {calls} times in one forward pass: kronfluence's scores are right for one call only"
    return None


def _uneven(module: nn.Conv2d) -> bool:
    spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    return module.padding == "same" and any(span % 2 for span in spans)


def _trace(model: nn.Module, example: Tensor) -> tuple[Counter[str], dict[str, int]]:
    """Counts the calls of each module in one forward pass and the width of its sample."""
    calls: Counter[str] = Counter()
    widths: dict[str, int] = {}

    def watch(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls[name] += 1
        if isinstance(module, nn.Conv2d):
            positions = output[0, 0].numel()
            patch = module.in_channels * module.kernel_size[0] * module.kernel_size[1] + 1
            widths[name] = 4 * positions * (patch + module.out_channels)
        else:
            widths[name] = 4 * (inputs[0].numel() + output.numel()) // max(1, len(output))

    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: watch(name, module, inputs, output))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d))
    ]
    training = model.training
    try:
        model.eval()
        with torch.no_grad():
            model(example)
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return calls, widths
