"""Scores equal the change of each sample's loss along the row, whatever the layers are.

``P_jr = [ℓ_j(θ + ε u_r) - ℓ_j(θ - ε u_r)] / 2ε`` with u_r the preconditioned class gradient:
two forward passes in float64 that know nothing of hooks, patches or Kronecker factors.
"""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data import StudyData
from engine.influence import PreparedInfluence, prepare_influence
from engine.influence.operators import Horizon
from tests.engine.influence.cases import Transformer, convolutions, digits, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.01)
STEP = 1e-6
"""Length of the step: so short that no ReLU changes sides on the way."""


def moved(model: nn.Module, prepared: PreparedInfluence, row: int, epsilon: float) -> nn.Module:
    """The float64 model at ``θ + ε u_r``."""
    copied = copy.deepcopy(model).double()
    for name in prepared.tracked.names:
        layer, direction = copied.get_submodule(name), prepared.rows[name][row].double()
        weight = layer.weight
        assert isinstance(weight, Tensor)
        weight.data += epsilon * direction[:, : weight[0].numel()].view_as(weight)
        if isinstance(layer.bias, Tensor):
            layer.bias.data.add_(epsilon * direction[:, -1])
    return copied


def differences(model: nn.Module, prepared: PreparedInfluence, data: StudyData, row: int) -> np.ndarray:
    norm = float(torch.stack([rows[row].double().norm() for rows in prepared.rows.values()]).norm())
    epsilon = STEP / norm

    def losses(epsilon: float) -> Tensor:
        with torch.no_grad():
            logits = moved(model, prepared, row, epsilon)(data.train.inputs.double())
        return functional.cross_entropy(logits, data.train.labels, reduction="none")

    return ((losses(epsilon) - losses(-epsilon)) / (2 * epsilon)).numpy()


@pytest.mark.parametrize("build", [convolutions, Transformer])
@pytest.mark.parametrize("strategy", ["ekfac", "exact"])
def test_every_row_is_the_derivative_of_every_loss(build, strategy: str, tmp_path: Path) -> None:
    data = digits(count=90, validation=80)
    torch.manual_seed(0)
    model = trained(build(), data.train.inputs, data.train.labels, steps=15)
    settings = study(tmp_path, f'strategy = "{strategy}"\ndamping = 0.01')
    prepared = prepare_influence(settings, data, model, HORIZON)
    (part,) = prepared.parts()
    scores = np.concatenate([part.ceiling, part.epoch], axis=1)
    for row in [*range(0, 40, 7), *range(40, 80, 7)]:
        truth = differences(model, prepared, data, row)
        assert np.abs(scores[:, row] - truth).max() <= 1e-3 * np.abs(truth).max()


def test_what_is_left_out_is_named_and_the_share_says_how_much(tmp_path: Path) -> None:
    data = digits(count=60, validation=60)
    torch.manual_seed(0)
    tracked = prepare_influence(study(tmp_path), data, Transformer().eval(), HORIZON).tracked
    assert set(tracked.refused) == {"", "norms.0", "norms.1", "norms.2"}
    assert 0.8 < tracked.share < 0.9
