"""Models that would change when kronfluence wraps their modules are found before the fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.errors import RefusedInput
from engine.influence import prepare_influence
from engine.influence.operators import Horizon
from engine.influence.wrapping import check_wrapping
from tests.engine.influence.cases import digits, mlp, study

EXAMPLE = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
HORIZON = Horizon(tau=0.5, weight_decay=0.0)


class AsksForTypes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(64, 16), nn.Linear(16, 10)])

    def forward(self, inputs: Tensor) -> Tensor:
        for layer in self.layers:
            inputs = layer(inputs)
            if isinstance(layer, nn.Linear):
                inputs = torch.tanh(inputs)
        return inputs


class AsksForAttributes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.head.divisor = torch.tensor(8.0)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(inputs) / self.head.divisor


class InsistsOnFloat32(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(inputs.float())


def test_a_plain_model_passes_and_is_left_as_it_was() -> None:
    model = mlp().eval()
    names = [name for name, _ in model.named_parameters()]
    check_wrapping(model, EXAMPLE, ["0", "2"])
    assert [name for name, _ in model.named_parameters()] == names


@pytest.mark.parametrize(
    ("model", "modules", "text"),
    [
        (AsksForTypes(), ["layers.0", "layers.1"], "computes other logits when kronfluence wraps"),
        (AsksForAttributes(), ["head"], "fails when kronfluence wraps its modules: .*divisor"),
    ],
)
def test_models_that_ask_what_their_modules_are_are_refused(model: nn.Module, modules: list[str], text: str) -> None:
    with pytest.raises(RefusedInput, match=text):
        check_wrapping(model.eval(), EXAMPLE, modules)


def test_ekfac_refuses_such_a_model_and_exact_takes_it(tmp_path: Path) -> None:
    data, model = digits(count=60, validation=60), AsksForTypes().eval()
    with pytest.raises(RefusedInput, match="strategy = 'exact'"):
        prepare_influence(study(tmp_path, 'strategy = "ekfac"'), data, model, HORIZON)
    assert prepare_influence(study(tmp_path), data, model, HORIZON).strategy == "exact"


def test_a_model_that_insists_on_float32_has_ekfac_by_default_and_no_exact(tmp_path: Path) -> None:
    data, model = digits(count=60, validation=60), InsistsOnFloat32().eval()
    assert prepare_influence(study(tmp_path), data, model, HORIZON).strategy == "ekfac"
    with pytest.raises(RefusedInput, match="cannot compute in float64"):
        prepare_influence(study(tmp_path, 'strategy = "exact"'), data, model, HORIZON)


@pytest.mark.parametrize("strategy", ["exact", "ekfac", "kfac", "diagonal"])
def test_a_module_that_no_gradient_reaches_leaves_finite_scores(strategy: str, tmp_path: Path) -> None:
    data, model = digits(count=60, validation=60), mlp().eval()
    nn.init.zeros_(model.get_parameter("2.weight"))
    prepared = prepare_influence(study(tmp_path, f'strategy = "{strategy}"'), data, model, HORIZON)
    (part,) = prepared.parts()
    assert np.isfinite(part.ceiling).all()
    assert np.isfinite(part.epoch).all()
    assert np.abs(part.ceiling).max() > 0


def test_scores_that_are_not_finite_are_refused_with_the_sample(tmp_path: Path) -> None:
    data, model = digits(count=60, validation=60), mlp().eval()
    prepared = prepare_influence(study(tmp_path, 'strategy = "ekfac"'), data, model, HORIZON)
    data.train.inputs[17] = 3e38
    with pytest.raises(RefusedInput, match="influence of training sample 17 is not finite"):
        list(prepared.parts())


class DependsOnTheData(nn.Module):
    """Uses its body a second time where a sample asks for it: traced samples need not."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.body(inputs)
        if bool((inputs[:, 0] > 5).any()):
            features = self.body(features)
        return self.head(features)


def test_a_module_that_some_batch_calls_twice_is_refused_when_it_happens(tmp_path: Path) -> None:
    data = digits(count=60, validation=60)
    prepared = prepare_influence(study(tmp_path, 'strategy = "identity"'), data, DependsOnTheData().eval(), HORIZON)
    data.train.inputs[40, 0] = 9
    with pytest.raises(RefusedInput, match="module 'body' is used in another way for some samples"):
        list(prepared.parts())
