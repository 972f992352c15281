"""Makes the shipped studies: scikit-learn's digits, and the same with 15% of labels flipped.

Run ``make samples`` (or ``python -m sample_data.make_samples``) after a change of results
(a raised ``RESULT_VERSION``): it writes data, study file, 20 checkpoints, and the finished
runs of ``ceiling`` and ``reweight`` that the dashboard opens on. The data are the UCI
data set Optical Recognition of Handwritten Digits, as scikit-learn ships it.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from app.terminal import terminal_progress
from app.workflow.commands import COMMANDS
from cache.store import Store
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


def make(name: str, flipped_share: float, targets: str) -> None:
    """Makes one study from data to finished runs, replacing what was there.

    Args:
        name: of the study and its folder.
        flipped_share: of the training labels.
        targets: of the shipped reweighting, as TOML.
    """
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_data(folder, flipped_share)
    (folder / "study.toml").write_text(STUDY.format(name=name, targets=targets), encoding="utf-8")
    study = load_study(folder)
    with tempfile.TemporaryDirectory() as root, terminal_progress() as progress:
        store = Store(Path(root))
        for command in ("train", "ceiling", "reweight"):
            print(f"{name}: {command}", file=sys.stderr)
            COMMANDS[command](study, store, {}, progress)
        for run in store.finished_runs():
            shutil.copytree(run.path, folder / "runs" / run.key, ignore=shutil.ignore_patterns(".*", "state.json"))


if __name__ == "__main__":
    make("digits", 0.0, '["1", "8"]')
    make("digits_noisy", FLIPPED_SHARE, '["1", "8"]')
