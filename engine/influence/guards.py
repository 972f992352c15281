"""Modules for which Kronecker factors are missing or wrong, told from the module itself.

Two kinds of reasons. *No factors*: there is no such thing for this kind of module
(normalisation, embeddings, frozen weights); it is left out and named, and the tracked
share of parameters says how much that is. *Wrong*: the module looks as if it could be
tracked, and the scores would be wrong without a word (kronfluence 1.0.1: grouped
convolutions by 68-92%, padding modes by 38%, a module called twice by 14-46%) or the fit
would break; such a model is refused, unless the study asks to leave these modules out.
"""

from collections import Counter
from dataclasses import dataclass

from torch import nn
from torch.nn.utils import parametrize

from engine.influence.linear_maps import symmetric_padding

LARGEST_FACTOR = 12_000
"""Inputs or outputs of a module beyond which its covariance is not decomposed unasked: at
12,000 it takes 1.2 GB in float64 and some ten minutes on two cores."""


@dataclass(frozen=True)
class Reason:
    """Why a module is not tracked.

    Attributes:
        text: one clause, for people.
        is_wrong: whether tracking it would give wrong scores or break, so that the model
            is refused unless the study leaves the module out.
    """

    text: str
    is_wrong: bool = False


def own_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Returns the parameters that belong to a module itself."""
    return list(module.parameters(recurse=False))


def static_reasons(model: nn.Module, needs_factors: bool, requested: frozenset[str]) -> dict[str, Reason]:
    """Returns the reason against each module with parameters that cannot be tracked, by name.

    Args:
        model: the classifier.
        needs_factors: whether the strategy decomposes covariances, which very wide modules forbid.
        requested: names that the study asks for; they may be as wide as they are.
    """
    owners = Counter(id(parameter) for module in model.modules() for parameter in own_parameters(module))
    found = {}
    for name, module in model.named_modules():
        if own_parameters(module) or _is_parametrized(module):
            reason = _reason(module, owners)
            if reason is None and not name:
                reason = Reason(
                    "the model itself, which kronfluence cannot wrap: put it into nn.Sequential", is_wrong=True
                )
            if reason is None and needs_factors and name not in requested:
                reason = _too_wide(module)
            if reason is not None:
                found[name] = reason
    return found


def _reason(module: nn.Module, owners: Counter[int]) -> Reason | None:
    kind = type(module)
    if not isinstance(module, nn.Linear | nn.Conv2d):
        return Reason(f"{kind.__name__} parameters have no Kronecker factors")
    if _is_parametrized(module):
        return Reason("its weight is computed from other parameters (a parametrization)", is_wrong=True)
    asked = {parameter.requires_grad for parameter in own_parameters(module)}
    if asked == {False}:
        return Reason("its parameters are frozen: training does not move them")
    if asked == {True, False}:
        return Reason("some of its parameters are frozen and some are not", is_wrong=True)
    if kind not in (nn.Linear, nn.Conv2d):
        parent = "nn.Linear" if isinstance(module, nn.Linear) else "nn.Conv2d"
        return Reason(f"{kind.__name__} is a subclass of {parent}, which kronfluence cannot wrap", is_wrong=True)
    if any(owners[id(parameter)] > 1 for parameter in own_parameters(module)):
        return Reason("it shares a parameter with another module", is_wrong=True)
    return _against_convolution(module) if isinstance(module, nn.Conv2d) else None


def _against_convolution(module: nn.Conv2d) -> Reason | None:
    if module.groups != 1:
        return Reason(f"a grouped convolution (groups = {module.groups}): its scores would be wrong", is_wrong=True)
    if module.padding_mode != "zeros":
        return Reason(f"padding_mode = '{module.padding_mode}': its scores would be wrong", is_wrong=True)
    try:
        symmetric_padding(module)
    except ValueError as error:
        return Reason(str(error), is_wrong=True)
    return None


def _too_wide(module: nn.Module) -> Reason | None:
    weight = module.weight
    assert isinstance(weight, nn.Parameter)
    widest = max(weight.shape[0], weight[0].numel())
    if widest <= LARGEST_FACTOR:
        return None
    return Reason(f"its factor would have {widest:,} rows; name it under [influence] modules to have it all the same")


def _is_parametrized(module: nn.Module) -> bool:
    """Whether weights are computed at each use: new parametrizations, and the hooks of old weight_norm."""
    hooked = isinstance(module, nn.Linear | nn.Conv2d) and not isinstance(
        module._parameters.get("weight"), nn.Parameter
    )
    return hooked or parametrize.is_parametrized(module)
