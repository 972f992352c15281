"""Every row of the README's table of formats is read from files that are written here."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from engine.data import StudyData, load_data
from engine.models import build_model
from engine.study import Study
from engine.torchvision_sets import SETS
from engine.training.inputs import prepared_shape
from tests.conftest import REPOSITORY
from tests.engine.data.vision_sets import write_set

Row = tuple[str, str]
Tables = dict[str, Any]
CLASSES = ("bird", "cat", "dog")
COUNT = 30


def rows() -> list[Row]:
    """Returns format and modality of each row of the table."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = text.partition("## What it reads")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", section, re.MULTILINE)
    return [row for row in found if row != ("format", "modality")]


def labels() -> list[str]:
    return [CLASSES[row % 3] for row in range(COUNT)]


def pixels() -> np.ndarray:
    """Returns pictures that are higher than wide, ``(N, 12, 8, 3)``."""
    return np.random.default_rng(0).integers(0, 256, (COUNT, 12, 8, 3)).astype(np.uint8)


def numbers() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(COUNT, 4)).astype(np.float32)


def texts() -> list[str]:
    return [f"a {name} was seen in place {row}, said the keeper" for row, name in enumerate(labels())]


def png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def parquet_image(folder: Path) -> Tables:
    pictures = [{"bytes": png(picture), "path": None} for picture in pixels()]
    pq.write_table(pa.table({"img": pictures, "label": labels()}), folder / "train.parquet")
    return {"train": "train.parquet", "input": "img"}


def parquet_tabular(folder: Path) -> Tables:
    columns = {name: numbers()[:, place] for place, name in enumerate("abcd")}
    pq.write_table(pa.table({**columns, "label": labels()}), folder / "train.parquet")
    return {"train": "train.parquet"}


def csv_tabular(folder: Path) -> Tables:
    lines = [";".join([*map(str, row), label]) for row, label in zip(numbers(), labels(), strict=True)]
    (folder / "train.csv").write_text("a;b;c;d;label\n" + "\n".join(lines) + "\n")
    return {"train": "train.csv", "delimiter": ";"}


def npz_image(folder: Path) -> Tables:
    np.savez(folder / "train.npz", x=pixels(), label=np.array(labels()))
    return {"train": "train.npz"}


def npz_tabular(folder: Path) -> Tables:
    np.savez(folder / "train.npz", x=numbers(), label=np.array(labels()))
    return {"train": "train.npz"}


def image_folder_image(folder: Path) -> Tables:
    for row, (picture, label) in enumerate(zip(pixels(), labels(), strict=True)):
        (folder / "train" / label).mkdir(parents=True, exist_ok=True)
        (folder / "train" / label / f"{row:03d}.png").write_bytes(png(picture))
    return {"train": "train"}


WRITERS: dict[Row, Callable[[Path], Tables]] = {
    ("parquet", "image"): parquet_image,
    ("parquet", "tabular"): parquet_tabular,
    ("csv", "tabular"): csv_tabular,
    ("npz", "image"): npz_image,
    ("npz", "tabular"): npz_tabular,
    ("image_folder", "image"): image_folder_image,
}


def read(folder: Path, row: Row, tables: Tables, validation: float = 0.2) -> tuple[Study, StudyData]:
    data = {"format": row[0], "modality": row[1], "validation": validation, **tables}
    model = {"architecture": "logistic_regression"}
    study = Study.model_validate({"name": "row", "folder": folder, "data": data, "model": model})
    return study, load_data(study)


def check_that_a_model_takes_them(study: Study, data: StudyData) -> None:
    model = build_model(study.model, prepared_shape(data.train, data.transform), data.num_classes, seed=0)
    logits = model(data.transform.prepare(data.train.inputs))
    assert logits.shape == (len(data.train), data.num_classes)
    assert logits.isfinite().all()


def csv_text(folder: Path) -> Tables:
    lines = (f"{text};{label}" for text, label in zip(texts(), labels(), strict=True))
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    return {"train": "train.csv", "delimiter": ";", "header": False}


def parquet_text(folder: Path) -> Tables:
    pq.write_table(pa.table({"text": texts(), "label": labels()}), folder / "train.parquet")
    return {"train": "train.parquet"}


TEXT_WRITERS: dict[Row, Callable[[Path], Tables]] = {("csv", "text"): csv_text, ("parquet", "text"): parquet_text}


def test_every_row_of_the_table_has_a_test() -> None:
    assert sorted(rows()) == sorted([*WRITERS, *TEXT_WRITERS, ("torchvision", "image")])


@pytest.mark.parametrize("row", TEXT_WRITERS, ids="-".join)
def test_a_text_row_of_the_table_is_read_as_it_was_written(tmp_path: Path, row: Row) -> None:
    study, data = read(tmp_path, row, {**TEXT_WRITERS[row](tmp_path), "features": {"kind": "tfidf"}})

    assert data.class_names == CLASSES
    places = [int(source.partition("#")[2]) for source in data.train.sources]
    assert data.train.texts is not None
    assert data.train.texts.values == tuple(texts()[place] for place in places)
    check_that_a_model_takes_them(study, data)


@pytest.mark.parametrize("row", WRITERS, ids="-".join)
def test_a_row_of_the_table_is_read_as_it_was_written(tmp_path: Path, row: Row) -> None:
    study, data = read(tmp_path, row, WRITERS[row](tmp_path))

    assert data.class_names == CLASSES
    assert (len(data.train), len(data.validation)) == (24, 6)
    if row[0] == "image_folder":
        places = [int(source.split("/")[1].removesuffix(".png")) for source in data.train.sources]
    else:
        places = [int(source.partition("#")[2]) for source in data.train.sources]
    expected = pixels().transpose(0, 3, 1, 2) if row[1] == "image" else numbers()
    assert torch.equal(data.train.inputs, torch.from_numpy(expected[places]))
    assert [CLASSES[label] for label in data.train.labels.tolist()] == [labels()[place] for place in places]
    check_that_a_model_takes_them(study, data)


@pytest.mark.parametrize("dataset", SETS)
def test_torchvision_image_is_read_for_every_set_that_the_table_names(tmp_path: Path, dataset: str) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `torchvision` \| `image` \|.*$", text, re.MULTILINE)
    assert re.search(rf"\b{dataset}\b", row)
    write_set(dataset, tmp_path)

    study, data = read(tmp_path, ("torchvision", "image"), {"dataset": dataset, "root": "."}, validation=0.25)

    assert (len(data.train), len(data.validation), len(data.class_names)) == (30, 10, 10)
    check_that_a_model_takes_them(study, data)
