"""Kronecker factors of the curvature, fitted by kronfluence on samples of our choice.

kronfluence's own analyzer writes factors by name and reuses whatever lies under that
name; here its functions are called one below it, so nothing touches the disk, covariances
of several samples can be added, and every batch can be reported or be the last.
"""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from kronfluence.analyzer import prepare_model
from kronfluence.arguments import FactorArguments
from kronfluence.factor.covariance import fit_covariance_matrices_with_loader
from kronfluence.factor.eigen import fit_lambda_matrices_with_loader, perform_eigendecomposition
from kronfluence.utils.state import State
from torch import Tensor, nn

from engine.data import InputTransform, Samples
from engine.influence.curvature import BlockCurvature, ModuleCurvature
from engine.influence.wrapping import ClassificationTask
from engine.progress import Progress, silent

Factors = dict[str, dict[str, Tensor]]
"""As kronfluence keeps them: by kind, by module."""
Fitted = Literal["ekfac", "kfac", "diagonal"]


class _Batches:
    """Prepared batches of some samples; the place where kronfluence's passes are watched or stopped."""

    def __init__(
        self, samples: Samples, transform: InputTransform, indices: Tensor, batch_size: int, progress: Progress
    ) -> None:
        self._samples, self._transform, self._progress = samples, transform, progress
        self._batches = indices.split(batch_size)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for number, indices in enumerate(self._batches, start=1):
            yield self._transform.prepare(self._samples.inputs[indices]), self._samples.labels[indices]
            self._progress("factors", number, len(self._batches))


class KroneckerFit:
    """Fits factors of one model on any of its training samples.

    Args:
        model: the classifier, on its device; not changed.
        samples: the training samples.
        transform: from stored to prepared inputs.
        modules: names of the tracked modules.
        seed: of the labels that the Fisher samples.
        batch_size: samples a batch.
        progress: called after every batch; may raise to stop.
    """

    def __init__(
        self,
        model: nn.Module,
        samples: Samples,
        transform: InputTransform,
        modules: Sequence[str],
        seed: int,
        batch_size: int,
        progress: Progress = silent,
    ) -> None:
        self._task = ClassificationTask(modules, getattr(model, "token_mask", None))
        self._device = next(model.parameters()).device
        self._model = prepare_model(copy.deepcopy(model).eval(), self._task)
        # One state is shared by the whole process, whatever device an earlier study had.
        self._state = State(cpu=self._device.type == "cpu")
        self._state.device = self._device
        self._samples, self._transform, self._modules = samples, transform, list(modules)
        self._seed, self._batch_size, self._progress = seed, batch_size, progress

    def covariances(self, indices: Tensor) -> Factors:
        """Returns sums and counts of both covariances over the samples at ``indices``; they can be added."""
        with self._seeded(indices):
            _, factors = fit_covariance_matrices_with_loader(
                self._model, self._state, self._task, self._loader(indices), FactorArguments(), disable_tqdm=True
            )
        return factors

    def kfac(self, covariances: Factors, samples: int) -> BlockCurvature:
        """Returns the K-FAC curvature of covariances over ``samples`` samples."""
        return self._curvature(self._eigenbasis(covariances), None, covariances, samples)

    def ekfac(self, covariances: Factors, indices: Tensor) -> BlockCurvature:
        """Returns the EKFAC curvature: the basis of ``covariances``, moments over the samples at ``indices``."""
        eigen = self._eigenbasis(covariances)
        return self._curvature(eigen, self._moments("ekfac", indices, eigen))

    def diagonal(self, indices: Tensor) -> BlockCurvature:
        """Returns the second moments over the samples at ``indices`` in the parameters' own basis."""
        return self._curvature({}, self._moments("diagonal", indices, None))

    def _eigenbasis(self, covariances: Factors) -> Factors:
        # kronfluence divides the matrices that it is given in place.
        own = {
            kind: {name: tensor.clone() for name, tensor in by_name.items()} for kind, by_name in covariances.items()
        }
        return perform_eigendecomposition(own, self._model, self._state, FactorArguments(), disable_tqdm=True)

    def _moments(self, strategy: Fitted, indices: Tensor, eigen: Factors | None) -> Factors:
        with self._seeded(indices):
            _, factors = fit_lambda_matrices_with_loader(
                self._model,
                self._state,
                self._task,
                self._loader(indices),
                FactorArguments(strategy=strategy),
                eigen_factors=eigen,
                disable_tqdm=True,
            )
        return factors

    def _loader(self, indices: Tensor) -> Any:
        return _Batches(self._samples, self._transform, indices, self._batch_size, self._progress)

    @contextmanager
    def _seeded(self, indices: Tensor) -> Iterator[None]:
        """Draws labels that depend on the seed and the first sample, and leaves the global generator alone."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
            # kronfluence names torch's scaler by its old path; nothing here can mend that.
            warnings.filterwarnings("ignore", message=r".*GradScaler", category=FutureWarning)
            torch.manual_seed(self._seed + int(indices[0]))
            yield

    def _curvature(
        self, eigen: Factors, moments: Factors | None, covariances: Factors | None = None, samples: int = 0
    ) -> BlockCurvature:
        def tensor(factors: Factors, kind: str, name: str) -> Tensor:
            return factors[kind][name].to(device=self._device, dtype=torch.float32)

        blocks = {}
        for name in self._modules:
            if moments is not None:
                eigenvalues = tensor(moments, "lambda_matrix", name) / tensor(moments, "num_lambda_processed", name)
                eigenvalues = eigenvalues.squeeze(0)
            else:
                assert covariances is not None
                # kronfluence takes both covariances as means over samples and positions; a sample's
                # gradient is a sum over its positions, so their product lacks one factor T.
                positions = tensor(covariances, "num_activation_covariance_processed", name) / samples
                eigenvalues = positions * torch.outer(
                    tensor(eigen, "gradient_eigenvalues", name), tensor(eigen, "activation_eigenvalues", name)
                )
            blocks[name] = ModuleCurvature(
                eigenvalues=eigenvalues,
                gradient_basis=tensor(eigen, "gradient_eigenvectors", name) if eigen else None,
                activation_basis=tensor(eigen, "activation_eigenvectors", name) if eigen else None,
            )
        return BlockCurvature(blocks)


def added(first: Factors, second: Factors) -> Factors:
    """Returns covariances over the samples of both."""
    return {
        kind: {name: tensor + second[kind][name] for name, tensor in by_name.items()} for kind, by_name in first.items()
    }
