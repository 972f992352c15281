"""Makes the shipped studies: scikit-learn's digits, the same with 15% of labels flipped, and two synthetic sets.

Run ``make samples`` (or ``python -m sample_data.make_samples``) after a change of results
(a raised ``RESULT_VERSION``): it writes data, study file, checkpoints, and the finished
runs that the dashboard opens on: ``ceiling`` of all, ``reweight`` of the digits, ``climb`` by
removal of the separable set. Names make only those studies, ``--into`` puts them elsewhere:
``make samples ARGS="separable --into /tmp/tried"``. The digits are the UCI data set Optical
Recognition of Handwritten Digits, as scikit-learn ships it.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from app.terminal import terminal_progress
from app.workflow.catalogue import run_keys
from app.workflow.commands import COMMANDS
from app.workflow.reads import shown_of
from app.workflow.synthetic import make_synthetic
from cache.store import Store
from engine.checkpoints import list_checkpoints, optimizer_path
from engine.data import load_data
from engine.study import load_study

FOLDER = Path(__file__).resolve().parent
SPLITS = {"train": 900, "validation": 450, "test": 447}
FLIPPED_SHARE = 0.15
SEED = 0

STUDY = """\
# Made by sample_data/make_samples.py
name = "{name}"
seed = 0

[data]
format = "npz"
train = "train.npz"
validation = "validation.npz"
test = "test.npz"
input = "image"
label = "label"
class_names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

[model]
architecture = "mlp"
hidden = [32]
checkpoints = "checkpoints"

[training]
learning_rate = 0.05
momentum = 0.9
weight_decay = 0.001
batch_size = 64
epochs = 20

[reweight]
targets = {targets}
"""


def write_data(folder: Path, flipped_share: float) -> None:
    """Writes the three splits; only training labels are flipped, and which is kept beside them.

    Args:
        folder: of the study.
        flipped_share: of the training samples, whose label becomes another class.
    """
    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)
    generator = np.random.default_rng(SEED)
    order = generator.permutation(len(pixels))
    start = 0
    for split, size in SPLITS.items():
        chosen = order[start : start + size]
        start += size
        labels = digits.target[chosen].astype(np.int64)
        arrays: dict[str, NDArray] = {"image": pixels[chosen], "label": labels}
        if split == "train" and flipped_share:
            flipped = generator.choice(size, round(flipped_share * size), replace=False)
            labels[flipped] = (labels[flipped] + generator.integers(1, 10, len(flipped))) % 10
            arrays["flipped"] = np.sort(flipped)
        np.savez_compressed(folder / f"{split}.npz", **arrays)  # type: ignore[arg-type]


def make_digits(folder: Path, flipped_share: float, targets: str) -> None:
    """Makes a study of the digits from data to finished runs.

    Args:
        folder: is not there yet; its name is the study's.
        flipped_share: of the training labels.
        targets: of the shipped reweighting, as TOML.
    """
    folder.mkdir(parents=True)
    write_data(folder, flipped_share)
    (folder / "study.toml").write_text(STUDY.format(name=folder.name, targets=targets), encoding="utf-8")
    run(folder, [("train", {}), ("ceiling", {}), ("reweight", {}), ("epochs", {})])


def make_set(folder: Path, commands: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Makes a study of a synthetic set, with the last of its checkpoints.

    Args:
        folder: is not there yet; its name is the set's kind.
        commands: whose runs are shipped, each with its options.
    """
    make_synthetic(folder.name, folder, SEED)
    *earlier, _ = list_checkpoints(load_study(folder)).values()
    for checkpoint in earlier:
        optimizer_path(checkpoint).unlink()
        checkpoint.unlink()
    run(folder, commands)


def run(folder: Path, commands: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Runs commands, each with its options, on the study in a folder, and keeps their finished runs beside it."""
    study = load_study(folder)
    with tempfile.TemporaryDirectory() as root, terminal_progress() as progress:
        store = Store(Path(root))
        for command, options in commands:
            print(f"{folder.name}: {command}", file=sys.stderr)
            COMMANDS[command](study, store, options, progress)
        for finished in store.finished_runs():
            target = folder / "runs" / finished.key
            shutil.copytree(finished.path, target, ignore=shutil.ignore_patterns(".*", "state.json"))
    show(folder)


def show(folder: Path) -> None:
    """Keeps the training samples of a study as pages show them, so that none is waited for."""
    study = load_study(folder)
    shown_of(load_data(study)).write(folder / "shown" / run_keys(study).influence)


SAMPLES: dict[str, Callable[[Path], None]] = {
    "digits": partial(make_digits, flipped_share=0.0, targets='["1", "8"]'),
    "digits_noisy": partial(make_digits, flipped_share=FLIPPED_SHARE, targets='["1", "8"]'),
    "separable": partial(make_set, commands=[("ceiling", {}), ("climb", {"how": "remove"})]),
    "frontier": partial(make_set, commands=[("ceiling", {})]),
}
"""By the name of the study's folder."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the named studies, replacing what was there."""
    parser = argparse.ArgumentParser(description="Makes the shipped studies.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(SAMPLES)}; all by default")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder they are put in")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(SAMPLES))
    if unknown:
        parser.error(f"there is no sample '{unknown[0]}'")
    for name in chosen.names or SAMPLES:
        shutil.rmtree(chosen.into / name, ignore_errors=True)
        SAMPLES[name](chosen.into / name)


if __name__ == "__main__":
    main()
