"""Many trainings from scratch under many weights, each evaluated: how a claim about training data is tried.

Trainings are independent of each other. Small networks are trained as one (:mod:`engine.training.stacked`), others in
turn, or, with ``[compute] workers`` above 1, in so many processes. Groups of trainings depend on their number alone, so
that a stopped experiment goes on with the groups that are missing and ends as one that was not stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.data import StudyData
from engine.device import resolve_device
from engine.progress import Progress, silent
from engine.study import Study
from engine.training.evaluation import Evaluation
from engine.training.from_scratch import trained_from_scratch
from engine.training.inputs import prepared_shape
from engine.training.process_pool import ProcessPool
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
        samples = {split: getattr(data, split) for split in splits}
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
            Number of a group, and by split what its trainings came to, in the order of their numbers.

        Raises:
            RefusedInput: if a training diverges or a process is killed.
        """
        total, done = len(self._seeds), len(self._seeds) - sum(len(self.groups[number]) for number in groups)
        context = (self._study, self._data, self._judged)
        with ProcessPool(_one, context, self.workers) as pool:
            for first in range(0, len(groups), self.workers):
                at_once = groups[first : first + self.workers]
                numbers = [number for group in at_once for number in self.groups[group]]

                report = _of_all(progress, done, len(numbers), total)
                weights, seeds = self._weights(numbers), [self._seeds[number] for number in numbers]
                if self.workers > 1:
                    found = pool.results(list(zip(weights, seeds, strict=True)), "training from scratch", report)
                else:
                    models = trained_from_scratch(self._study, self._data, weights, seeds, report)
                    device = resolve_device(self._study.compute)
                    found = [self._judged.evaluations(model, device) for model in models]
                for group in at_once:
                    own, found = found[: len(self.groups[group])], found[len(self.groups[group]) :]
                    yield group, {split: ClassMeans.of([one[split] for one in own]) for split in self._judged.splits}
                done += len(numbers)


def _of_all(progress: Progress, before: int, now: int, of_all: int) -> Progress:
    """Returns what tells the steps of ``now`` trainings as trainings of all, after ``before``."""

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        progress("training from scratch", before + now * done // max(total, 1), of_all, note)

    return report


def _one(shared: tuple[Study, StudyData, Judged], item: tuple[NDArray, int]) -> Evaluations:
    (study, data, judged), (weights, seed) = shared, item
    # The share that the pool gave to this process: what begins a computation would take them all again.
    study = study.with_changes(compute={"threads": torch.get_num_threads()})
    (model,) = trained_from_scratch(study, data, weights[None], [seed])
    return judged.evaluations(model, resolve_device(study.compute))
