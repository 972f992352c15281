"""The use-case behind ``synthetic``: one of the paper's two sets, written as a study and trained to convergence."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from app.workflow.training import train_model
from cache.store import Store
from engine.errors import RefusedInput
from engine.experiments.synthetic import CLASS_NAMES, FLIPPED, SyntheticSet, synthetic_set
from engine.progress import Progress, silent
from engine.study import load_study

_DECAY = {"separable": 0.001, "frontier": 0.0}
"""Without the flips a line parts the first set, and only a decay ends the growth of the weights; the other overlaps."""

STUDY = """\
# Made by: python -m app synthetic {kind} --seed {seed} {option}
name = "{kind}{suffix}"
seed = {seed}

[data]
format = "csv"
train = "train.csv"
validation = "validation.csv"
test = "test.csv"
input = ["x", "y"]
label = "label"
class_names = ["{class_names[0]}", "{class_names[1]}"]

[model]
architecture = "logistic_regression"
bias = {bias}

# Each step sees all samples, so that training settles in the optimum itself.
[training]
learning_rate = 1.0
momentum = 0.7
weight_decay = {decay}
batch_size = {samples}
epochs = 100

[influence]
strategy = "exact"
"""


def make_synthetic(
    kind: str, folder: Path, seed: int = 0, intercept: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Draws a synthetic set, writes it as a study and trains its model.

    Args:
        kind: ``separable`` or ``frontier``.
        folder: where the study is put; it is there with all its files or not at all.
        seed: of the samples and of the initial weights.
        intercept: whether the boundary may lie beside the origin.
        progress: called after every step; may raise to cancel.

    Returns:
        The object that ``synthetic --json`` prints.

    Raises:
        RefusedInput: if there is no such set, the folder is not empty or cannot be made.
        Cancelled: when ``progress`` raises it; nothing is left.
    """
    points = synthetic_set(kind, seed)
    folder = folder.absolute()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RefusedInput(
            f"{folder} is there already" + ("" if folder.is_file() else " and is not empty"),
            "a folder that is empty or not there yet",
            "Name another one with --out",
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".synthetic-", dir=folder.parent) as unfinished:
            # A folder within: the temporary one is closed to other users, the study should not be.
            made = Path(unfinished) / folder.name
            made.mkdir()
            write_study(made, points, seed, intercept)
            study = load_study(made)
            trained = train_model(study, Store(Path(unfinished) / "unused"), {}, progress)
            made.replace(folder)
    except OSError as error:
        raise RefusedInput(
            f"{folder} cannot be written: {error.strerror}", "a folder that may be made", "Name another one with --out"
        ) from error
    return {
        "study": str(folder / "study.toml"),
        "kind": points.kind,
        "seed": seed,
        "intercept": intercept,
        "class_names": trained["class_names"],
        "samples": {split: len(drawn) for split, drawn in points.splits.items()},
        FLIPPED: points.flipped.tolist(),
        "accuracy": trained["per_class_accuracy"][-1],
    }


def write_study(folder: Path, points: SyntheticSet, seed: int, intercept: bool) -> None:
    """Writes study file and data, without a checkpoint.

    Args:
        folder: is there and empty.
        points: the set that was drawn.
        seed: of the study.
        intercept: whether the model has one.
    """
    for split, drawn in points.splits.items():
        # Nine digits tell every float32 from the next.
        columns = {name: [f"{value:.9g}" for value in drawn.inputs[:, i]] for i, name in enumerate(("x", "y"))}
        table = pd.DataFrame({**columns, "label": np.array(CLASS_NAMES)[drawn.labels]})
        if split == "train":
            table[FLIPPED] = np.isin(np.arange(len(drawn)), points.flipped).astype(int)
        table.to_csv(folder / f"{split}.csv", index=False, lineterminator="\n")
    text = STUDY.format(
        kind=points.kind,
        seed=seed,
        option="--intercept" if intercept else "--through-origin",
        suffix=" with intercept" if intercept else "",
        class_names=CLASS_NAMES,
        bias=str(intercept).lower(),
        decay=_DECAY[points.kind],
        samples=len(points.splits["train"]),
    )
    (folder / "study.toml").write_text(text, encoding="utf-8")
