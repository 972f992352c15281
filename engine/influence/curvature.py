"""Curvature of the mean training loss, fitted by kronfluence.

For a linear map with inputs a and output gradients g the Fisher block is approximated
as ``(Q_g ⊗ Q_a) Λ (Q_g ⊗ Q_a)ᵀ``; EKFAC (George et al. 2018) fits Λ as the second
moments of the gradients in that basis, K-FAC takes the outer product of the two
spectra. Shapes: Q_g ``(o, o)``, Q_a ``(i, i)``, Λ ``(o, i)``, where i counts the bias
as one more input. kronfluence writes factors by name and reuses whatever lies under
that name, so each fit has a temporary folder of its own and is read back at once.
"""

import copy
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments
from kronfluence.task import Task
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from engine.influence.operators import Horizon, ceiling_factor, epoch_factor
from engine.progress import Progress, silent

FACTOR_BATCH = 256
"""Samples a batch of kronfluence, where the study does not say."""
_PASSES = {"ekfac": 2, "kfac": 1, "diagonal": 1}


@dataclass(frozen=True)
class ModuleCurvature:
    """Eigenbasis and spectrum of one module's block.

    Attributes:
        eigenvalues: Λ, shape ``(o, i)``; ``None`` for the identity strategy.
        gradient_basis: Q_g, shape ``(o, o)``; ``None`` where the basis is the parameters' own.
        activation_basis: Q_a, shape ``(i, i)``; likewise.
    """

    eigenvalues: Tensor | None
    gradient_basis: Tensor | None = None
    activation_basis: Tensor | None = None

    def precondition(
        self, gradient: Tensor, damping: float | None, weight_decay: float, horizon: Horizon
    ) -> tuple[Tensor, Tensor]:
        """Applies both operators to class gradients.

        Args:
            gradient: shape ``(R, o, i)``.
            damping: of the ceiling operator; ``None`` for the heuristic.
            weight_decay: of the training that led to the optimum.
            horizon: of the epoch operator.

        Returns:
            The gradients under the ceiling and under the epoch operator, each ``(R, o, i)``.
            Under the identity strategy H = I: the gradient itself and tau times it.
        """
        if self.eigenvalues is None:
            return gradient, horizon.tau * gradient
        ceiling = ceiling_factor(self.eigenvalues, damping, weight_decay)
        epoch = epoch_factor(self.eigenvalues, horizon)
        if self.gradient_basis is None or self.activation_basis is None:
            return gradient * ceiling, gradient * epoch
        rotated = self.gradient_basis.T @ gradient @ self.activation_basis
        back = [self.gradient_basis @ (rotated * factor) @ self.activation_basis.T for factor in (ceiling, epoch)]
        return back[0], back[1]


Curvature = dict[str, ModuleCurvature]
"""By module name."""


class ClassificationTask(Task):
    """Tells kronfluence what is trained: the summed cross-entropy of a batch."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = list(modules)

    def get_influence_tracked_modules(self) -> list[str]:
        """Returns the names of the modules that are wrapped."""
        return self._modules

    def compute_train_loss(self, batch: Any, model: nn.Module, sample: bool = False) -> Tensor:
        """Returns the summed cross-entropy; with ``sample`` on labels drawn from the model.

        Drawing labels makes the second moments those of the true Fisher; they come from
        the global generator, which the caller seeds.
        """
        inputs, labels = batch
        logits = model(inputs)
        if sample:
            labels = torch.multinomial(logits.detach().softmax(dim=1), num_samples=1)[:, 0]
        return functional.cross_entropy(logits, labels, reduction="sum")

    def compute_measurement(self, batch: Any, model: nn.Module) -> Tensor:
        """Returns the summed cross-entropy on the given labels."""
        return self.compute_train_loss(batch, model)


class _CountedSamples(Dataset[tuple[Tensor, Tensor]]):
    """Reports each fetch: the one place where kronfluence's passes can be watched or stopped."""

    def __init__(self, inputs: Tensor, labels: Tensor, passes: int, progress: Progress) -> None:
        self._inputs, self._labels, self._progress = inputs, labels, progress
        self._total, self._seen = passes * len(labels), 0

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self._seen += 1
        # kronfluence fetches a few samples more than it uses, to find its batch shapes.
        self._progress("factors", min(self._seen, self._total), self._total)
        return self._inputs[index], self._labels[index]


def identity_curvature(modules: Sequence[str]) -> Curvature:
    """Returns H = I, which needs no fit."""
    return {name: ModuleCurvature(eigenvalues=None) for name in modules}


def fit_curvature(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    modules: Sequence[str],
    strategy: str,
    seed: int,
    batch_size: int = FACTOR_BATCH,
    progress: Progress = silent,
) -> Curvature:
    """Fits the curvature of the tracked modules on some training samples.

    Args:
        model: the classifier; not changed.
        inputs: prepared, shape ``(n, ...)``.
        labels: shape ``(n,)``.
        modules: names of the tracked modules.
        strategy: ``ekfac``, ``kfac`` or ``diagonal``.
        seed: of the labels that the Fisher samples.
        batch_size: samples a batch of kronfluence.
        progress: called for every sample fetched.

    Raises:
        Cancelled: when ``progress`` raises it.
    """
    task = ClassificationTask(modules)
    prepared = prepare_model(copy.deepcopy(model).eval(), task)
    samples = _CountedSamples(inputs, labels, _PASSES[strategy], progress)
    device = next(model.parameters()).device
    with (
        tempfile.TemporaryDirectory(prefix="paretoscope-factors-") as folder,
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        # kronfluence names torch's scaler by its old path; nothing here can mend that.
        warnings.filterwarnings("ignore", message=r".*GradScaler", category=FutureWarning)
        torch.manual_seed(seed)
        analyzer = Analyzer("factors", prepared, task, cpu=device.type == "cpu", output_dir=folder, disable_tqdm=True)
        analyzer.fit_all_factors(
            "fit",
            samples,
            per_device_batch_size=min(batch_size, len(labels)),
            factor_args=FactorArguments(strategy=strategy),
        )
        return _read_back(analyzer, strategy, modules, len(labels), device)


def _read_back(
    analyzer: Analyzer, strategy: str, modules: Sequence[str], samples: int, device: torch.device
) -> Curvature:
    covariances = analyzer.load_covariance_matrices("fit") if strategy == "kfac" else {}
    eigen = analyzer.load_eigendecomposition("fit") if strategy in ("ekfac", "kfac") else {}
    moments = analyzer.load_lambda_matrices("fit") if strategy in ("ekfac", "diagonal") else {}

    def tensor(factors: dict[str, dict[str, Tensor]], kind: str, name: str) -> Tensor:
        return factors[kind][name].to(device=device, dtype=torch.float32)

    curvature: Curvature = {}
    for name in modules:
        if moments:
            eigenvalues = tensor(moments, "lambda_matrix", name) / tensor(moments, "num_lambda_processed", name)
            eigenvalues = eigenvalues.squeeze(0)
        else:
            # kronfluence takes both covariances as means over samples and positions; a sample's gradient
            # is a sum over its positions, so their product lacks one factor T.
            positions = tensor(covariances, "num_activation_covariance_processed", name) / samples
            eigenvalues = positions * torch.outer(
                tensor(eigen, "gradient_eigenvalues", name), tensor(eigen, "activation_eigenvalues", name)
            )
        curvature[name] = ModuleCurvature(
            eigenvalues=eigenvalues,
            gradient_basis=tensor(eigen, "gradient_eigenvectors", name) if eigen else None,
            activation_basis=tensor(eigen, "activation_eigenvectors", name) if eigen else None,
        )
    return curvature
