"""Small studies of which it is known what each training sample does to each class."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache.store import Store
from engine.study import Study, load_study

STUDY = """
name = "planted"
[data]
format = "npz"
modality = "{modality}"
train = "train.npz"
validation = "validation.npz"
{test}
input = "x"
label = "y"
class_names = ["ant", "bee", "cow"]
[model]
{model}
[training]
learning_rate = 0.5
momentum = 0.5
weight_decay = 0.001
batch_size = 16
epochs = {epochs}
[influence]
strategy = "{strategy}"
{influence}
[compute]
device = "cpu"
threads = 1
"""


@dataclass(frozen=True)
class Planted:
    """Indices of training samples.

    Attributes:
        sources: from which alone the third class's validation samples can be learnt.
        flipped: that lie among the second class and are called the first.
    """

    sources: list[int]
    flipped: list[int]


def write_planted(folder: Path, epochs: int = 30) -> Planted:
    """Writes a study without an intercept whose groups of samples lie on axes of their own, and so act on nothing else.

    The third class is trained on two axes and validated on one of them. Three in ten of the samples on the second
    class's axis have the first one's label.
    """
    generator = np.random.default_rng(0)
    groups = [
        ("first", 0, 0, 24),
        ("second", 1, 1, 14),
        ("flipped", 1, 0, 6),
        ("sources", 3, 2, 6),
        ("other", 2, 2, 18),
    ]
    names = np.repeat([name for name, *_ in groups], [count for *_, count in groups])
    axes = np.repeat([axis for _, axis, *_ in groups], [count for *_, count in groups])
    labels = np.repeat([label for _, _, label, _ in groups], [count for *_, count in groups])
    order = generator.permutation(len(names))
    _write(folder / "train.npz", axes[order], labels[order], generator)
    for split in ("validation", "test"):
        held_out = np.arange(36) % 3
        _write(folder / f"{split}.npz", np.array([0, 1, 3])[held_out], held_out, generator)
    write_study(folder, "logistic_regression", epochs=epochs, model="bias = false", strategy="exact")
    return Planted(*(np.flatnonzero(names[order] == name).tolist() for name in ("sources", "flipped")))


def write_study(
    folder: Path,
    architecture: str,
    epochs: int = 2,
    model: str = "",
    strategy: str = "diagonal",
    test: bool = True,
    influence: str = "",
) -> Study:
    """Writes the study file of a folder and returns the study."""
    (folder / "study.toml").write_text(
        STUDY.format(
            model=f'architecture = "{architecture}"\n{model}',
            modality="image" if architecture == "cnn" else "tabular",
            epochs=epochs,
            strategy=strategy,
            test='test = "test.npz"' if test else "",
            influence=influence,
        )
    )
    return load_study(folder)


def write_rows(folder: Path, architecture: str = "mlp", samples: int = 40, **settings) -> Study:
    """Writes a study of noisy rows, or pictures for a ``cnn``, of three classes."""
    generator = np.random.default_rng(1)
    for split, count in (("train", samples), ("validation", 24), ("test", 21)):
        labels = np.arange(count) % 3
        if architecture == "cnn":
            values = generator.integers(0, 200, (count, 12, 12, 3)).astype(np.uint8)
            values[np.arange(count), :, :, labels] += 55
        else:
            values = (generator.normal(size=(count, 4)) + 1.5 * np.eye(3, 4)[labels]).astype(np.float32)
        np.savez(folder / f"{split}.npz", x=values, y=labels)
    model = "hidden = [5]" if architecture == "mlp" else ""
    return write_study(folder, architecture, **{"model": model, **settings})


def train(folder: Path) -> Path:
    """Trains the study of a folder and returns the folder."""
    # torch is imported only where a test needs it.
    from app.workflow.training import train_model

    train_model(load_study(folder), Store(folder / "unused"), {})
    return folder


def _write(file: Path, axes: np.ndarray, labels: np.ndarray, generator: np.random.Generator) -> None:
    values = np.eye(4)[axes] + 0.05 * generator.normal(size=(len(axes), 4))
    np.savez(file, x=values.astype(np.float32), y=labels)
