r"""The next epoch under many weights, side by side, each evaluated.

Three ways, by what is measured to be faster (``docs/benchmarks.md``): small networks of linear layers are
trained as one (:mod:`engine.training.stacked`); others one after the other; or, with ``[compute] workers``
above 1, in so many processes, which share the threads. A process gets the model and the samples once.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import torch
from numpy.typing import NDArray
from torch import nn

from engine.data import InputTransform, Samples
from engine.judged_by import Measurement
from engine.progress import Progress, silent
from engine.training.evaluation import Evaluation, evaluate
from engine.training.next_epoch import NextEpoch
from engine.training.process_pool import ProcessPool

Evaluations = dict[str, Evaluation]
"""By split."""


@dataclass(frozen=True)
class Judged:
    """What candidates are judged on.

    Attributes:
        splits: of the data, by name.
        transform: from stored to prepared inputs.
        num_classes: K.
        measurement: what a sample is judged by.
    """

    splits: Mapping[str, Samples]
    transform: InputTransform
    num_classes: int
    measurement: Measurement

    def evaluations(self, model: nn.Module, device: torch.device) -> Evaluations:
        """Returns what a model makes of each split."""
        return {
            split: evaluate(model, samples, self.transform, self.num_classes, device, measurement=self.measurement)
            for split, samples in self.splits.items()
        }


class SideBySide:
    """Trains the next epoch under many weights and evaluates it; a context, since it may hold processes.

    Args:
        next_epoch: what is trained.
        judged: what it is evaluated on.
        workers: processes; 1 for none, and none where small networks are trained as one, or where the model's class
            lies in a file of the user's, which another process cannot import.
    """

    def __init__(self, next_epoch: NextEpoch, judged: Judged, workers: int = 1) -> None:
        self._next_epoch, self._judged = next_epoch, judged
        alone = next_epoch.is_stackable or not _is_importable(next_epoch.start)
        self.workers = 1 if alone else workers
        self._pool = ProcessPool(_one, (next_epoch, judged), self.workers)

    def __enter__(self) -> "SideBySide":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def measure(self, weights: NDArray, seeds: Sequence[int], progress: Progress = silent) -> list[Evaluations]:
        """Returns what the next epoch gives under each row of weights, by split.

        Args:
            weights: ``(M, N)``, at least 0.
            seeds: of the batch order of each row, M.
            progress: called after steps or, with several processes, after each training; may raise to stop.

        Raises:
            ValueError: if a row is not N finite numbers of at least 0.
            RefusedInput: if a training diverges.
        """
        if self.workers == 1 or len(seeds) < 2:
            trained = self._next_epoch.train_each(weights, seeds, progress)
            return [self._judged.evaluations(model, self._next_epoch.device) for model in trained]
        return self._pool.results(list(zip(weights, seeds, strict=True)), "next epoch", progress)


def _is_importable(model: nn.Module) -> bool:
    return all(importlib.util.find_spec(type(module).__module__.partition(".")[0]) for module in model.modules())


def _one(shared: tuple[NextEpoch, Judged], item: tuple[NDArray, int]) -> Evaluations:
    (next_epoch, judged), (weights, seed) = shared, item
    return judged.evaluations(next_epoch.train(weights, seed), next_epoch.device)
