"""A small trained study that bad inputs are written into: pictures of four digits and a perceptron.

The same samples can be written in other formats, and fit the same checkpoints in each of them.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from cache import ingest_if_free
from cache.store import Store
from engine.progress import silent
from engine.study import load_study

NAMES = ("zero", "one", "two", "three")
SIZES = {"train": 16, "validation": 10, "test": 6}
"""Samples of each class."""
CHECKPOINT = "epoch-002.safetensors"
DATA = """format = "npz"
train = "train.npz"
validation = "validation.npz"
test = "test.npz"
input = "image"
"""
_STUDY = """name = "small digits"

[data]
{data}
class_names = ["zero", "one", "two", "three"]

[model]
architecture = "mlp"
hidden = [8]

[training]
learning_rate = 0.15
batch_size = 16
epochs = 2

[influence]
strategy = "diagonal"
damping = "heuristic"

[reweight]
targets = ["one"]
weight_bounds = [0.5, 1.5]

[reweight.search]
iterations = 1
population = 4
elites = 1
mutated_elites = 1
randoms = 1
crossover_children = 1
orders = 1

[compute]
device = "cpu"
threads = 1
"""


def split_of(split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Returns pictures ``(N, 8, 8)`` and labels of a split."""
    digits = load_digits()
    start = sum(size for name, size in SIZES.items() if list(SIZES).index(name) < list(SIZES).index(split))
    of_class = [np.flatnonzero(digits.target == label)[start : start + SIZES[split]] for label in range(len(NAMES))]
    rows = np.sort(np.concatenate(of_class))
    return np.round(digits.images[rows] * (255 / 16)).astype(np.uint8), digits.target[rows].astype(np.int64)


def write_study(folder: Path) -> Path:
    """Writes the data and the study file into a folder, which is made, and trains its checkpoints."""
    from app.workflow.commands import COMMANDS

    folder.mkdir(parents=True, exist_ok=True)
    for split in SIZES:
        pictures, labels = split_of(split)
        np.savez(folder / f"{split}.npz", image=pictures, label=labels)
    _write_file(folder, DATA)
    COMMANDS["train"](load_study(folder), Store(folder / "unused"), {}, silent)
    shutil.rmtree(folder / "unused", ignore_errors=True)
    return folder


def fill_store(study: Path, root: Path) -> Store:
    """Returns a store in which the study's influence is finished and was taken into the cache."""
    from app.workflow.commands import COMMANDS

    store = Store(root)
    COMMANDS["influence"](load_study(study), store, {}, silent)
    ingest_if_free(store)
    return store


def as_csv(folder: Path) -> None:
    """Makes the study one of CSV files."""
    for split in SIZES:
        pictures, labels = split_of(split)
        write_csv(
            folder / f"{split}.csv",
            [[*picture.ravel(), label] for picture, label in zip(pictures, labels, strict=True)],
        )
    use_data(folder, 'format = "csv"\n' + _named("csv"))


def as_parquet(folder: Path) -> None:
    """Makes the study one of Parquet files with a column for each pixel."""
    for split in SIZES:
        pictures, labels = split_of(split)
        pixels = pictures.reshape(len(pictures), -1)
        columns = {f"pixel{place}": pixels[:, place] for place in range(pixels.shape[1])}
        pq.write_table(pa.table({**columns, "label": labels}), folder / f"{split}.parquet")
    use_data(folder, 'format = "parquet"\nmodality = "tabular"\n' + _named("parquet"))


def as_image_folders(folder: Path) -> None:
    """Makes the study one of folders of PNG files."""
    for split in SIZES:
        for number, (picture, label) in enumerate(zip(*split_of(split), strict=True)):
            place = folder / split / f"{label}-{NAMES[label]}" / f"{number:03d}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place)
    use_data(folder, 'format = "image_folder"\ntrain = "train"\nvalidation = "validation"\ntest = "test"\n')
    edit(folder, 'class_names = ["zero", "one", "two", "three"]\n', "")


def use_data(folder: Path, data: str) -> None:
    """Writes the study file with another ``[data]`` table."""
    _write_file(folder, data)


def edit(folder: Path, old: str, new: str) -> None:
    """Replaces one text of the study file."""
    file = folder / "study.toml"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"the study file has {old!r} {text.count(old)} times"
    file.write_text(text.replace(old, new), encoding="utf-8")


def write_csv(path: Path, rows: list[list[object]]) -> None:
    """Writes rows of 64 pixels and a label below their header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow([*(f"pixel{place}" for place in range(64)), "label"])
        table.writerows(rows)


def _named(suffix: str) -> str:
    return "".join(f'{split} = "{split}.{suffix}"\n' for split in SIZES)


def study_text(data: str = DATA) -> str:
    """Returns the study file with a ``[data]`` table."""
    return _STUDY.format(data=data.rstrip())


def _write_file(folder: Path, data: str) -> None:
    (folder / "study.toml").write_text(study_text(data), encoding="utf-8")


def as_set(folder: Path, name: str = "MNIST") -> None:
    """Makes the data a set of torchvision, which lies in ``sets``."""
    use_data(folder, f'format = "torchvision"\ndataset = "{name}"\nroot = "sets"\n')
    edit(folder, 'class_names = ["zero", "one", "two", "three"]\n', "")
