"""Many trainings from scratch under many weights, each evaluated: how a claim about training data is tried.

Trainings are independent of each other. Small networks are trained as one (:mod:`engine.training.stacked`), others in
turn, or, with ``[compute] workers`` above 1, in so many processes, or on a cluster (:mod:`engine.tasks`). Groups of
trainings depend on their number alone, so that a stopped experiment goes on with the groups that are missing and ends
as one that was not stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data import StudyData
from engine.device import resolve_device
from engine.progress import Progress, silent
from engine.study import Study
from engine.tasks import Told, task_pool
from engine.training.evaluation import Evaluation
from engine.training.from_scratch import STAGE, Scratch
from engine.training.inputs import prepared_shape
from engine.training.side_by_side import Evaluations, Judged
from engine.training.stacked import trained_as_one
from engine.training.stored_state import untrained_model

WeightsOf = Callable[[Sequence[int]], NDArray]
"""From numbers of trainings, m of them, to their weights ``(m, N)``, at least 0."""


@dataclass(frozen=True)
class ClassMeans:
    """What M trainings make of a split, class by class.

    Attributes:
        accuracy: share that is predicted right, ``(M, K)``.
        value: mean of what samples are judged by (the loss, by default), ``(M, K)``; lower is better.
    """

    accuracy: NDArray[np.float64]
    value: NDArray[np.float64]

    @classmethod
    def of(cls, evaluations: Sequence[Evaluation]) -> "ClassMeans":
        """Returns those of some evaluations."""
        return cls(np.array([one.accuracy for one in evaluations]), np.array([one.value for one in evaluations]))


class Retrainings:
    """M trainings of a study from scratch, in groups.

    Args:
        study: what is trained and how; ``[compute] workers``.
        data: its samples; the training split is trained on.
        splits: that each training is evaluated on, names of those of ``data``.
        seeds: of the initial weights and the batches of each training, M.
        weights: of the training samples in each.
    """

    def __init__(
        self, study: Study, data: StudyData, splits: Sequence[str], seeds: Sequence[int], weights: WeightsOf
    ) -> None:
        self._study, self._data, self._seeds, self._weights = study, data, list(seeds), weights
        samples = {split: getattr(data, split).numbers for split in splits}
        self._judged = Judged(samples, data.transform, data.num_classes, study.influence.measurement)
        model, shape = untrained_model(study, data), prepared_shape(data.train, data.transform)
        self.groups = trained_as_one([model] * len(seeds), study.training.batch_size, shape)
        """Numbers of the trainings of each group."""
        self.workers = study.compute.workers if len(self.groups) == len(seeds) else 1
        """Processes: none where models are trained as one."""

    def run(self, groups: Sequence[int], progress: Progress = silent) -> Iterator[tuple[int, dict[str, ClassMeans]]]:
        """Trains the models of some groups.

        Args:
            groups: numbers of the groups that are wanted.
            progress: told after steps how many of all M trainings are done; may raise to stop.

        Yields:
            Number of a group, and by split what its trainings came to; as they end.

        Raises:
            RefusedInput: if a training diverges or its process is killed again and again.
        """
        if not groups:
            return
        sizes = [len(self.groups[number]) for number in groups]
        first = [self.groups[number][0] + 1 for number in groups]
        told = Told(
            STAGE, sizes, len(self._seeds) - sum(sizes), lambda at: f"training {first[at]} of {len(self._seeds)}"
        )
        device = resolve_device(self._study.compute)
        context = (Scratch.of(self._study, self._data, device), self._judged)
        with task_pool(_group, context, self.workers, device) as pool:
            for position, found in pool.completed(_Weighted(self, groups), told, progress):
                yield (
                    groups[position],
                    {split: ClassMeans.of([one[split] for one in found]) for split in self._judged.splits},
                )

    def item(self, group: int) -> "Weighted":
        """Returns what the trainings of a group differ in."""
        members = self.groups[group]
        return self._weights(members), [self._seeds[number] for number in members]


Weighted = tuple[NDArray, list[int]]
"""Weights of m trainings, ``(m, N)``, and their seeds."""


class _Weighted(Sequence[Weighted]):
    """What is trained in some groups, made when it is asked for: all weights together may not fit into memory."""

    def __init__(self, retrainings: Retrainings, groups: Sequence[int]) -> None:
        self._retrainings, self._groups = retrainings, groups

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, position: Any) -> Any:
        return self._retrainings.item(self._groups[position])


def _group(shared: tuple[Scratch, Judged], item: Weighted, progress: Progress) -> list[Evaluations]:
    scratch, judged = shared
    models = scratch.trained(*item, progress)
    return [judged.evaluations(model, next(model.parameters()).device) for model in models]
