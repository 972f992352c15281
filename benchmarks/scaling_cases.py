"""What scaling is measured on: a convolutional network on pictures, and the four kinds of work that fan out.

CIFAR-10's pictures where PARETOSCOPE_DATA has them; else drawn ones of the same shape, which take the same time.
"""

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.cifar_study import external_data
from engine.data import InputTransform, Samples, StudyData, load_data
from engine.influence import Horizon, InfluencePart, parts, prepare_influence
from engine.influence.kronecker import KroneckerFit
from engine.influence.scores import scoring
from engine.influence.vectors import PreparedInfluence
from engine.progress import Progress, silent
from engine.study import Study, load_study
from engine.training import NextEpoch, train
from engine.training.inputs import PreparedInputs
from engine.training.retraining import Retrainings
from engine.training.side_by_side import Judged, SideBySide

_STUDY = """\
name = "scaling"
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = 0.2
input = "img"
[data.limit]
train = {train}
validation = {validation}
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
epochs = 2
[compute]
device = "cpu"
threads = 1
"""
_CLASSES = 10
_CANDIDATES, _RETRAININGS = 4, 3

Arrays = dict[str, NDArray[Any]]
"""Results by what they are."""


@dataclass(frozen=True)
class Size:
    """How large a case is.

    Attributes:
        train: pictures a class to train on.
        validation: pictures a class to judge on.
        side: of the pictures, in pixels.
        part: training pictures that are scored at once.
    """

    train: int
    validation: int
    side: int
    part: int


@dataclass(frozen=True)
class PictureCase:
    """A network after one epoch, and work to be done with it. Its study computes on one thread of the CPU.

    Attributes:
        study: its settings.
        data: its samples.
        next_epoch: what candidates train.
        size: of it.
        pictures: what they are, in words.
    """

    study: Study
    data: StudyData
    next_epoch: NextEpoch
    size: Size
    pictures: str

    @property
    def parts(self) -> int:
        """How many parts its training pictures make."""
        return -(-len(self.data.train) // self.size.part)

    @property
    def judged(self) -> Judged:
        """What candidates are judged on."""
        return Judged({"validation": self.data.validation}, self.data.transform, self.data.num_classes, "loss")

    def candidates(self, count: int) -> tuple[NDArray[np.float32], list[int]]:
        """Returns weights ``(count, N)`` and seeds of candidates."""
        weights = np.random.default_rng(0).uniform(0.5, 1.5, (count, len(self.data.train)))
        return weights.astype(np.float32), list(range(count))

    def prepared(self) -> PreparedInfluence:
        """Returns what scores parts; where tasks are done elsewhere, its factors are fitted there."""
        horizon = Horizon(self.next_epoch.horizon, self.next_epoch.training.weight_decay)
        return prepare_influence(self.study, self.data, self.next_epoch.start, horizon)

    def scores(self, prepared: PreparedInfluence, count: int, progress: Progress = silent) -> Arrays:
        """Returns the scores of the first parts, wherever tasks are done."""
        found = {}
        # Read where parts are made and nowhere else, so that it need not be told to who scores them.
        with mock.patch.object(parts, "PART_SAMPLES", self.size.part):
            for part in prepared.parts(range(count, self.parts), progress):
                found[f"part {part.number}"] = part
        return arrays(found)

    def plain_scores(self, prepared: PreparedInfluence, count: int) -> Arrays:
        """Returns the scores of the first parts by the loop that would do if nothing fanned out."""
        train, found, device = self.data.train, {}, torch.device("cpu")
        inputs = PreparedInputs(train, self.data.transform, device, kept_bytes=0)
        with scoring(prepared.model, prepared.rows) as scoring_pass, prepared.precision.applied(device):
            for number, part in enumerate(torch.arange(len(train)).split(self.size.part)[:count]):
                batches = part.split(prepared.batch_size)
                scores = torch.cat([scoring_pass.score(inputs.batch(one), train.labels[one]) for one in batches])
                ceiling, epoch = (half.numpy() for half in scores.chunk(2, dim=1))
                found[f"part {number}"] = InfluencePart(number, int(part[0]), ceiling, epoch)
        return arrays(found)


def picture_case(size: Size) -> PictureCase:
    """Loads or draws pictures and trains the network for one epoch."""
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        folder = Path(name)
        place = _cifar()
        text = _STUDY.format(data=place or folder, train=size.train, validation=size.validation, side=size.side)
        (folder / "study.toml").write_text(text)
        study = load_study(folder)
        data = _drawn(study, size) if place is None else load_data(study)
        train(study.with_changes(training={"epochs": 1}), data)
        pictures = "drawn pictures in place of CIFAR-10" if place is None else "CIFAR-10"
        return PictureCase(study, data, NextEpoch.from_study(study, data, 1), size, pictures)


def everything(case: PictureCase) -> dict[str, Arrays]:
    """Does each kind of work that fans out, wherever tasks are done, and returns its results by kind.

    Args:
        case: what is worked on.
    """
    study, data, start = case.study, case.data, case.next_epoch.start
    prepared = case.prepared()
    fit = KroneckerFit(start, data.train, data.transform, prepared.tracked.names, study.seed, prepared.batch_size)
    every = torch.arange(len(data.train))
    covariances = fit.covariances(every)
    with SideBySide(case.next_epoch, case.judged) as side:
        judged = side.measure(*case.candidates(_CANDIDATES))
    weights, seeds = case.candidates(_RETRAININGS)
    retrainings = Retrainings(study, data, ["validation"], seeds, lambda numbers: weights[list(numbers)])
    return {
        "factor statistics": arrays({"covariances": covariances, "ekfac": fit.ekfac(covariances, every)}),
        "class gradients": arrays(prepared.rows),
        "partitions": case.scores(prepared, case.parts),
        "candidates": arrays(judged),
        "retrainings": arrays(dict(retrainings.run(range(len(retrainings.groups))))),
    }


def arrays(result: Any, name: str = "") -> Arrays:
    """Returns the arrays that a result is made of, by the way to each."""
    if isinstance(result, torch.Tensor | np.ndarray | int | float):
        return {name: np.asarray(result)}
    if dataclasses.is_dataclass(result) or not isinstance(result, Mapping | Sequence):
        result = vars(result)
    pairs = result.items() if isinstance(result, Mapping) else enumerate(result)
    return {way: found for key, value in pairs for way, found in arrays(value, f"{name}/{key}").items()}


def are_equal(first: Arrays, second: Arrays) -> bool:
    """Returns whether two results are the same, bit for bit."""
    return first.keys() == second.keys() and all(
        (array.dtype, array.shape, array.tobytes()) == (second[name].dtype, second[name].shape, second[name].tobytes())
        for name, array in first.items()
    )


def _cifar() -> Path | None:
    """Returns the folder that holds CIFAR-10, if it is there."""
    try:
        folder = external_data()
    except FileNotFoundError:
        return None
    return folder if (folder / "cifar10").is_dir() else None


def _drawn(study: Study, size: Size) -> StudyData:
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Samples:
        inputs = torch.randint(0, 256, (count, 3, size.side, size.side), generator=generator, dtype=torch.uint8)
        return Samples(inputs, torch.arange(count) % _CLASSES, ("",) * count)

    names = tuple(f"class {k}" for k in range(_CLASSES))
    transform = InputTransform.from_study(study.data.transform)
    return StudyData(split(size.train * _CLASSES), split(size.validation * _CLASSES), None, names, transform, ())
