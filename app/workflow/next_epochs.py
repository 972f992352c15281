"""The next epoch of a study in many batch orders: what searches, probes and results are all measured by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from engine.data import StudyData
from engine.progress import Progress
from engine.reweight.candidates import Measured
from engine.study import Study
from engine.training import NextEpoch
from engine.training.side_by_side import Evaluations, Judged, SideBySide

_RESULT_ORDERS = 10_000
"""What lies between the study's seed and the batch orders of results: no search has seen them."""


class NextEpochs:
    """Trains the next epoch under weights and measures it; numbers of batch orders count from the study's seed.

    Args:
        study: its seed, measurement and workers are used.
        side: does the work.
        progress: called after steps; may raise to stop.
    """

    def __init__(self, study: Study, side: SideBySide, progress: Progress) -> None:
        self._seed, self._side, self._progress = study.seed, side, progress

    def evaluations(self, weights: NDArray, orders: Sequence[int]) -> list[Evaluations]:
        """Returns what rows of weights ``(M, N)`` give in batch orders, M, by split; order 0 is the original one."""
        return self._side.measure(weights, [self._seed + order for order in orders], self._progress)

    def validated(self, weights: NDArray, orders: Sequence[int]) -> list[Measured]:
        """Returns what rows of weights ``(M, N)`` give on the validation split, as a search is told it."""
        return [Measured.of(one["validation"]) for one in self.evaluations(weights, orders)]


@contextmanager
def next_epochs(
    study: Study, next_epoch: NextEpoch, data: StudyData, splits: Sequence[str], progress: Progress
) -> Iterator[NextEpochs]:
    """Opens what trains the next epoch of a study, for as long as the context lasts.

    Args:
        study: ``[compute] workers`` says how many processes are started, if any.
        next_epoch: what is trained.
        data: of the study.
        splits: names of those that are evaluated.
        progress: called after steps; may raise to stop.
    """
    samples = {split: getattr(data, split).numbers for split in splits}
    judged = Judged(samples, data.transform, data.num_classes, study.influence.measurement)
    with SideBySide(next_epoch, judged, study.compute.workers) as side:
        yield NextEpochs(study, side, progress)


def result_orders(count: int) -> list[int]:
    """Returns batch orders that no search and no probe has seen."""
    return [_RESULT_ORDERS + number for number in range(count)]


def unweighted(samples: int, count: int) -> NDArray[np.float32]:
    """Returns weights of one, ``(count, N)``: the control."""
    return np.ones((count, samples), np.float32)
