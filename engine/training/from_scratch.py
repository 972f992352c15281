"""Many trainings from scratch under different weights and seeds: how weights are judged by retraining.

Small networks are trained as one, see :mod:`engine.training.stacked`, others one after the other; or, with
``[compute] workers`` above 1, in so many processes; or as tasks of a cluster (:mod:`engine.tasks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.data import StudyData
from engine.device import resolve_device
from engine.models import build_model
from engine.progress import Progress, silent
from engine.study import Study, Training
from engine.tasks import Told, task_pool
from engine.training.epoch import TrainingSet, epoch_generator, run_epoch, sgd
from engine.training.inputs import prepared_shape
from engine.training.schedule import learning_rates, steps_per_epoch
from engine.training.stacked import Report, train_together, trained_as_one

STAGE = "training from scratch"


def trained_from_scratch(
    study: Study, data: StudyData, weights: NDArray, seeds: Sequence[int], progress: Progress = silent
) -> list[nn.Module]:
    """Trains one model for each row of weights, for all epochs of the study's ``[training]`` table.

    Model m starts from the initial weights of its seed and sees the batches of its seed, so models
    of one seed differ by what their weights did. With weights of one and the study's own seed it is
    the model of :func:`engine.training.train`: bit for bit on the CPU where models are trained one
    after the other, up to rounding in float32 where they are trained as one.

    Args:
        study: what is built and how it is trained.
        data: its samples; only the training split is used.
        weights: of the N training samples for each of the M models, ``(M, N)``, at least 0.
        seeds: of the initial weights, the order of the batches and the augmentation, M.
        progress: called after every step; may raise to stop.

    Returns:
        The M models in evaluation mode, on the study's device.

    Raises:
        ValueError: if the weights are not M rows of N finite numbers of at least 0.
        RefusedInput: if a training diverges, or the model cannot be built.
    """
    expected = (len(seeds), len(data.train))
    if weights.shape != expected or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights: {expected} finite numbers of at least 0 are expected, got shape {weights.shape}")
    device = resolve_device(study.compute)
    shape = prepared_shape(data.train, data.transform)

    def built(seed: int) -> nn.Module:
        return build_model(study.model, shape, data.num_classes, seed, study.folder).to(device)

    # Built here first: what cannot be built is refused before anything is trained.
    models = [built(seed) for seed in seeds]
    groups = trained_as_one(models, study.training.batch_size, shape)
    # Processes take seconds to start: one training alone is not worth it.
    workers = study.compute.workers if len(groups) == len(models) > 1 else 1
    steps = study.training.epochs * steps_per_epoch(len(data.train), study.training.batch_size)
    told = Told(STAGE, [steps] * len(groups), name=lambda at: f"training {groups[at][0] + 1} of {len(models)}")
    items = [(weights[members], [seeds[m] for m in members]) for members in groups]
    with task_pool(_states, Scratch.of(study, data, device), workers, device) as pool:
        for position, states in pool.completed(items, told, progress):
            for number, state in zip(groups[position], states, strict=True):
                models[number].load_state_dict(state)
    return [model.eval() for model in models]


@dataclass(frozen=True)
class Scratch:
    """What trainings from scratch have in common.

    Attributes:
        study: what is built and how it is trained, with its device settled: another process might find another one.
        samples: the training samples, ready on the device.
        num_classes: K.
    """

    study: Study
    samples: TrainingSet
    num_classes: int

    @classmethod
    def of(cls, study: Study, data: StudyData, device: torch.device) -> "Scratch":
        """Returns that of a study on a device."""
        settled = study.with_changes(compute={"device": device.type})
        return cls(settled, TrainingSet.from_data(data, device), data.num_classes)

    def trained(self, weights: NDArray, seeds: Sequence[int], progress: Progress = silent) -> list[nn.Module]:
        """Trains one group of :func:`engine.training.stacked.trained_as_one` here, in torch's threads as they are.

        Args:
            weights: of the m models, ``(m, N)``.
            seeds: of each, m.
            progress: called after every step; may raise to stop.

        Raises:
            RefusedInput: if a training diverges.
        """
        study, samples, training = self.study, self.samples, self.study.training
        # What begins a computation takes all threads; this may be one of several processes that share them.
        device = resolve_device(study.with_changes(compute={"threads": torch.get_num_threads()}).compute)
        rows = torch.tensor(weights, dtype=torch.float32, device=device)
        shape = samples.inputs.sample_shape
        models = [build_model(study.model, shape, self.num_classes, seed, study.folder).to(device) for seed in seeds]
        epochs, steps = training.epochs, steps_per_epoch(len(samples.labels), training.batch_size)

        def report(epoch: int, step: int) -> None:
            progress(STAGE, (epoch - 1) * steps + step, epochs * steps, f"epoch {epoch} of {epochs}")

        if len(models) > 1:
            train_together(models, rows, seeds, samples, training, range(1, epochs + 1), report)
        else:
            _train_one(models[0], rows[0], seeds[0], samples, training, report)
        return [model.eval() for model in models]


def _states(scratch: Scratch, item: tuple[NDArray, Sequence[int]], progress: Progress) -> list[dict[str, Tensor]]:
    """Trains the models of a group; returns their parameters and buffers."""
    models = scratch.trained(*item, progress)
    return [{name: tensor.cpu() for name, tensor in model.state_dict().items()} for model in models]


def _train_one(
    model: nn.Module, weights: Tensor, seed: int, samples: TrainingSet, training: Training, report: Report
) -> None:
    optimizer = sgd(model, training)
    steps = steps_per_epoch(len(samples.labels), training.batch_size)
    for epoch in range(1, training.epochs + 1):
        rates, generator = learning_rates(training, steps, epoch), epoch_generator(seed, epoch)
        run_epoch(model, optimizer, samples, weights, rates, generator, partial(report, epoch))
