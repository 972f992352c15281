"""Curvatures of the strategies are of one scale, and each has the shape of its module."""

import pytest
import torch
from torch import nn

from engine.influence.curvature import fit_curvature

MODULES = ("1", "4")


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(192, 4)
    )
    inputs, labels = torch.rand(200, 64), torch.randint(0, 4, (200,))
    return {
        strategy: fit_curvature(model, inputs, labels, MODULES, strategy, seed=0)
        for strategy in ("ekfac", "kfac", "diagonal")
    }


def test_the_trace_is_the_same_whatever_the_strategy(fitted) -> None:
    """The mean squared norm of a sample's gradient does not depend on the basis it is told in."""
    for name in MODULES:
        exact = float(fitted["ekfac"][name].eigenvalues.sum())
        assert float(fitted["diagonal"][name].eigenvalues.sum()) == pytest.approx(exact, rel=0.15)
        # K-FAC drops what positions and factors have in common, so it agrees in size, not closely.
        assert 0.3 < float(fitted["kfac"][name].eigenvalues.sum()) / exact < 3


def test_shapes_are_those_of_the_weights_with_the_bias_as_one_more_input(fitted) -> None:
    assert fitted["ekfac"]["1"].eigenvalues.shape == (3, 10)
    assert fitted["kfac"]["4"].eigenvalues.shape == (4, 193)
    assert fitted["diagonal"]["4"].activation_basis is None
