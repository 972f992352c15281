"""Every family of torchvision's classifiers: which parameters influence passes through, what is refused and why.

A family's members differ in depth and width and not in kind, so the smallest stands for
it in a quick run; otherwise every member of up to 150 million parameters is traced.
"""

import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass

import torch
import torchvision
from torch import nn

from benchmarks.report import Figure, Report
from engine.errors import RefusedInput
from engine.influence import tracked_modules
from engine.influence.wrapping import check_wrapping
from engine.models import build_model
from engine.study import Model

LARGEST = 150_000_000
_SIDE = 96
_SIDES = {"vit": 224, "swin": 224, "maxvit": 224}


@dataclass(frozen=True)
class Traced:
    """What one model showed."""

    name: str
    family: str
    parameters: int
    accepted: bool
    """Whether influence is computed without a further word in the study."""
    share: float
    """Tracked share of the parameters, with what cannot be tracked left out."""
    reasons: dict[str, int]
    """Modules left out, by reason."""


def measure(quick: bool) -> Report:
    """Traces the models on three random pictures."""
    sizes = {name: _parameters(name) for name in torchvision.models.list_models(module=torchvision.models)}
    chosen = [name for name in sizes if sizes[name] <= LARGEST]
    if quick:
        smallest: dict[str, str] = {}
        for name in sorted(chosen, key=lambda name: sizes[name]):
            smallest.setdefault(_family(name), name)
        chosen = sorted(smallest.values())
    traced = [_traced(name) for name in chosen]
    figures = [
        Figure("models_tried", len(traced), f"of {len(sizes)}"),
        Figure("models_accepted", sum(one.accepted for one in traced), "models"),
        Figure("families_tried", len({one.family for one in traced}), "families"),
        Figure("families_accepted", len({one.family for one in traced if one.accepted}), "families"),
    ]
    described = f"torchvision {torchvision.__version__}, untrained, 10 classes, pictures of {_SIDE} or 224 pixels"
    return Report(described, quick, figures, {"models": [asdict(one) for one in traced], "table": _table(traced)})


def _parameters(name: str) -> int:
    # As torchvision tells it of its own weights: building all of them only to count takes minutes.
    return int(next(iter(torchvision.models.get_model_weights(name))).meta["num_params"])


def _family(name: str) -> str:
    return re.split(r"[\d_]", name)[0] + ("_v3" if name.startswith("mobilenet_v3") else "")


def _traced(name: str) -> Traced:
    print(name, file=sys.stderr, flush=True)
    side = _SIDES.get(_family(name), _SIDE)
    model = build_model(Model(architecture=f"torchvision:{name}"), (3, side, side), 10, seed=0).eval()
    example = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    left_out = tracked_modules(model, example, 10, untrackable="leave_out")
    return Traced(
        name=name,
        family=_family(name),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        accepted=_is_accepted(model, example),
        share=left_out.share,
        reasons=dict(Counter(_kind(reason) for reason in left_out.refused.values())),
    )


def _is_accepted(model: nn.Module, example: torch.Tensor) -> bool:
    try:
        check_wrapping(model, example, tracked_modules(model, example, 10).names)
    except RefusedInput:
        return False
    return True


def _kind(reason: str) -> str:
    """Returns a reason without the numbers that differ from module to module."""
    return re.sub(r"\(groups = \d+\)|\d[\d,]*", lambda match: "" if "groups" in match[0] else "N", reason).strip()


def _table(traced: list[Traced]) -> str:
    """Returns the table of ``docs/architectures.md``, a row for each family."""
    lines = ["| family | tried | without a word | tracked share | left out, and why |", "|---|---|---|---|---|"]
    for family in dict.fromkeys(one.family for one in traced):
        members = [one for one in traced if one.family == family]
        shares = sorted(one.share for one in members)
        reasons: Counter[str] = Counter()
        for one in members:
            reasons.update(one.reasons.keys())
        verdict = {True: "yes", False: "refused"}.get(members[0].accepted, "")
        if len({one.accepted for one in members}) > 1:
            verdict = "yes: " + ", ".join(one.name for one in members if one.accepted)
        spread = f"{shares[0]:.1%}" if len(shares) == 1 else f"{shares[0]:.1%} to {shares[-1]:.1%}"
        names = ", ".join(one.name for one in members)
        lines.append(f"| {family} | {names} | {verdict} | {spread} | {'; '.join(reasons) or 'nothing'} |")
    return "\n".join(lines)
