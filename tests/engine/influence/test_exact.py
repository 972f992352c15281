"""The exact strategy equals dense float64 matrices made by autograd, to 1e-6."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn import functional

from engine.data import StudyData
from engine.errors import RefusedInput
from engine.influence import prepare_influence
from engine.influence.exact import ExactCurvature, exact_sample_size
from engine.influence.operators import Horizon, Inverse
from tests.engine.influence.cases import digits, study, trained

HORIZON = Horizon(tau=0.7, weight_decay=0.01)
DAMPING, WEIGHT_DECAY = 3e-3, 0.02


def small_digits() -> StudyData:
    """Digits averaged to 4 × 4 pixels, three classes: small enough for every dense matrix."""
    data = digits(count=500, validation=300)

    def reduced(split):
        kept = split.labels < 3
        pixels = functional.avg_pool2d(split.inputs[kept].view(-1, 1, 8, 8), 2).flatten(1)
        return type(split)(pixels, split.labels[kept], split.sources[: len(pixels)])

    return StudyData(reduced(data.train), reduced(data.validation), None, ("0", "1", "2"), data.transform, ())


def logistic_regression() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 3))


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 3, bias=False))


def convolution() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(32, 3)
    )


class Dense:
    """Everything by autograd on the flattened parameters of a float64 copy."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model.double()
        self.names = [name for name, _ in model.named_parameters()]
        self.shapes = [parameter.shape for parameter in model.parameters()]
        self.theta = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def logits(self, theta: Tensor, inputs: Tensor) -> Tensor:
        parts = theta.split([shape.numel() for shape in self.shapes])
        values = {name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)}
        return functional_call(self.model, values, (inputs.double(),))

    def loss(self, theta: Tensor, inputs: Tensor, label: Tensor) -> Tensor:
        return functional.cross_entropy(self.logits(theta, inputs[None]), label[None])

    def gradients(self, samples) -> Tensor:
        return vmap(torch.func.grad(self.loss), (None, 0, 0))(self.theta, samples.inputs, samples.labels)

    def hessian(self, samples) -> Tensor:
        def mean(theta: Tensor) -> Tensor:
            return functional.cross_entropy(self.logits(theta, samples.inputs), samples.labels)

        return torch.autograd.functional.hessian(mean, self.theta)

    def gauss_newton(self, samples) -> Tensor:
        jacobians = vmap(jacrev(lambda theta, one: self.logits(theta, one[None])[0]), (None, 0))(
            self.theta, samples.inputs
        )
        p = self.logits(self.theta, samples.inputs).softmax(1)
        middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        return torch.einsum("nkp,nkl,nlq->pq", jacobians, middle, jacobians) / len(samples)


def dense_vectors(model: nn.Module, data: StudyData, fold_of: np.ndarray, curvature: str) -> tuple[Tensor, Tensor]:
    """Both operators' P, ``(N, F K)``, from the dense matrix."""
    dense = Dense(model)
    matrix = dense.hessian(data.train) if curvature == "hessian" else dense.gauss_newton(data.train)
    one = torch.eye(len(matrix), dtype=torch.float64)
    values, vectors = torch.linalg.eigh(matrix + HORIZON.weight_decay * one)
    epoch = vectors @ torch.diag(-torch.expm1(-HORIZON.tau * values) / values) @ vectors.T
    ceiling = torch.linalg.inv(matrix + (DAMPING + WEIGHT_DECAY) * one)
    per_sample, validation = dense.gradients(data.train), dense.gradients(data.validation)
    rows = torch.stack(
        [
            validation[torch.from_numpy(fold_of == f) & (data.validation.labels == k)].mean(0)
            for f in range(4)
            for k in range(3)
        ]
    )
    return per_sample @ ceiling @ rows.T, per_sample @ epoch @ rows.T


@pytest.mark.parametrize(
    ("build", "curvature"),
    [
        (logistic_regression, "hessian"),
        (logistic_regression, "gauss_newton"),
        (mlp, "gauss_newton"),
        (convolution, "gauss_newton"),
    ],
)
def test_both_operators_equal_the_dense_matrix_to_1e_6(build, curvature: str, tmp_path: Path) -> None:
    data = small_digits()
    model = trained(build(), data.train.inputs, data.train.labels, steps=60)
    settings = study(tmp_path, f'strategy = "exact"\ndamping = {DAMPING}', f"weight_decay = {WEIGHT_DECAY}")
    prepared = prepare_influence(settings, data, model, HORIZON)
    assert (prepared.strategy, prepared.precision.name) == ("exact", "fp64")
    part = next(iter(prepared.parts()))
    for mine, truth in zip(
        (part.ceiling, part.epoch), dense_vectors(model, data, prepared.fold_of, curvature), strict=True
    ):
        # The scores themselves are stored in float32, whose own rounding is 6e-8.
        assert np.abs(mine - truth.numpy()).max() <= 1e-6 * float(truth.abs().max())


def test_auto_is_exact_for_a_small_model_and_ekfac_for_a_larger_one(tmp_path: Path) -> None:
    data = small_digits()
    settings = study(tmp_path)
    assert prepare_influence(settings, data, mlp().eval(), HORIZON).strategy == "exact"
    large = nn.Sequential(nn.Linear(16, 400), nn.ReLU(), nn.Linear(400, 3)).eval()
    assert prepare_influence(settings, data, large, HORIZON).strategy == "ekfac"


def test_who_asks_for_bf16_gets_no_float64(tmp_path: Path) -> None:
    settings = study(tmp_path).with_changes(compute={"precision": "bf16"})
    assert prepare_influence(settings, small_digits(), mlp().eval(), HORIZON).strategy == "ekfac"
    with pytest.raises(RefusedInput, match="computes in float64"):
        settings.with_changes(influence={"strategy": "exact"})


def test_exact_on_too_many_parameters_is_refused_with_the_memory_it_would_take(tmp_path: Path) -> None:
    large = nn.Sequential(nn.Linear(16, 900), nn.ReLU(), nn.Linear(900, 3)).eval()
    with pytest.raises(RefusedInput, match=r"18,003 tracked parameters: the matrix would take 3 GB"):
        prepare_influence(study(tmp_path, 'strategy = "exact"'), small_digits(), large, HORIZON)


def test_the_sample_of_the_matrix_is_what_can_be_afforded() -> None:
    assert exact_sample_size(700, 2_410, 10) == 700
    assert exact_sample_size(1_000_000, 5_000, 10) == 16_000
    assert exact_sample_size(1_000_000, 5_000, 1_000) == 1_000


def test_modules_come_back_in_their_own_shapes_whatever_their_order() -> None:
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(10, 10, dtype=torch.float64)).Q
    curvature = ExactCurvature(torch.arange(10.0).double(), basis, {"a": (2, 3), "b": (1, 4)})
    gradients = {"b": torch.randn(3, 1, 4).double(), "a": torch.randn(3, 2, 3).double()}
    (told,) = curvature.precondition(gradients, [Inverse(0.5, 0.0)])
    matrix = basis @ torch.diag(torch.arange(10.0).double() + 0.5) @ basis.T
    joined = torch.cat([told["a"].flatten(1), told["b"].flatten(1)], dim=1)
    torch.testing.assert_close(
        joined @ matrix, torch.cat([gradients["a"].flatten(1), gradients["b"].flatten(1)], dim=1)
    )
