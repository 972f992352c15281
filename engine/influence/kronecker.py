"""Kronecker factors of the curvature, fitted by kronfluence on samples of our choice.

kronfluence's own analyzer writes factors by name and reuses whatever lies under that
name; here its functions are called one below it, so nothing touches the disk, covariances
of several samples can be added, and every batch can be reported or be the last.

Statistics are sums over samples, so they are taken part by part, wherever (:mod:`engine.tasks`),
and added in the order of the parts: the same parts everywhere give the same sums bit for bit.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from engine.influence.precision import Precision
from engine.influence.wrapping import ClassificationTask
from engine.models.importable import is_importable
from engine.progress import Progress, silent
from engine.tasks import Told, task_pool

Factors = dict[str, dict[str, Tensor]]
"""As kronfluence keeps them: by kind, by module."""
Fitted = Literal["ekfac", "kfac", "diagonal"]


PART_SAMPLES = 500
"""Samples whose statistics are taken at once, and whose labels are drawn from one seed."""


class _Batches:
    """Prepared batches of some samples; the place where kronfluence's passes are watched or stopped."""

    def __init__(self, samples: Samples, transform: InputTransform, batch_size: int, progress: Progress) -> None:
        self._samples, self._transform, self._progress = samples, transform, progress
        self._batches = torch.arange(len(samples)).split(batch_size)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for number, indices in enumerate(self._batches, start=1):
            yield self._transform.prepare(self._samples.inputs[indices]), self._samples.labels[indices]
            self._progress("factors", number, len(self._batches))


@dataclass(frozen=True)
class _Part:
    """Some samples, without their sources, and the seed of the labels that the Fisher samples for them."""

    samples: Samples
    seed: int


class _Parts(Sequence[_Part]):
    """The samples at some indices, in parts; those of one are copied when it is asked for."""

    def __init__(self, samples: Samples, indices: Tensor, seed: int) -> None:
        self._samples, self._parts, self._seed = samples, indices.split(PART_SAMPLES), seed
        self.sizes = [len(part) for part in self._parts]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, position: Any) -> Any:
        part = self._parts[position]
        return _Part(self._samples.numbers.take(part), self._seed + int(part[0]))


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
        self._passes = _Passes(model, transform, modules, batch_size)
        self._stays = not is_importable(model)
        self._samples, self._modules, self._seed, self._progress = samples, list(modules), seed, progress

    def covariances(self, indices: Tensor) -> Factors:
        """Returns sums and counts of both covariances over the samples at ``indices``; they can be added."""
        return self._summed(_covariances, self._passes, indices)

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
        return self._passes.eigenbasis(covariances)

    def _moments(self, strategy: Fitted, indices: Tensor, eigen: Factors | None) -> Factors:
        return self._summed(_moments, (self._passes, strategy, eigen), indices)

    def _summed(self, work: Callable[[Any, _Part, Progress], Factors], shared: Any, indices: Tensor) -> Factors:
        """Returns the sum of what the work makes of each part of the samples at ``indices``."""
        parts = _Parts(self._samples, indices, self._seed)
        told = Told("factors", parts.sizes, name=lambda at: f"part {at + 1} of {len(parts)} of the factors")
        with task_pool(work, shared, device=self._passes.device, stays=self._stays) as pool:
            return _in_order(pool.completed(parts, told, self._progress))

    def _curvature(
        self, eigen: Factors, moments: Factors | None, covariances: Factors | None = None, samples: int = 0
    ) -> BlockCurvature:
        def tensor(factors: Factors, kind: str, name: str) -> Tensor:
            return factors[kind][name].to(device=self._passes.device, dtype=torch.float32)

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


def _in_order(found: Iterator[tuple[int, Factors]]) -> Factors:
    """Returns the sum of parts in their order, in which it has the same last bits each time.

    Few are held at once: those that came before their turn.
    """
    total: Factors | None = None
    early: dict[int, Factors] = {}
    following = 0
    for position, part in found:
        early[position] = part
        while following in early:
            one = early.pop(following)
            total = one if total is None else added(total, one)
            following += 1
    assert total is not None, "there is no sample"
    return total


def added(first: Factors, second: Factors) -> Factors:
    """Returns covariances over the samples of both."""
    return {
        kind: {name: tensor + second[kind][name] for name, tensor in by_name.items()} for kind, by_name in first.items()
    }


class _Passes:
    """Passes of kronfluence over samples; sent to another process as what it is made of."""

    def __init__(self, model: nn.Module, transform: InputTransform, modules: Sequence[str], batch_size: int) -> None:
        self._made_of = (model, transform, modules, batch_size)
        self._task = ClassificationTask(modules, getattr(model, "token_mask", None))
        self.device = next(model.parameters()).device
        self._model = prepare_model(copy.deepcopy(model).eval(), self._task)
        # One state is shared by the whole process, whatever device an earlier study had.
        self._state = State(cpu=self.device.type == "cpu")
        self._state.device = self.device
        self._transform, self._batch_size = transform, batch_size

    def __reduce__(self) -> tuple[Any, ...]:
        return _Passes, self._made_of

    def covariances(self, part: _Part, progress: Progress) -> Factors:
        """Returns sums and counts of both covariances over the samples of a part."""
        with self._seeded(part.seed):
            _, factors = fit_covariance_matrices_with_loader(
                self._model, self._state, self._task, self._loader(part, progress), FactorArguments(), disable_tqdm=True
            )
        return factors

    def moments(self, strategy: Fitted, eigen: Factors | None, part: _Part, progress: Progress) -> Factors:
        """Returns sums and counts of second moments over the samples of a part."""
        with self._seeded(part.seed):
            _, factors = fit_lambda_matrices_with_loader(
                self._model,
                self._state,
                self._task,
                self._loader(part, progress),
                FactorArguments(strategy=strategy),
                eigen_factors=eigen,
                disable_tqdm=True,
            )
        return factors

    def eigenbasis(self, covariances: Factors) -> Factors:
        """Returns eigenvectors and eigenvalues of covariances."""
        # kronfluence divides the matrices that it is given in place.
        own = {
            kind: {name: tensor.clone() for name, tensor in by_name.items()} for kind, by_name in covariances.items()
        }
        return perform_eigendecomposition(own, self._model, self._state, FactorArguments(), disable_tqdm=True)

    def _loader(self, part: _Part, progress: Progress) -> Any:
        return _Batches(part.samples, self._transform, self._batch_size, progress)

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Draws labels that depend on the seed alone, and leaves the global generator alone."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
            # kronfluence names torch's scaler by its old path; nothing here can mend that.
            warnings.filterwarnings("ignore", message=r".*GradScaler", category=FutureWarning)
            torch.manual_seed(seed)
            # As the command that asked: another process would let a GPU's products be coarser.
            with Precision("fp32").applied(self.device):
                yield


def _covariances(passes: _Passes, part: _Part, progress: Progress) -> Factors:
    return passes.covariances(part, progress)


def _moments(shared: tuple[_Passes, Fitted, Factors | None], part: _Part, progress: Progress) -> Factors:
    passes, strategy, eigen = shared
    return passes.moments(strategy, eigen, part, progress)
