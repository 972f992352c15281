"""Curvatures: of one scale whatever the strategy, each with the shape of its module, applied block by block."""

import pytest
import torch
from torch import nn

from engine.data import InputTransform
from engine.influence.curvature import BlockCurvature, IdentityCurvature, ModuleCurvature, precondition_in_place
from engine.influence.kronecker import KroneckerFit, added
from engine.influence.operators import Horizon, Inverse, Operator
from tests.engine.influence.cases import samples

MODULES = ("1", "4")
EVERYTHING = torch.arange(200)


@pytest.fixture(scope="module")
def fit() -> KroneckerFit:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(192, 4)
    )
    data = samples(torch.rand(200, 64), torch.randint(0, 4, (200,)))
    return KroneckerFit(model, data, InputTransform(), MODULES, seed=0, batch_size=50)


@pytest.fixture(scope="module")
def fitted(fit: KroneckerFit) -> dict[str, BlockCurvature]:
    covariances = fit.covariances(EVERYTHING)
    return {
        "ekfac": fit.ekfac(covariances, EVERYTHING),
        "kfac": fit.kfac(covariances, 200),
        "diagonal": fit.diagonal(EVERYTHING),
    }


def test_the_trace_is_the_same_whatever_the_strategy(fitted) -> None:
    """The mean squared norm of a sample's gradient does not depend on the basis it is told in."""
    for name in MODULES:
        exact = float(fitted["ekfac"].modules[name].eigenvalues.sum())
        assert float(fitted["diagonal"].modules[name].eigenvalues.sum()) == pytest.approx(exact, rel=1e-4)
        # K-FAC drops what positions and factors have in common, so it agrees in size, not closely.
        assert 0.3 < float(fitted["kfac"].modules[name].eigenvalues.sum()) / exact < 3


def test_shapes_are_those_of_the_weights_with_the_bias_as_one_more_input(fitted) -> None:
    assert fitted["ekfac"].modules["1"].eigenvalues.shape == (3, 10)
    assert fitted["kfac"].modules["4"].eigenvalues.shape == (4, 193)
    assert fitted["diagonal"].modules["4"].activation_basis is None


def test_covariances_of_two_samples_add_up_to_those_of_both(fit: KroneckerFit) -> None:
    def activations(indices: torch.Tensor) -> torch.Tensor:
        return fit.covariances(indices)["activation_covariance"]["1"]

    first, second = EVERYTHING[:70], EVERYTHING[70:]
    both = added(fit.covariances(first), fit.covariances(second))
    torch.testing.assert_close(both["activation_covariance"]["1"], activations(EVERYTHING), rtol=1e-5, atol=0.1)
    assert int(both["num_activation_covariance_processed"]["1"]) == 200 * 64


def test_a_fit_does_not_change_the_covariances_that_it_is_given(fit: KroneckerFit) -> None:
    covariances = fit.covariances(EVERYTHING[:50])
    before = covariances["gradient_covariance"]["4"].clone()
    fit.kfac(covariances, 50)
    assert torch.equal(covariances["gradient_covariance"]["4"], before)


@pytest.mark.parametrize("budget", [1, 10_000, 10**9])
def test_preconditioning_in_place_is_the_same_in_blocks_of_any_size(fitted, budget: int) -> None:
    operators: list[Operator] = [Inverse(None, 0.01), Horizon(0.5, 0.0)]
    torch.manual_seed(0)
    gradients = {name: torch.randn(7, *fitted["ekfac"].modules[name].eigenvalues.shape) for name in MODULES}
    rows = {name: torch.cat([values, torch.zeros_like(values)]) for name, values in gradients.items()}
    precondition_in_place(rows, 7, fitted["ekfac"], operators, budget)
    for number, expected in enumerate(fitted["ekfac"].precondition(gradients, operators)):
        for name in MODULES:
            found, wanted = rows[name][7 * number : 7 * number + 7], expected[name]
            # A product of another number of rows may sum in another order, and rounds with the largest terms.
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_heuristic_damping_of_a_module_is_a_tenth_of_its_mean_eigenvalue() -> None:
    block = ModuleCurvature(torch.tensor([[1.0, 3.0]]))
    (row,) = block.precondition(torch.ones(1, 1, 2), [Inverse(None, 0.0)])
    torch.testing.assert_close(row, torch.tensor([[[1 / 1.2, 1 / 3.2]]]))


def test_the_identity_leaves_gradients_and_scales_them_by_the_horizon() -> None:
    gradients = {"a": torch.randn(2, 3, 4)}
    ceiling, epoch = IdentityCurvature().precondition(gradients, [Inverse(0.1, 0.0), Horizon(0.5, 0.0)])
    assert torch.equal(ceiling["a"], gradients["a"])
    assert torch.equal(epoch["a"], 0.5 * gradients["a"])
