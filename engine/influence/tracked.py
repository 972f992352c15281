"""Which modules influence is computed through, and which are left out, and why.

Decided before any long work, from the modules themselves (:mod:`.guards`) and from one
traced batch (:mod:`.tracing`). Whatever is left out is named with its reason, and the
share of parameters that is tracked is part of every result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from engine.classes import did_you_mean
from engine.errors import RefusedInput
from engine.influence.guards import Reason, own_parameters, static_reasons
from engine.influence.tracing import trace

_SHOWN = 5
NOT_BY_DEFAULT = "not among the last modules, which are tracked by default; name it under [influence] modules"
"""Why the lower layers of a large model are left out."""


@dataclass(frozen=True)
class TrackedModules:
    """The modules that influence passes through.

    Attributes:
        names: of the tracked modules, in the model's order.
        refused: reason by name of every module with parameters that is not tracked.
        share: tracked parameters / parameters that training moves, in 0..1.
        parameters: P, how many are tracked.
        sample_bytes: what inputs and outputs of the tracked modules take for one sample.
    """

    names: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict)
    share: float = 1.0
    parameters: int = 0
    sample_bytes: int = 0


def tracked_modules(
    model: nn.Module,
    example: Tensor,
    num_classes: int,
    requested: Sequence[str] | None = None,
    untrackable: Literal["refuse", "leave_out"] = "refuse",
    needs_factors: bool = True,
    default: Sequence[str] | None = None,
) -> TrackedModules:
    """Decides which modules of a model are tracked.

    Args:
        model: the classifier, in evaluation mode.
        example: one prepared batch, shape ``(B, ...)``; it is passed through a few times.
        num_classes: K.
        requested: names to restrict the tracking to; ``None``: all that can be.
        untrackable: what becomes of modules whose scores would be wrong.
        needs_factors: whether the strategy decomposes covariances, see :data:`.guards.LARGEST_FACTOR`.
        default: names to restrict the tracking to where none is requested; what else could be tracked is named with
            :data:`NOT_BY_DEFAULT`.

    Raises:
        RefusedInput: if the model's output is not logits of each sample by itself, if a
            requested module does not exist or cannot be tracked, if scores of a module would
            be wrong and the study does not leave it out, or if nothing is left to track.
    """
    asked = frozenset(requested or ())
    reasons = static_reasons(model, needs_factors, asked)
    owners = [name for name, module in model.named_modules() if own_parameters(module)]
    if requested is None and default is not None:
        own = frozenset(default)
        outside = {name: Reason(NOT_BY_DEFAULT) for name in owners if name not in own}
        # What would be wrong there is not asked for; what has no factors anywhere keeps its reason.
        reasons = {name: reason for name, reason in reasons.items() if name in own or not reason.is_wrong}
        reasons = {**outside, **reasons}
    candidates = [name for name in owners if name not in reasons]
    traced = trace(model, example, candidates, num_classes)
    reasons |= traced.reasons
    trackable = [name for name in candidates if name not in reasons]
    if requested is not None:
        _check_requested(requested, trackable, reasons, type(model).__name__)
    elif untrackable == "refuse":
        _refuse_wrong(reasons)
    names = [name for name in trackable if requested is None or name in asked]
    if not names:
        raise RefusedInput(
            "no module of the model can be tracked: " + _listed(reasons),
            "at least one plain nn.Linear or nn.Conv2d with parameters",
            "If a module is only too wide, name it under [influence] modules or use strategy = 'diagonal'; else change "
            "the architecture",
        )
    tracked = sum(parameter.numel() for name in names for parameter in own_parameters(model.get_submodule(name)))
    moved = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    left = {name: "not among the requested modules" for name in trackable if name not in set(names)}
    return TrackedModules(
        names=tuple(names),
        refused={name: reason.text for name, reason in reasons.items()} | left,
        share=tracked / moved,
        parameters=tracked,
        sample_bytes=traced.sample_bytes,
    )


def _check_requested(requested: Sequence[str], trackable: list[str], reasons: dict[str, Reason], kind: str) -> None:
    for name in requested:
        if name in reasons:
            raise RefusedInput(
                f"module '{name}' cannot be tracked: {reasons[name].text}",
                f"names among {', '.join(trackable)}",
                "Remove it from [influence] modules",
            )
        if name not in trackable:
            raise RefusedInput(
                f"[influence] modules names '{name}', which the {kind} does not have",
                f"names among {', '.join(trackable)}",
                did_you_mean(name, trackable) or "Mend the name",
            )


def _refuse_wrong(reasons: dict[str, Reason]) -> None:
    wrong = {name: reason for name, reason in reasons.items() if reason.is_wrong}
    if wrong:
        raise RefusedInput(
            f"influence through {len(wrong)} module{'s' if len(wrong) > 1 else ''} would be wrong: {_listed(wrong)}",
            "plain nn.Linear and nn.Conv2d modules, each called once in a forward pass",
            "Set untrackable = 'leave_out' in [influence] to go without them (the tracked share of parameters is "
            "told with every result), or name the modules to track under [influence] modules",
        )


def _listed(reasons: dict[str, Reason]) -> str:
    shown = [f"{name or 'the model itself'}: {reason.text}" for name, reason in list(reasons.items())[:_SHOWN]]
    return "; ".join(shown) + (f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else "")
