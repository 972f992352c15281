"""Training from scratch: a checkpoint, the momentum and a record after every epoch."""

import time
from pathlib import Path

import torch
from torch import nn

from engine.architecture_names import SKLEARN
from engine.checkpoints import HISTORY, SUFFIXES, checkpoint_name, optimizer_path
from engine.data import Samples, StudyData
from engine.device import resolve_device
from engine.errors import RefusedInput
from engine.models import load_checkpoint
from engine.progress import Progress, silent
from engine.study import Study
from engine.training.epoch import TrainingSet, epoch_generator, run_epoch, sgd
from engine.training.evaluation import evaluate
from engine.training.history import (
    EpochRecord,
    TrainingHistory,
    read_history,
    training_fingerprint,
    write_history,
)
from engine.training.schedule import learning_rates, steps_per_epoch
from engine.training.stored_state import save_state, stored_momentum, untrained_model


def train(study: Study, data: StudyData, progress: Progress = silent, overwrite: bool = False) -> TrainingHistory:
    """Trains the study's model from its seed and writes every epoch into its checkpoints folder.

    A training of the same settings and data that was stopped is continued; on the CPU
    the result is bit-equal to one that was not stopped.

    Args:
        study: settings; ``[training]`` tells how.
        data: its samples. The test split is evaluated and used for nothing else.
        progress: called after every step.
        overwrite: removes the epochs that an earlier training wrote.

    Returns:
        Accuracy per class after every epoch.

    Raises:
        RefusedInput: if the folder holds other checkpoints, or a finished training, and
            ``overwrite`` is not set; if the training diverges.
    """
    folder = study.checkpoints_path
    # Built first: what is refused here leaves the epochs that are to be replaced as they are.
    model = untrained_model(study, data)
    history = _begin(study, data, folder, overwrite)
    device = resolve_device(study.compute)
    momentum = None
    if history.epochs:
        checkpoint = folder / history.epochs[-1].checkpoint
        load_checkpoint(checkpoint, model)
        momentum = stored_momentum(checkpoint, model)
    model.to(device)
    optimizer = sgd(model, study.training, momentum)
    samples = TrainingSet.from_data(data, device)
    weights = torch.ones(len(data.train), device=device)
    steps = steps_per_epoch(len(data.train), study.training.batch_size)
    epochs = study.training.epochs

    for epoch in range(len(history.epochs) + 1, epochs + 1):

        def report(step: int, epoch: int = epoch) -> None:
            progress("training", (epoch - 1) * steps + step, epochs * steps, f"epoch {epoch} of {epochs}")

        started = time.perf_counter()
        rates = learning_rates(study.training, steps, epoch)
        loss = run_epoch(model, optimizer, samples, weights, rates, epoch_generator(study.seed, epoch), report)
        seconds = time.perf_counter() - started
        checkpoint = folder / checkpoint_name(epoch)
        save_state(model, optimizer, checkpoint)
        record = EpochRecord(
            epoch=epoch,
            checkpoint=checkpoint.name,
            seconds=seconds,
            validation=_accuracy(model, data.validation, data, device),
            test=None if data.test is None else _accuracy(model, data.test, data, device),
            train_loss=loss,
        )
        history = history.with_epoch(record)
        write_history(history, folder)
    return history


def _accuracy(model: nn.Module, samples: Samples, data: StudyData, device: torch.device) -> list[float]:
    return evaluate(model, samples, data.transform, data.num_classes, device).accuracy.tolist()


def _begin(study: Study, data: StudyData, folder: Path, overwrite: bool) -> TrainingHistory:
    """Returns the history to continue, an empty one in a folder without checkpoints."""
    if study.model.architecture == SKLEARN:
        raise RefusedInput(
            f"[model] checkpoints is {folder.name}, which scikit-learn has fitted",
            "a folder for the checkpoints of a training",
            "To train one here, name architecture = 'mlp' or 'logistic_regression' and checkpoints = 'checkpoints'",
        )
    if folder.suffix.lower() in SUFFIXES:
        raise RefusedInput(
            f"[model] checkpoints is the file {study.model.checkpoints}",
            "a folder for the checkpoints of a training",
            "Set checkpoints = 'checkpoints' in [model] to train",
        )
    settings = training_fingerprint(study, data)
    if overwrite:
        _remove_epochs(folder)
    begun = read_history(folder)
    if begun is not None and begun.settings == settings and not begun.is_finished:
        return begun
    if _has_checkpoints(folder):
        state = "a finished training" if begun is not None and begun.settings == settings else "other checkpoints"
        raise RefusedInput(
            f"the folder {study.model.checkpoints} already holds {state}",
            "an empty folder, or a stopped training of the same settings and data",
            "Name another folder in [model] checkpoints, or train with overwriting",
        )
    return TrainingHistory(class_names=data.class_names, planned_epochs=study.training.epochs, settings=settings)


def _has_checkpoints(folder: Path) -> bool:
    return folder.is_dir() and any(file.suffix.lower() in SUFFIXES for file in folder.iterdir())


def _remove_epochs(folder: Path) -> None:
    """Removes what :func:`train` writes, and nothing else; the record first, as it vouches for the rest."""
    (folder / HISTORY).unlink(missing_ok=True)
    for checkpoint in sorted(folder.glob("epoch-*.safetensors")):
        optimizer_path(checkpoint).unlink(missing_ok=True)
        checkpoint.unlink()
