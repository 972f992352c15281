"""The studies that trust is measured on, each made in a folder and trained as a user's would be."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from app.workflow.commands import COMMANDS
from benchmarks.cifar_study import REPOSITORY, external_data
from cache.store import Store
from engine.data import load_data
from engine.progress import silent
from engine.study import Study, load_study

FLIPPED = 0.1
"""Share of the training labels that are made wrong where label errors are looked for."""
_COMPONENTS = 128
_TEXT_SIZES = (4500, 1500, 1500)
_TEXTS = """\
name = "ag_news"
[data]
format = "npz"
modality = "tabular"
train = "train.npz"
validation = "validation.npz"
test = "test.npz"
input = "x"
label = "label"
class_names = [{names}]
[model]
architecture = "logistic_regression"
[training]
learning_rate = 1.0
momentum = 0.9
weight_decay = 0.0003
batch_size = 64
epochs = 20
schedule = "cosine"
"""
_PICTURES = """\
name = "cifar10"
[data]
format = "npz"
train = "train.npz"
validation = "validation.npz"
input = "image"
label = "label"
class_names = [{names}]
[data.transform]
resize = {side}
mean = [0.4914, 0.4822, 0.4465]
std = [0.2470, 0.2435, 0.2616]
[model]
architecture = "cnn"
[training]
learning_rate = 0.05
momentum = 0.9
weight_decay = 0.0005
batch_size = 64
epochs = {epochs}
schedule = "one_cycle"
[influence]
modules = ["11"]
"""
_PARQUET = """\
name = "pictures"
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = "{data}/cifar10/test.parquet"
input = "img"
[data.limit]
train = {train}
validation = {validation}
[model]
architecture = "cnn"
"""


@dataclass(frozen=True)
class Pictures:
    """How the pictures are taken and trained on.

    Attributes:
        train: samples a class.
        validation: likewise.
        side: in pixels.
        epochs: of a training.
    """

    train: int = 200
    validation: int = 200
    side: int = 16
    epochs: int = 12


def trained(study: Study, store: Store) -> Study:
    """Trains a study's checkpoints and returns it."""
    COMMANDS["train"](study, store, {"overwrite": True}, silent)
    return study


def digits(folder: Path, flipped: float = 0.0, seed: int = 0) -> Study:
    """Copies the shipped digits, some training labels made wrong.

    Args:
        folder: to be made.
        flipped: share of the training labels.
        seed: of the draw.
    """
    shipped = REPOSITORY / "sample_data" / "digits"
    folder.mkdir(parents=True)
    for file in (shipped / "study.toml", *shipped.glob("*.npz")):
        shutil.copy(file, folder)
    if flipped:
        with np.load(folder / "train.npz") as arrays:
            _write(folder, "train", arrays["image"], arrays["label"], "image", (flipped, seed))
    return load_study(folder)


def ag_news(folder: Path) -> Study:
    """Writes the news as rows of a truncated TF-IDF, fitted on the training texts."""
    folder.mkdir(parents=True)
    files = [pd.read_csv(external_data() / "ag_news" / f"{split}.csv") for split in ("train", "validation", "test")]
    table = pd.concat(files, ignore_index=True)
    names, labels = np.unique(table["label"].to_numpy(dtype=str), return_inverse=True)
    order = np.random.default_rng(0).permutation(len(table))
    parts = np.split(order, np.cumsum(_TEXT_SIZES))[: len(_TEXT_SIZES)]
    texts = table["text"].to_numpy(dtype=object)
    features = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, stop_words="english"),
        TruncatedSVD(_COMPONENTS, random_state=0),
        Normalizer(),
    )
    features.fit(texts[parts[0]])
    for split, rows in zip(("train", "validation", "test"), parts, strict=True):
        _write(folder, split, features.transform(texts[rows]).astype(np.float32), labels[rows].astype(np.int64), "x")
    (folder / "study.toml").write_text(_TEXTS.format(names=_quoted(names)))
    return load_study(folder)


def cifar10(folder: Path, pictures: Pictures, flipped: float = 0.0, seed: int = 0) -> Study:
    """Writes some CIFAR-10 pictures of each class, some training labels made wrong.

    Args:
        folder: to be made.
        pictures: how many, how large, and how long they are trained on.
        flipped: share of the training labels.
        seed: of the draw.
    """
    folder.mkdir(parents=True)
    limits = {"train": pictures.train, "validation": pictures.validation}
    (folder / "study.toml").write_text(_PARQUET.format(data=external_data(), **limits))
    data = load_data(load_study(folder))
    for split in ("train", "validation"):
        samples = getattr(data, split)
        images, labels = np.moveaxis(np.asarray(samples.inputs), 1, -1), samples.labels.numpy()
        _write(folder, split, images, labels, "image", (flipped, seed) if split == "train" else None)
    text = _PICTURES.format(names=_quoted(data.class_names), side=pictures.side, epochs=pictures.epochs)
    (folder / "study.toml").write_text(text)
    return load_study(folder)


def _write(
    folder: Path,
    split: str,
    inputs: NDArray,
    labels: NDArray[np.int64],
    name: str,
    flips: tuple[float, int] | None = None,
) -> None:
    """Writes a split; flipped labels become another class, each as likely, and which they are is written beside."""
    arrays: dict[str, NDArray] = {name: inputs, "label": labels.copy()}
    if flips and flips[0]:
        share, seed = flips
        generator, classes = np.random.default_rng([seed, 7]), int(labels.max()) + 1
        wrong = np.sort(generator.choice(len(labels), round(share * len(labels)), replace=False))
        arrays["label"][wrong] = (labels[wrong] + generator.integers(1, classes, len(wrong))) % classes
        arrays["flipped"] = wrong
    np.savez_compressed(folder / f"{split}.npz", **arrays)  # type: ignore[arg-type]


def _quoted(names: NDArray | tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
