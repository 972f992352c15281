"""What is told from a module itself: each form for which factors are missing or wrong."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from engine.influence import guards
from engine.influence.guards import static_reasons


class LinearOfOurOwn(nn.Linear):
    """A subclass, as nn.MultiheadAttention uses one."""


def reasons(model: nn.Module, needs_factors: bool = True, requested: frozenset[str] = frozenset()):
    return static_reasons(model, needs_factors, requested)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Conv2d(2, 4, 3, groups=2), "a grouped convolution (groups = 2)"),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), "padding_mode = 'reflect'"),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), "padding_mode = 'circular'"),
        (nn.Conv2d(2, 4, 2, padding="same"), "'same' with an even kernel"),
        (LinearOfOurOwn(4, 2), "LinearOfOurOwn is a subclass of nn.Linear"),
        (parametrizations.weight_norm(nn.Linear(4, 2)), "computed from other parameters"),
        (parametrizations.spectral_norm(nn.Conv2d(2, 4, 3), n_power_iterations=1), "computed from other parameters"),
    ],
)
def test_forms_that_would_be_scored_wrongly_are_named_as_wrong(module: nn.Module, text: str) -> None:
    reason = reasons(nn.Sequential(module))["0"]
    assert text in reason.text
    assert reason.is_wrong


@pytest.mark.parametrize(
    "module", [nn.BatchNorm2d(4), nn.LayerNorm(4), nn.Embedding(5, 4), nn.Conv1d(2, 3, 1), nn.LSTM(2, 3)]
)
def test_kinds_without_factors_are_left_out_and_not_refused(module: nn.Module) -> None:
    reason = reasons(nn.Sequential(module))["0"]
    assert reason.text == f"{type(module).__name__} parameters have no Kronecker factors"
    assert not reason.is_wrong


def test_plain_modules_have_no_reason_against_them() -> None:
    assert reasons(nn.Sequential(nn.Linear(3, 2), nn.Conv2d(1, 1, 3, padding="same", dilation=2), nn.ReLU())) == {}


def test_frozen_modules_are_left_out_and_half_frozen_ones_are_wrong() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    model[1].bias.requires_grad_(False)
    found = reasons(model)
    assert "frozen: training does not move them" in found["0"].text
    assert not found["0"].is_wrong
    assert found["1"].is_wrong


def test_shared_parameters_are_wrong_also_with_a_module_of_another_kind() -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(7, 4), "head": nn.Linear(4, 7, bias=False)})
    model["head"].weight = model["embedding"].weight
    assert "shares a parameter" in reasons(model)["head"].text
    assert reasons(model)["head"].is_wrong


def test_attention_is_refused_for_its_projection() -> None:
    found = reasons(nn.Sequential(nn.MultiheadAttention(8, 2)))
    assert found["0.out_proj"].is_wrong
    assert not found["0"].is_wrong


def test_a_bare_module_as_model_is_refused_for_it_cannot_be_wrapped() -> None:
    assert "put it into nn.Sequential" in reasons(nn.Linear(4, 2))[""].text
    assert reasons(nn.Linear(4, 2))[""].is_wrong


def test_a_computed_weight_with_a_frozen_bias_is_still_a_computed_weight() -> None:
    module = parametrizations.weight_norm(nn.Linear(4, 2))
    module.bias.requires_grad_(False)
    assert "computed from other parameters" in reasons(nn.Sequential(module))["0"].text


def test_very_wide_modules_are_left_out_unless_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "LARGEST_FACTOR", 100)
    model = nn.Sequential(nn.Conv2d(12, 3, 3), nn.Flatten(), nn.Linear(20, 101))
    found = reasons(model)
    assert "108 rows" in found["0"].text
    assert "101 rows" in found["2"].text
    assert not found["0"].is_wrong
    assert list(reasons(model, requested=frozenset({"2"}))) == ["0"]
    assert reasons(model, needs_factors=False) == {}


def test_weights_of_the_old_weight_norm_count_as_computed() -> None:
    with pytest.warns(FutureWarning):
        module = torch.nn.utils.weight_norm(nn.Linear(3, 2))
    assert reasons(nn.Sequential(module))["0"].is_wrong
