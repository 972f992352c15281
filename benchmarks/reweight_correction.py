"""Course correction: detrimental epochs of unsteady trainings, trained again for the classes that they cost."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.reweight_cases import Stopped
from benchmarks.reweight_claims import changes_on_test, searched
from benchmarks.verdict_bank import Case
from engine.reweight_settings import Reweight
from engine.training import NextEpoch, evaluate, train, trained_model
from engine.training.detrimental import detrimental_epochs, epoch_changes

_EPOCHS, _RATE = 12, 0.25
"""A rate at which some epochs of the digits' perceptron cost a class more than noise."""


@dataclass(frozen=True)
class Corrected:
    """One detrimental epoch, corrected.

    Attributes:
        epoch: its number.
        drops: what it cost its classes on validation samples, points.
        original: gains of these classes over the original epoch in its own batch order, test samples, points.
        fresh: the same over the control of unseen batch orders, mean.
        worst_other: the worst other class, in its own order.
    """

    epoch: int
    drops: list[float]
    original: list[float]
    fresh: list[float]
    worst_other: float


def corrections(seeds: range) -> list[Corrected]:
    """Corrects the worst detrimental epoch of each training that has one."""
    return [found for seed in seeds if (found := _corrected(seed)) is not None]


def _corrected(seed: int) -> Corrected | None:
    training = {"learning_rate": _RATE, "weight_decay": 0.001, "batch_size": 64, "epochs": _EPOCHS}
    case = Case("digits", "none", seed, 0.0, "mlp", {"hidden": (32,)}, training)
    data = case.data()
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        study = case.study(Path(name)).with_changes(study={"seed": seed})
        train(study, data)
        correct = [
            evaluate(
                trained_model(study, data, epoch + 1)[0], data.validation, data.transform, data.num_classes
            ).correct
            for epoch in range(_EPOCHS)
        ]
        labels, epochs = data.validation.labels.numpy(), list(range(1, _EPOCHS + 1))
        found = detrimental_epochs(epoch_changes(np.stack(correct), labels, data.num_classes, epochs))
        if not found:
            return None
        worst = found[0]
        next_epoch = NextEpoch.from_study(study, data, worst.epoch - 1)
        before = evaluate(next_epoch.start, data.validation, data.transform, data.num_classes)
        stopped = Stopped(study, data, next_epoch, tuple(sorted(worst.classes)), before)
        weights = searched(stopped, Reweight()).weights
        (fresh,), _ = changes_on_test(stopped, [weights], orders=8)
        ours, original = stopped.tested(np.stack([weights, np.ones_like(weights)]), [0, 0])
    changes = 100 * (ours.accuracy - original.accuracy)
    targets = list(stopped.targets)
    return Corrected(
        epoch=worst.epoch,
        drops=[100 * drop for drop in worst.drops],
        original=changes[targets].tolist(),
        fresh=fresh[targets].tolist(),
        worst_other=float(np.delete(changes, targets).min()),
    )
