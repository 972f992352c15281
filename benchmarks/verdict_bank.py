"""The bank of cases that the verdict is judged on: data and settings, fixed before the method was tuned on any of them.

Five families: scikit-learn's digits, the paper's two synthetic sets, four overlapping
Gaussians, TF-IDF heads of AG News, CIFAR-10. In each some cases are converged on clean data,
and others have a fault that a reweighting can or cannot mend: flipped training labels, too few
epochs, too much weight decay, classes with few samples. What is true of a case is not written
here; :mod:`benchmarks.verdict_truth` measures it.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits, make_blobs
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.cifar_study import external_data
from engine.data import InputTransform, Samples, StudyData, load_data
from engine.experiments.synthetic import CLASS_NAMES, synthetic_set
from engine.study import Study, load_study

Family = Literal["digits", "separable", "discs", "frontier", "gaussians", "ag_news", "cifar10"]
Fault = Literal["none", "flipped", "under_trained", "over_regularised", "imbalanced"]

KEPT_SEED = 20
"""Of the draw that keeps a third of the cases for the final figure: their number, and not tried before or since."""
_FEW_SHARE = 0.15
"""What half of the classes keep of their training samples where they are out of balance."""
_TEST_DRAWS = 10
"""How many draws of a synthetic set's test split its truth is measured on."""
_FILE = """\
name = "{name}"
[data]
format = "npz"
train = "train.npz"
validation = "validation.npz"
[model]
architecture = "{architecture}"
"""
_PICTURES = """\
name = "pictures"
seed = {seed}
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = 0.2
test = "{data}/cifar10/test.parquet"
input = "img"
[data.limit]
train = 200
validation = 200
test = 400
[data.transform]
resize = 12
mean = [0.4914, 0.4822, 0.4465]
std = [0.2470, 0.2435, 0.2616]
[model]
architecture = "cnn"
"""


@dataclass(frozen=True)
class Case:
    """One classifier to be judged.

    Attributes:
        family: of the data.
        fault: what was done to data or training.
        seed: of the data's draw, and of what the fault draws.
        share: of the training labels that are flipped.
        architecture: of the model.
        model: further keys of ``[model]``.
        training: keys of ``[training]``.
        quick: whether a quick run has it.
    """

    family: Family
    fault: Fault = "none"
    seed: int = 0
    share: float = 0.0
    architecture: str = "logistic_regression"
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    quick: bool = False

    @property
    def pairs(self) -> int:
        """How many paired trainings its truth is measured by: fewer where they are not trained as one."""
        return 8 if self.architecture == "cnn" else 16

    @property
    def name(self) -> str:
        """What tells it from all others."""
        words = [self.family, self.architecture, self.fault, str(self.seed)]
        words += [f"{self.share:.0%}"] if self.share else []
        words += ["intercept"] if self.model.get("bias") else []
        words += [f"{key}={self.training[key]:g}" for key in ("epochs", "weight_decay")]
        return " ".join(words)

    def study(self, folder: Path) -> Study:
        """Returns the settings; the files that they name are never read.

        Args:
            folder: where a study file may be written.
        """
        (folder / "study.toml").write_text(_FILE.format(name=self.name, architecture=self.architecture))
        study = load_study(folder)
        return study.with_changes(model=self.model, training=self.training)

    def data(self) -> StudyData:
        """Returns its samples, with the fault that lies in the data."""
        data = _DATA[self.family](self.seed)
        generator = np.random.default_rng([self.seed, 1])
        if self.share:
            data = dataclasses.replace(data, train=flipped(data.train, self.share, data.num_classes, generator))
        if self.fault == "imbalanced":
            data = dataclasses.replace(data, train=out_of_balance(data.train, generator))
        return data


def bank(quick: bool) -> list[Case]:
    """Returns the cases; a quick run's are 24 without convolutions, none of which is kept for the end."""
    return [case for case in _cases() if case.quick or not quick]


def kept_for_the_end(cases: list[Case]) -> NDArray[np.bool_]:
    """Returns which third of the cases is used for the final figure alone, drawn by seed."""
    kept = np.zeros(len(cases), bool)
    kept[np.random.default_rng(KEPT_SEED).permutation(len(cases))[: len(cases) // 3]] = True
    return kept


def flipped(samples: Samples, share: float, classes: int, generator: np.random.Generator) -> Samples:
    """Gives a share of the samples another class, drawn evenly from the others."""
    labels = samples.labels.numpy().copy()
    chosen = generator.choice(len(labels), round(share * len(labels)), replace=False)
    labels[chosen] = (labels[chosen] + generator.integers(1, classes, len(chosen))) % classes
    return dataclasses.replace(samples, labels=torch.from_numpy(labels))


def out_of_balance(samples: Samples, generator: np.random.Generator) -> Samples:
    """Takes most samples from every other class."""
    labels = samples.labels.numpy()
    few = labels % 2 == 1
    return samples.take(np.flatnonzero(~few | (generator.random(len(labels)) < _FEW_SHARE)))


def _cases() -> list[Case]:
    return [*_digits(), *_planes(), *_ag_news(), *_cifar()]


def _digits() -> list[Case]:
    def case(fault: Fault = "none", seed: int = 0, quick: bool = False, share: float = 0.0, **training: Any) -> Case:
        base = {"learning_rate": 0.05, "weight_decay": 0.001, "batch_size": 64, "epochs": 40, "schedule": "cosine"}
        if fault == "under_trained":
            base["schedule"] = "constant"
        return Case("digits", fault, seed, share, "mlp", {"hidden": (32,)}, base | training, quick)

    nets = [
        *(case(seed=seed, quick=seed != 2) for seed in range(4)),
        *(case("flipped", n, n in (2, 3), share) for n, share in enumerate((0.05, 0.1, 0.2, 0.3, 0.4))),
        *(case("flipped", 5 + n, share=share) for n, share in enumerate((0.1, 0.2))),
        *(case("under_trained", n, n == 1, epochs=epochs) for n, epochs in enumerate((1, 2, 4))),
        *(case("over_regularised", n, n == 1, weight_decay=decay) for n, decay in enumerate((0.03, 0.1))),
        *(case("imbalanced", seed, seed == 0) for seed in range(2)),
    ]
    linear = [
        case(seed=10, quick=True),
        case(seed=11),
        *(case("flipped", 12 + n, n == 0, share) for n, share in enumerate((0.1, 0.3))),
        case("under_trained", 14, epochs=2),
    ]
    return nets + [dataclasses.replace(one, architecture="logistic_regression", model={}) for one in linear]


def _planes() -> list[Case]:
    def case(
        family: Family,
        fault: Fault = "none",
        seed: int = 0,
        quick: bool = False,
        share: float = 0.0,
        bias: bool = True,
        **training: Any,
    ) -> Case:
        base = {"learning_rate": 0.5, "momentum": 0.9, "weight_decay": 0.001, "batch_size": 128, "epochs": 60}
        if fault != "under_trained":
            base["schedule"] = "cosine"  # type: ignore[assignment]
        return Case(family, fault, seed, share, "logistic_regression", {"bias": bias}, base | training, quick)

    return [
        # Its flips are the paper's own: 70 of 600.
        *(case("separable", "flipped", seed, seed == 1, bias=False) for seed in range(2)),
        *(case("separable", "flipped", seed, seed == 0) for seed in range(2)),
        case("discs", bias=False),
        *(case("frontier", seed=seed, quick=seed == 0, bias=False) for seed in range(2)),
        *(case("frontier", seed=seed, quick=seed == 0) for seed in range(2)),
        *(case("frontier", "flipped", seed, share=share) for seed, share in enumerate((0.2, 0.4))),
        case("frontier", "under_trained", learning_rate=0.01, epochs=2),
        *(case("gaussians", seed=seed, quick=seed < 2) for seed in range(3)),
        *(case("gaussians", "flipped", n, n == 0, share) for n, share in enumerate((0.1, 0.3))),
        case("gaussians", "under_trained", quick=True, learning_rate=0.01, epochs=2),
        case("gaussians", "over_regularised", weight_decay=0.1),
        case("gaussians", "imbalanced"),
    ]


def _ag_news() -> list[Case]:
    def case(fault: Fault = "none", seed: int = 0, quick: bool = False, share: float = 0.0, **training: Any) -> Case:
        base = {"learning_rate": 2.0, "weight_decay": 0.0003, "batch_size": 64, "epochs": 30, "schedule": "cosine"}
        if fault == "under_trained":
            base["schedule"] = "constant"
        return Case("ag_news", fault, seed, share, "logistic_regression", {}, base | training, quick)

    return [
        *(case(seed=seed, quick=seed < 2) for seed in range(3)),
        *(case("flipped", n, n in (1, 3), share) for n, share in enumerate((0.05, 0.1, 0.2, 0.4))),
        *(case("under_trained", n, n == 1, learning_rate=0.2, epochs=epochs) for n, epochs in enumerate((1, 3))),
        *(case("over_regularised", n, n == 0, weight_decay=decay) for n, decay in enumerate((0.003, 0.01))),
        case("imbalanced"),
        dataclasses.replace(case(seed=3, learning_rate=0.5), architecture="mlp", model={"hidden": (32,)}),
    ]


def _cifar() -> list[Case]:
    def case(fault: Fault = "none", seed: int = 0, share: float = 0.0, **training: Any) -> Case:
        base = {"learning_rate": 0.05, "weight_decay": 0.001, "batch_size": 64, "epochs": 8, "schedule": "one_cycle"}
        if fault == "under_trained":
            base["schedule"] = "constant"
        return Case("cifar10", fault, seed, share, "cnn", {}, base | training)

    return [case(), case("flipped", 1, 0.2), case("flipped", 2, 0.4), case("under_trained", 3, epochs=2)]


def _of_arrays(
    inputs: NDArray, labels: NDArray, sizes: tuple[int, int], names: tuple[str, ...], generator: np.random.Generator
) -> StudyData:
    """Deals samples to training, validation and, what is left, test, in an order drawn by seed."""
    order = generator.permutation(len(labels))
    train, validation, test = (_samples(inputs[rows], labels[rows]) for rows in np.split(order, np.cumsum(sizes)))
    return StudyData(train, validation, test, names, InputTransform(), ())


def _samples(inputs: NDArray, labels: NDArray) -> Samples:
    rows = torch.tensor(inputs, dtype=torch.float32)
    return Samples(rows, torch.tensor(labels, dtype=torch.int64), tuple(map(str, range(len(labels)))))


def _digit_data(seed: int) -> StudyData:
    inputs, labels = load_digits(return_X_y=True)
    names = tuple(str(k) for k in range(10))
    return _of_arrays(inputs / 16, labels, (700, 500), names, np.random.default_rng([seed, 0]))


def _plane_data(kind: str, seed: int, clean: bool = False) -> StudyData:
    drawn = synthetic_set(kind, seed)
    splits = {split: _samples(points.inputs, points.labels) for split, points in drawn.splits.items()}
    if clean:
        splits["train"].labels[drawn.flipped] = 1 - splits["train"].labels[drawn.flipped]
    return StudyData(splits["train"], splits["validation"], _test_of(kind, seed), CLASS_NAMES, InputTransform(), ())


def _test_of(kind: str, seed: int) -> Samples:
    """Returns the test split and those of further seeds: what is so small an effect must not hang on a few samples."""
    drawn = [synthetic_set(kind, seed + 1000 * number).splits["test"] for number in range(_TEST_DRAWS)]
    inputs, labels = (np.concatenate([getattr(points, name) for points in drawn]) for name in ("inputs", "labels"))
    return _samples(inputs, labels)


def _gaussian_data(seed: int) -> StudyData:
    centres = 1.5 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    inputs, labels = make_blobs(11_000, centers=centres, cluster_std=1.0, random_state=seed)
    return _of_arrays(inputs, labels, (1000, 2000), ("a", "b", "c", "d"), np.random.default_rng([seed, 0]))


@cache
def _news() -> tuple[list[str], NDArray]:
    files = [pd.read_csv(external_data() / "ag_news" / f"{split}.csv") for split in ("train", "validation", "test")]
    table = pd.concat(files, ignore_index=True)
    return table["text"].tolist(), table["label"].to_numpy()


def _news_data(seed: int) -> StudyData:
    texts, given = _news()
    names, labels = np.unique(given, return_inverse=True)
    order = np.random.default_rng([seed, 0]).permutation(len(labels))
    # Words are counted on the training texts alone.
    vectors = TfidfVectorizer(sublinear_tf=True, stop_words="english", max_features=500)
    vectors.fit([texts[row] for row in order[:2000]])
    inputs = vectors.transform([texts[row] for row in order]).toarray()
    train, validation, test = (
        _samples(inputs[rows], labels[order[rows]]) for rows in np.split(np.arange(len(order)), [2000, 4500])
    )
    return StudyData(train, validation, test, tuple(names), InputTransform(), ())


def _cifar_data(seed: int) -> StudyData:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_text(_PICTURES.format(data=external_data(), seed=seed))
        return load_data(load_study(path))


_DATA: dict[Family, Callable[[int], StudyData]] = {
    "digits": _digit_data,
    "separable": partial(_plane_data, "separable"),
    "discs": partial(_plane_data, "separable", clean=True),
    "frontier": partial(_plane_data, "frontier"),
    "gaussians": _gaussian_data,
    "ag_news": _news_data,
    "cifar10": _cifar_data,
}
