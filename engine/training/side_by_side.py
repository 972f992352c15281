r"""The next epoch under many weights, side by side, each evaluated.

By what is measured to be faster (``docs/benchmarks.md``): small networks of linear layers are trained as one
(:mod:`engine.training.stacked`); others one after the other; or, with ``[compute] workers`` above 1, in so many
processes, which share the threads; or as tasks of a cluster (:mod:`engine.tasks`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from engine.data import InputTransform, Samples
from engine.judged_by import Measurement
from engine.models.importable import is_importable
from engine.progress import Progress, silent
from engine.tasks import InProcess, Told, task_pool
from engine.training.evaluation import Evaluation, evaluate
from engine.training.next_epoch import NextEpoch
from engine.training.stacked import trained_as_one

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
        alone = next_epoch.is_stackable or not is_importable(next_epoch.start)
        self.workers = 1 if alone else workers
        self._pool = task_pool(_group, (next_epoch, judged), self.workers, next_epoch.device, stays=alone)
        # Processes take seconds to start: one training alone is not worth it.
        self._here: InProcess[Any, list[Evaluations]] = InProcess(_group, (next_epoch, judged))

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
        next_epoch = self._next_epoch
        shape = next_epoch.samples.inputs.sample_shape
        groups = trained_as_one([next_epoch.start] * len(seeds), next_epoch.training.batch_size, shape)
        items = [(weights[members], [seeds[m] for m in members]) for members in groups]
        steps = [len(next_epoch.rates)] * len(items)
        told = Told("next epoch", steps, name=lambda position: f"candidate {groups[position][0] + 1} of {len(seeds)}")
        pool = self._here if self.workers > 1 and len(items) == 1 else self._pool
        return [one for group in pool.results(items, told, progress) for one in group]


def _group(
    shared: tuple[NextEpoch, Judged], item: tuple[NDArray, Sequence[int]], progress: Progress
) -> list[Evaluations]:
    (next_epoch, judged), (weights, seeds) = shared, item
    trained = next_epoch.train_each(weights, seeds, progress)
    return [judged.evaluations(model, next_epoch.device) for model in trained]
