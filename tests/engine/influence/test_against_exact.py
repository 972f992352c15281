"""Influence against what it approximates: the exact Hessian and real retraining, in float64."""

import copy
from pathlib import Path

import numpy as np
import torch
from scipy.stats import pearsonr
from torch import Tensor, nn
from torch.nn import functional

from engine.data import StudyData
from engine.frontier import pool_folds
from engine.influence import prepare_influence
from engine.influence.operators import Horizon
from tests.engine.influence.cases import converged, study, trained, two_discs

HORIZON = Horizon(tau=0.5, weight_decay=0.0)
DAMPING = 1e-3


def logistic_regression(data: StudyData) -> nn.Module:
    torch.manual_seed(0)
    return converged(nn.Sequential(nn.Linear(2, 2)), data.train.inputs, data.train.labels)


def vectors(model: nn.Module, data: StudyData, folder: Path, strategy: str = "ekfac") -> np.ndarray:
    settings = study(folder, f'strategy = "{strategy}"\ndamping = {DAMPING}\nfactor_examples = "all"')
    prepared = prepare_influence(settings, data, model, horizon=HORIZON)
    return pool_folds(np.concatenate([part.ceiling for part in prepared.parts()]), prepared.fold_counts)


def exact_vectors(model: nn.Module, data: StudyData) -> np.ndarray:
    """Dense float64 Hessian of the mean training loss + damping, shape (N, K)."""
    parameters = torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).double()

    def losses(theta: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        logits = inputs.double() @ theta[:4].reshape(2, 2).T + theta[4:]
        return functional.cross_entropy(logits, labels, reduction="none")

    train, validation = data.train, data.validation
    hessian = torch.autograd.functional.hessian(
        lambda theta: losses(theta, train.inputs, train.labels).mean(), parameters
    )
    per_sample = torch.autograd.functional.jacobian(lambda theta: losses(theta, train.inputs, train.labels), parameters)
    damped = hessian + DAMPING * torch.eye(len(parameters), dtype=torch.float64)
    columns = []
    for k in range(2):
        members = validation.labels == k
        gradient = torch.autograd.functional.jacobian(
            lambda theta, members=members: losses(theta, validation.inputs[members], validation.labels[members]).mean(),
            parameters,
        )
        columns.append(per_sample @ torch.linalg.solve(damped, gradient))
    return torch.stack(columns, dim=1).numpy()


def test_ekfac_agrees_with_the_exact_hessian_on_logistic_regression(tmp_path: Path) -> None:
    data = two_discs(count=600, validation=200)
    model = logistic_regression(data)
    approximate, exact = vectors(model, data, tmp_path), exact_vectors(model, data)
    for k in range(2):
        assert pearsonr(approximate[:, k], exact[:, k]).statistic >= 0.99


def test_removing_the_most_influential_samples_moves_the_class_loss_as_the_sign_says(tmp_path: Path) -> None:
    data = two_discs(count=60, validation=200)
    model = logistic_regression(data)
    influence = vectors(model, data, tmp_path)

    def class_losses(kept: Tensor) -> np.ndarray:
        fitted = converged(nn.Sequential(nn.Linear(2, 2)), data.train.inputs[kept], data.train.labels[kept])
        with torch.no_grad():
            values = functional.cross_entropy(fitted(data.validation.inputs), data.validation.labels, reduction="none")
        return np.array([float(values[data.validation.labels == k].mean()) for k in range(2)])

    everything = torch.arange(60)
    whole = class_losses(everything)
    for k in range(2):
        # Higher = its presence lowers the loss of the class, so removal raises it by P / N.
        ranked = np.argsort(-np.abs(influence[:, k]))[:5]
        for index in ranked:
            change = class_losses(everything[everything != index])[k] - whole[k]
            assert np.sign(change) == np.sign(influence[index, k])
            assert abs(change / (influence[index, k] / 60)) < 3


def test_scores_equal_the_finite_difference_along_the_preconditioned_gradient(tmp_path: Path) -> None:
    """P_jk = [l_j(theta + e u_k) - l_j(theta - e u_k)] / 2e, for any layer type."""
    data = two_discs(count=40, validation=40)
    model = trained(
        nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2)), data.train.inputs, data.train.labels, 50
    )
    prepared = prepare_influence(study(tmp_path, f"damping = {DAMPING}"), data, model, horizon=HORIZON)
    scores = np.concatenate([part.ceiling for part in prepared.parts()])
    model = model.double()

    def losses_at(epsilon: float, row: int) -> Tensor:
        moved = copy.deepcopy(model)
        for name in prepared.tracked.names:
            layer, direction = moved.get_submodule(name), prepared.rows[name][row].double()
            assert isinstance(layer, nn.Linear)
            layer.weight.data += epsilon * direction[:, :-1]
            layer.bias.data += epsilon * direction[:, -1]
        with torch.no_grad():
            return functional.cross_entropy(moved(data.train.inputs.double()), data.train.labels, reduction="none")

    for row in range(scores.shape[1]):
        derivative = ((losses_at(1e-5, row) - losses_at(-1e-5, row)) / 2e-5).numpy()
        assert np.abs(derivative - scores[:, row]).max() <= 1e-3 * np.abs(derivative).max()
