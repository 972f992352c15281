"""Many trainings from scratch under different weights and seeds: how weights are judged by retraining.

Small networks are trained as one, see :mod:`engine.training.stacked`, others one after the other.
"""

from collections.abc import Sequence
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
from engine.training.epoch import TrainingSet, epoch_generator, run_epoch, sgd
from engine.training.inputs import prepared_shape
from engine.training.schedule import learning_rates, steps_per_epoch
from engine.training.stacked import Report, train_together, trained_as_one


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
    count, expected = len(data.train), (len(seeds), len(data.train))
    if weights.shape != expected or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights: {expected} finite numbers of at least 0 are expected, got shape {weights.shape}")
    device = resolve_device(study.compute)
    samples = TrainingSet.from_data(data, device)
    rows = torch.tensor(weights, dtype=torch.float32, device=device)
    shape = prepared_shape(data.train, data.transform)
    models = [build_model(study.model, shape, data.num_classes, seed, study.folder).to(device) for seed in seeds]
    groups = trained_as_one(models, study.training.batch_size, shape)
    epochs, steps = study.training.epochs, steps_per_epoch(count, study.training.batch_size)
    total = len(groups) * epochs * steps
    for number, members in enumerate(groups):

        def report(epoch: int, step: int, number: int = number) -> None:
            done = (number * epochs + epoch - 1) * steps + step
            progress("training from scratch", done, total, f"epoch {epoch} of {epochs}")

        chosen, own = [models[m] for m in members], [seeds[m] for m in members]
        if len(chosen) > 1:
            train_together(chosen, rows[members], own, samples, study.training, range(1, epochs + 1), report)
        else:
            _train_one(chosen[0], rows[members[0]], own[0], samples, study.training, report)
    return [model.eval() for model in models]


def _train_one(
    model: nn.Module, weights: Tensor, seed: int, samples: TrainingSet, training: Training, report: Report
) -> None:
    optimizer = sgd(model, training)
    steps = steps_per_epoch(len(samples.labels), training.batch_size)
    for epoch in range(1, training.epochs + 1):
        rates, generator = learning_rates(training, steps, epoch), epoch_generator(seed, epoch)
        run_epoch(model, optimizer, samples, weights, rates, generator, partial(report, epoch))
