"""One more epoch from a stored one, under weights: what direct improvement trains."""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.checkpoints import checkpoint_of
from engine.data import StudyData
from engine.device import resolve_device
from engine.progress import Progress, silent
from engine.study import Study, Training
from engine.training.epoch import TrainingSet, epoch_generator, run_epoch, sgd
from engine.training.schedule import learning_rates, steps_per_epoch
from engine.training.stacked import Report, is_stackable, train_together, trained_as_one
from engine.training.stored_state import stored_momentum, trained_model

PAPER = {"learning_rate": 1e-4, "weight_decay": 1e-4, "batch_size": 512, "schedule": "constant"}
"""Table 2 of the paper for its weighted training."""
STANDSTILL = 0.05
"""Share of the training's learning rate below which the next epoch is told to stand still."""


@dataclass(frozen=True)
class NextEpoch:
    """The epoch after a stored one, ready to be trained many times under different weights.

    With the study's own settings and seed and no weights it is the original next epoch,
    bit for bit on the CPU, where that one was trained by :func:`engine.training.train`.
    """

    start: nn.Module
    """The model after ``epoch`` epochs; never changed."""
    momentum: dict[str, Tensor] | None
    """Buffers that the training had then, by parameter name; None starts them at zero."""
    samples: TrainingSet
    training: Training
    """What the epoch is trained with: the study's settings, or Table 2 of the paper."""
    epoch: int
    """The stored epoch e; what is trained is e + 1."""
    device: torch.device
    notices: tuple[str, ...]

    @classmethod
    def from_study(cls, study: Study, data: StudyData, epoch: int) -> "NextEpoch":
        """Loads a checkpoint, and the momentum stored with it if the study's optimiser continues.

        Args:
            study: ``[reweight] preset`` chooses between its own settings and the paper's.
            data: its samples.
            epoch: e, of the checkpoint to start from.

        Raises:
            RefusedInput: if there is no such checkpoint, or it does not fit the study.
        """
        device = resolve_device(study.compute)
        model, notices = trained_model(study, data, epoch)
        training, momentum = study.training, None
        if study.reweight.preset == "paper":
            # The paper starts a new optimiser; momentum of another rate would outweigh its steps.
            training = training.model_copy(update=PAPER)
        elif training.momentum > 0:
            momentum = stored_momentum(checkpoint_of(study, epoch), model)
            if momentum is None:
                notices += (
                    f"no momentum is stored with these weights of epoch {epoch}: the next one starts with none",
                )
        next_epoch = cls(
            start=model.to(device),
            momentum=momentum,
            samples=TrainingSet.from_data(data, device),
            training=training,
            epoch=epoch,
            device=device,
            notices=notices,
        )
        return dataclasses.replace(next_epoch, notices=(*notices, *next_epoch._warnings(study.training)))

    def _warnings(self, planned: Training) -> list[str]:
        """Says what makes this epoch another than its reader may expect."""
        warnings = []
        if self.training.batch_size > len(self.samples.labels):
            warnings.append(
                f"batch_size is {self.training.batch_size}, more than the {len(self.samples.labels)} training samples:"
                " each epoch is one step"
            )
        share = max(self.rates) / planned.learning_rate
        if share < STANDSTILL:
            warnings.append(
                f"the next epoch's learning rate is at most {share:.2%} of the training's, so no weights can change"
                " much: name an earlier [model] epoch, or a schedule that has not ended"
            )
        return warnings

    @property
    def rates(self) -> list[float]:
        """The learning rate of each step."""
        steps = steps_per_epoch(len(self.samples.labels), self.training.batch_size)
        return learning_rates(self.training, steps, self.epoch + 1)

    @property
    def horizon(self) -> float:
        r"""How far the epoch goes: :math:`\tau = \sum_t \eta_t / (1 - \mu)`, learning rate × steps."""
        return sum(self.rates) / (1 - self.training.momentum)

    def train(self, weights: NDArray | None, seed: int, progress: Progress = silent) -> nn.Module:
        """Trains a copy of the stored model for one epoch.

        Args:
            weights: one for each training sample, ``(N,)``, at least 0; None for all ones.
            seed: of the order and the augmentation, which do not depend on the weights;
                the study's own seed repeats those of the original next epoch.
            progress: called after every step.

        Returns:
            The trained copy, in evaluation mode, on the device.

        Raises:
            ValueError: if the weights are not N finite numbers of at least 0.
            RefusedInput: if the training diverges.
        """
        steps = len(self.rates)
        return self._trained(
            self._tensor(weights), seed, lambda epoch, step: progress("next epoch", step, steps, f"epoch {epoch}")
        )

    def train_each(self, weights: NDArray, seeds: Sequence[int], progress: Progress = silent) -> Iterator[nn.Module]:
        """Trains M copies of the stored model for one epoch, small networks of linear layers as one.

        One copy alone is trained as :meth:`train` does, so bit for bit like it; several as one agree with
        it up to rounding in float32. The same rows and seeds give the same models.

        Args:
            weights: of the N training samples for each copy, ``(M, N)``, at least 0.
            seeds: of the order and the augmentation of each copy, M.
            progress: called after every step.

        Yields:
            The copies in their order, in evaluation mode, on the device.

        Raises:
            ValueError: if a row is not N finite numbers of at least 0.
            RefusedInput: if a training diverges.
        """
        rows = [self._tensor(row) for row in weights]
        shape = self.samples.inputs.batch(torch.arange(1)).shape[1:]
        groups = trained_as_one([self.start] * len(rows), self.training.batch_size, shape)
        steps = len(self.rates)
        for number, members in enumerate(groups):

            def report(epoch: int, step: int, number: int = number) -> None:
                progress("next epoch", number * steps + step, len(groups) * steps, f"epoch {epoch}")

            if len(members) == 1:
                (only,) = members
                yield self._trained(rows[only], seeds[only], report)
                continue
            models = [copy.deepcopy(self.start) for _ in members]
            train_together(
                models,
                torch.stack([rows[m] for m in members]),
                [seeds[m] for m in members],
                self.samples,
                self.training,
                [self.epoch + 1],
                report,
                self.momentum,
            )
            yield from (model.eval() for model in models)

    @property
    def is_stackable(self) -> bool:
        """Whether copies are trained as one."""
        return is_stackable(self.start)

    def _trained(self, weights: Tensor, seed: int, report: Report) -> nn.Module:
        model = copy.deepcopy(self.start)
        number = self.epoch + 1
        optimizer, generator = sgd(model, self.training, self.momentum), epoch_generator(seed, number)
        run_epoch(model, optimizer, self.samples, weights, self.rates, generator, partial(report, number))
        return model.eval()

    def _tensor(self, weights: NDArray | None) -> Tensor:
        count = len(self.samples.labels)
        if weights is None:
            return torch.ones(count, device=self.device)
        if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(f"weights: {count} finite numbers of at least 0 are expected, got shape {weights.shape}")
        return torch.as_tensor(weights, dtype=torch.float32, device=self.device)
