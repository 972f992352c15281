"""A study of CIFAR-10 and a residual network in a folder of its own, trained by the command line."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks import residual_net
from engine.data import Samples, StudyData, load_data
from engine.study import Study, load_study
from engine.training import NextEpoch

REPOSITORY = Path(__file__).parent.parent
STUDY = """\
name = "cifar10-residual"
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = "{data}/cifar10/test.parquet"
input = "img"
[data.limit]
{limit}
[data.transform]
mean = [0.4914, 0.4822, 0.4465]
std = [0.2470, 0.2435, 0.2616]
augment = ["crop", "flip"]
[model]
architecture = "{architecture}"
[training]
learning_rate = 0.1
momentum = 0.9
weight_decay = 0.0005
batch_size = 128
schedule = "one_cycle"
epochs = {epochs}
"""


def external_data() -> Path:
    """Returns the folder of the data outside the repository.

    Raises:
        FileNotFoundError: if it is not there.
    """
    folder = Path(os.environ.get("PARETOSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there: set PARETOSCOPE_DATA to the folder that holds cifar10/")
    return folder.resolve()


def trained_study(folder: Path, epochs: int) -> Study:
    """Writes a study of 10,000 training and 2,500 validation pictures, and trains it by ``python -m app train``.

    Args:
        folder: of the study; empty.
        epochs: of the training.
    """
    builder = Path(residual_net.__file__).resolve()
    study = write_study(folder, f"file:{builder}:build", epochs, "train = 1000\nvalidation = 250")
    os.environ["PARETOSCOPE_CODE_ROOT"] = str(builder.parent)
    command = [sys.executable, "-m", "app", "train", str(folder), "--json", "--cache", str(folder / "store")]
    # In a process of its own: what a training leaves in memory must not count as what was there before.
    told = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
    json.loads(told.stdout)
    return study


def write_study(folder: Path, architecture: str, epochs: int, limit: str = "") -> Study:
    """Writes the study file and reads it again."""
    text = STUDY.format(data=external_data(), architecture=architecture, epochs=epochs, limit=limit)
    (folder / "study.toml").write_text(text)
    return load_study(folder)


def loaded(study: Study) -> tuple[StudyData, NextEpoch]:
    """Returns the data and the trained model with the epoch that would come next."""
    data = load_data(study)
    return data, NextEpoch.from_study(study, data, study.training.epochs)


def artificial_classes(data: StudyData, count: int) -> tuple[StudyData, nn.Module]:
    """Deals the samples of each class to several classes at random; returns them with an untrained model.

    Only for the time that many classes take: what such classes mean is nothing.
    """
    generator = np.random.default_rng(0)
    parts = count // data.num_classes

    def dealt(samples: Samples) -> Samples:
        labels = samples.labels * parts + torch.from_numpy(generator.integers(0, parts, len(samples)))
        return dataclasses.replace(samples, labels=labels)

    torch.manual_seed(0)
    names = tuple(f"class {k}" for k in range(count))
    many = dataclasses.replace(data, train=dealt(data.train), validation=dealt(data.validation), class_names=names)
    return many, residual_net.build((3, 32, 32), count).eval()
