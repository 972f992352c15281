"""Coarser arithmetic is taken where it ranks alike, and told with its agreement."""

from pathlib import Path

import pytest
import torch

from engine.influence import prepare_influence
from engine.influence.curvature import IdentityCurvature
from engine.influence.operators import Horizon, Inverse
from engine.influence.precision import Precision, chosen_precision
from engine.influence.probe import Probe
from tests.engine.influence.cases import digits, mlp, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.0)


@pytest.fixture(scope="module")
def probe() -> Probe:
    data = digits(count=300, validation=100)
    model = trained(mlp(), data.train.inputs, data.train.labels, steps=30)
    torch.manual_seed(0)
    gradients = {"0": torch.randn(3, 16, 65), "2": torch.randn(3, 10, 17)}
    return Probe(model, data.train.inputs, data.train.labels, (0, 1, 2), gradients, batch_size=64)


def chosen(asked: str, probe: Probe) -> Precision:
    return chosen_precision(asked, probe, IdentityCurvature(), Inverse(None, 0.0))


def test_a_processor_stays_with_float32_and_compares_nothing(probe: Probe) -> None:
    assert chosen("auto", probe) == Precision("fp32")
    assert chosen("fp32", probe) == Precision("fp32")


def test_what_is_asked_for_is_taken_and_its_agreement_told(probe: Probe) -> None:
    precision = chosen("bf16", probe)
    assert precision.name == "bf16"
    assert precision.agreement is not None
    assert 0.97 < precision.agreement < 1


def test_float64_is_never_made_coarser() -> None:
    double = Probe(mlp().double(), torch.zeros(1, 64).double(), torch.zeros(1, dtype=torch.int64), (0,), {}, 1)
    assert chosen("auto", double) == Precision("fp64")


def test_the_surroundings_are_restored() -> None:
    before = torch.get_float32_matmul_precision()
    for name in ("bf16", "tf32", "fp32"):
        with Precision(name).applied(torch.device("cpu")):
            assert torch.is_autocast_enabled("cpu") == (name == "bf16")
    assert torch.get_float32_matmul_precision() == before
    assert not torch.is_autocast_enabled("cpu")


def test_a_result_tells_its_precision(tmp_path: Path) -> None:
    data = digits(count=120, validation=80)
    settings = study(tmp_path, 'strategy = "ekfac"').with_changes(compute={"precision": "bf16"})
    precision = prepare_influence(settings, data, mlp().eval(), HORIZON).precision
    assert precision.name == "bf16"
    assert precision.agreement is not None
