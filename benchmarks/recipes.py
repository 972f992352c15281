"""The paper's four recipes, ``docs/paper/*.toml``, each run to its verdict at a size that a CPU allows.

A recipe keeps its data format, architecture, learning rate and schedule; the files hold fewer samples, and epochs and
batches are as small as the trial says. Beside them the rate of Table 2 is tried on BERT.
"""

import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.workflow.commands import COMMANDS
from app.workflow.new_study import toml_text
from benchmarks.cifar_study import REPOSITORY
from benchmarks.recipes_data import write_cifar, write_emotion, write_news, write_stl
from benchmarks.report import Figure, Report, say
from cache.store import Store
from engine.errors import RefusedInput
from engine.progress import silent
from engine.study import Study, load_study
from engine.training.history import read_history

RECIPES = REPOSITORY / "docs" / "paper"
_RATES = (0.4, 0.05)
"""Tried on BERT beside the recipe's: that of Table 2, and one between."""
_LAST = ("6.0", "9")
"""The last convolution and the linear layer of ResNet-9: through all of it influence takes minutes for each hundred
pictures on one core."""


@dataclass(frozen=True)
class Trial:
    """A recipe at a size.

    Attributes:
        recipe: name of its file.
        write: writes the data that it names into the folder of the study.
        counts: samples a class by split.
        training: keys of ``[training]`` that are changed.
        other: further tables with changed keys.
        said: what the data are.
    """

    recipe: str
    write: Callable[[Path, Mapping[str, int]], None]
    counts: Mapping[str, int]
    training: Mapping[str, Any]
    other: Mapping[str, Mapping[str, Any]]
    said: str


_FULL = (
    Trial(
        "cifar10-resnet9",
        write_cifar,
        {"train": 100, "test": 50},
        {"epochs": 5, "batch_size": 32},
        {"influence": {"modules": _LAST}},
        "CIFAR-10, real pictures in its own files",
    ),
    Trial(
        "stl10-resnet9",
        write_stl,
        {"train": 30, "test": 20},
        {"epochs": 3, "batch_size": 32},
        {"influence": {"modules": _LAST}},
        "CIFAR-10's pictures, enlarged, in STL-10's files",
    ),
    Trial(
        "ag-news-bert",
        write_news,
        {"train": 500, "validation": 150, "test": 150},
        {"epochs": 3},
        {},
        "AG News, real texts; BERT of 2 layers, random start",
    ),
    Trial(
        "emotion-bert",
        write_emotion,
        {"train": 60, "validation": 20, "test": 20},
        {"epochs": 3},
        {},
        "made-up sentences in Emotion's files: the format only; BERT of 2 layers, random start",
    ),
)


def measure(quick: bool) -> Report:
    """Runs all recipes; a quick run has fewer samples and epochs."""
    trials = tuple(map(_quick, _FULL)) if quick else _FULL
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for trial in trials:
            say(trial.recipe)
            row = run_recipe(trial, Path(folder) / trial.recipe)
            details[trial.recipe] = row
            name = trial.recipe.replace("-", "_")
            figures += [
                Figure(f"{name}_accuracy", row["test"], "mean over classes, test"),
                Figure(f"{name}_epoch_s", row["epoch_seconds"], "s"),
                Figure(f"{name}_influence_s", row["influence_seconds"], "s"),
                Figure(f"{name}_ceiling_s", row["ceiling_seconds"], "s"),
            ]
        lines = next(trial for trial in trials if trial.write is write_emotion)
        for rate in _RATES:
            say(f"BERT at a learning rate of {rate}")
            told = run_rate(
                replace(lines, training={"epochs": 6 if quick else 20}), rate, Path(folder) / f"rate-{rate}"
            )
            details[f"{lines.recipe}, learning_rate = {rate}"] = told
            figures.append(Figure(f"bert_highest_loss_at_{rate}", max(told["train_loss"], default=None), "nats"))
    described = "; ".join(f"{one.recipe}: {one.said}, {one.counts['train']} a class" for one in trials)
    return Report(described + ("; a quick run: fewer samples and epochs" if quick else ""), quick, figures, details)


def run_recipe(trial: Trial, folder: Path) -> dict[str, Any]:
    """Trains, computes influence and asks for the verdict.

    Args:
        trial: the recipe and its size.
        folder: of the study, to be made.

    Returns:
        Settings, losses and accuracies by epoch, seconds, tracked share and verdict.
    """
    study = written_study(trial, folder)
    store = Store(folder / "store")
    told = _trained(study, store)
    began = time.perf_counter()
    influence = COMMANDS["influence"](study, store, {}, silent)
    influenced = time.perf_counter()
    ceiling = COMMANDS["ceiling"](study, store, {}, silent)
    return told | {
        "samples": influence["samples"],
        "influence_seconds": influenced - began,
        "ceiling_seconds": time.perf_counter() - influenced,
        "strategy": influence["strategy"],
        "tracked_parameters": influence["tracked_parameters"],
        "verdict": ceiling["verdict"],
    }


def run_rate(trial: Trial, rate: float, folder: Path) -> dict[str, Any]:
    """Trains a recipe at another learning rate; one that diverges has the refusal in place of the rest."""
    study = written_study(replace(trial, training={**trial.training, "learning_rate": rate}), folder)
    try:
        return _trained(study, Store(folder / "store"))
    except RefusedInput as refusal:
        return {"learning_rate": rate, "train_loss": [], "diverged": refusal.problem}


def written_study(trial: Trial, folder: Path) -> Study:
    """Writes data and study file of a trial."""
    folder.mkdir(parents=True)
    trial.write(folder, trial.counts)
    values = tomllib.loads((RECIPES / f"{trial.recipe}.toml").read_text(encoding="utf-8"))
    for table, keys in {"training": trial.training, **trial.other}.items():
        values[table] = values.get(table, {}) | dict(keys)
    (folder / "study.toml").write_text(toml_text(values), encoding="utf-8")
    return load_study(folder)


def _trained(study: Study, store: Store) -> dict[str, Any]:
    trained = COMMANDS["train"](study, store, {}, silent)
    history = read_history(study.checkpoints_path)
    assert history is not None
    return {
        "learning_rate": study.training.learning_rate,
        "epochs": study.training.epochs,
        "batch_size": study.training.batch_size,
        "epoch_seconds": float(np.median(trained["epoch_seconds"])),
        "train_loss": [epoch.train_loss for epoch in history.epochs],
        "validation": [_mean(epoch["validation"]) for epoch in trained["per_class_accuracy"]],
        "test": _mean(trained["per_class_accuracy"][-1]["test"]),
        "chance": 1 / len(trained["class_names"]),
    }


def _mean(accuracy: list[float]) -> float:
    return float(np.mean(accuracy))


def _quick(trial: Trial) -> Trial:
    counts = {split: max(10, count // 4) for split, count in trial.counts.items()}
    return replace(trial, counts=counts, training={**trial.training, "epochs": 2})
