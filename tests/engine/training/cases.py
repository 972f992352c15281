"""Small studies that the training tests share."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.data import InputTransform, Samples, StudyData
from engine.errors import Cancelled
from engine.study import Study


class Calls:
    """A progress that remembers its calls, and cancels at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.all: list[tuple[str, int, int, str]] = []
        self._stop_at = stop_at

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.all.append((stage, done, total, note))
        if len(self.all) == self._stop_at:
            raise Cancelled


def table(samples: int, seed: int = 0, classes: int = 3, columns: int = 4) -> Samples:
    """Rows around one centre a class."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    inputs = generator.normal(size=(samples, columns)) + 2 * np.eye(classes, columns)[labels]
    return _samples(torch.tensor(inputs, dtype=torch.float32), labels)


def pictures(samples: int, seed: int = 0, classes: int = 3, side: int = 12) -> Samples:
    """Noise with one bright channel a class."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    inputs = generator.integers(0, 200, (samples, 3, side, side))
    inputs[np.arange(samples), labels] += 55
    return _samples(torch.tensor(inputs, dtype=torch.uint8), labels)


def data_of(train: Samples, validation: Samples, test: Samples | None = None, **transform: Any) -> StudyData:
    """Three classes named a, b, c."""
    return StudyData(train, validation, test, ("a", "b", "c"), InputTransform(**transform), ())


def tables() -> StudyData:
    return data_of(table(22), table(12, seed=1), table(9, seed=2), mean=(0.5, 0.0, 0.0, 0.0), std=(1.0, 2.0, 1.0, 1.0))


def study(folder: Path, architecture: str = "mlp", **tables: dict[str, Any]) -> Study:
    """A study whose data files are never read: the tests pass the samples themselves."""
    training = {"epochs": 4, "batch_size": 6, "learning_rate": 0.1, "weight_decay": 0.01, "schedule": "one_cycle"}
    model = {"architecture": architecture} | ({"hidden": [8]} if architecture == "mlp" else {})
    return Study.model_validate(
        {
            "name": "case",
            "seed": 3,
            "folder": folder,
            "data": {"format": "npz", "train": "a.npz", "validation": "b.npz"},
            "model": model | tables.get("model", {}),
            "training": training | tables.get("training", {}),
            "reweight": tables.get("reweight", {}),
            "compute": {"device": "cpu"},
        }
    )


def equal(first: nn.Module, second: nn.Module) -> bool:
    """Whether two models are the same, bit for bit."""
    other = second.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in first.state_dict().items())


def difference(first: nn.Module, second: nn.Module) -> float:
    """The largest by which an entry differs, as a share of the largest of its parameter."""
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def _samples(inputs: torch.Tensor, labels: np.ndarray) -> Samples:
    return Samples(inputs, torch.tensor(labels, dtype=torch.int64), tuple(f"row {row}" for row in range(len(labels))))
