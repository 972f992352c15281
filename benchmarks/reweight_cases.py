"""Classifiers that are to improve, stopped in the middle of their training: what reweighting is measured on.

Digits after 4 epochs at the learning rate of the shipped study (and at a fifth of it in the details), CIFAR-10
in the middle of its schedule. In each the targets are the two classes that are worst on the validation samples,
as the paper chooses them. Every seed draws another split, other initial weights and other batch orders.
"""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cifar_study import external_data
from benchmarks.verdict_bank import Case
from engine.data import StudyData, load_data
from engine.influence import Horizon, prepare_influence
from engine.study import Study, load_study
from engine.training import Evaluation, NextEpoch, evaluate, train
from engine.training.side_by_side import Judged, SideBySide

TARGETS = 2
DIGITS_RATE, SLOW_RATE = 0.05, 0.01
DIGITS_EPOCHS = 4
FRESH = 5000
"""What lies between a case's seed and the batch orders that its results are measured in: no search has seen them."""
_CIFAR = """\
name = "cifar10"
seed = {seed}
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = 0.2
test = "{data}/cifar10/test.parquet"
input = "img"
[data.limit]
train = 1000
validation = 250
[data.transform]
resize = {side}
mean = [0.4914, 0.4822, 0.4465]
std = [0.2470, 0.2435, 0.2616]
[model]
architecture = "cnn"
[training]
learning_rate = 0.05
weight_decay = 0.001
batch_size = 128
epochs = 16
schedule = "one_cycle"
"""
CIFAR_EPOCH, CIFAR_SIDE = 8, 16
"""The epoch that is analysed, and the side of the pictures: 32 pixels take three times as long on a CPU."""


@dataclass(frozen=True)
class Stopped:
    """A classifier after some epochs.

    Attributes:
        study: its settings; the seed is the case's.
        data: its samples.
        next_epoch: what weights are for.
        targets: indices of the classes to improve.
        before: what it does on the validation samples.
    """

    study: Study
    data: StudyData
    next_epoch: NextEpoch
    targets: tuple[int, ...]
    before: Evaluation

    @cached_property
    def influence(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Influence on the next epoch by fold and class ``(N, F*K)``, and the folds' samples ``(F, K)``."""
        horizon = Horizon(self.next_epoch.horizon, self.next_epoch.training.weight_decay)
        prepared = prepare_influence(self.study, self.data, self.next_epoch.start, horizon)
        rows = np.concatenate([part.epoch for part in prepared.all_parts()])
        return rows, np.asarray(prepared.fold_counts)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Classes of the training samples, ``(N,)``."""
        return self.data.train.labels.numpy()

    def validated(self, weights: NDArray, orders: list[int]) -> list[Evaluation]:
        """Trains the next epoch under rows of weights and evaluates it on the validation samples."""
        return self._measured("validation", weights, orders)

    def tested(self, weights: NDArray, orders: list[int]) -> list[Evaluation]:
        """The same on the test samples, which nothing was chosen by."""
        return self._measured("test", weights, orders)

    def _measured(self, split: str, weights: NDArray, orders: list[int]) -> list[Evaluation]:
        judged = Judged({split: getattr(self.data, split)}, self.data.transform, self.data.num_classes, "loss")
        with SideBySide(self.next_epoch, judged) as side:
            measured = side.measure(weights, [self.study.seed + order for order in orders])
        return [one[split] for one in measured]


def digits(seed: int, rate: float = DIGITS_RATE, epochs: int = DIGITS_EPOCHS) -> Stopped:
    """Returns a perceptron on scikit-learn's digits after some epochs."""
    training = {"learning_rate": rate, "weight_decay": 0.001, "batch_size": 64, "epochs": epochs}
    case = Case("digits", "none", seed, 0.0, "mlp", {"hidden": (32,)}, training)
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        study = case.study(Path(name)).with_changes(study={"seed": seed})
        return stopped(study, case.data(), epochs)


def cifar(seed: int) -> Stopped:
    """Returns a convolutional network on 1,000 pictures of each class in the middle of its training.

    Raises:
        FileNotFoundError: if the data are not there.
    """
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        text = _CIFAR.format(data=external_data(), seed=seed, side=CIFAR_SIDE)
        (Path(name) / "study.toml").write_text(text)
        study = load_study(Path(name))
        return stopped(study, load_data(study), CIFAR_EPOCH)


def stopped(study: Study, data: StudyData, epoch: int) -> Stopped:
    """Trains up to an epoch of the study's schedule, in its folder, and names the worst classes."""
    # Trained to its end, since the schedule depends on it; small nets take no time, and large ones stop early.
    _train_until(study, data, epoch)
    next_epoch = NextEpoch.from_study(study, data, epoch)
    before = evaluate(next_epoch.start, data.validation, data.transform, data.num_classes, next_epoch.device)
    worst = np.argsort(before.accuracy, kind="stable")[:TARGETS]
    return Stopped(study, data, next_epoch, tuple(sorted(worst.tolist())), before)


class _Reached(Exception):
    """The epoch was trained."""


def _train_until(study: Study, data: StudyData, epoch: int) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training" and note.startswith(f"epoch {epoch + 1} "):
            raise _Reached

    try:
        train(study, data, stop)
    except _Reached:
        return
