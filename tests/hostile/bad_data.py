"""Bad data, rows 22 to 32 and 37 to 39: what becomes of the files of the small study."""

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.engine.data.vision_sets import write_set
from tests.hostile.bad_models import Payload
from tests.hostile.case import Case
from tests.hostile.small_study import as_csv, as_image_folders, as_parquet, as_set, edit, split_of, use_data, write_csv

Spoil = Callable[[Path], None]
Arrays = dict[str, np.ndarray]
_TABLE = "a header line and as many values in every line"
_SAVEZ = "Expected a file written by numpy.savez"
_PICTURE = "a whole PNG, JPEG, BMP, GIF, PPM, TIFF or WEBP picture"
_HUGE = 10**9


def _lines(change: Callable[[list[str]], list[str]], folder: Path) -> None:
    """Changes the lines of the training table."""
    as_csv(folder)
    path = folder / "train.csv"
    path.write_text("\n".join(change(path.read_text().splitlines())), encoding="utf-8")


def _table(content: bytes, folder: Path) -> None:
    as_csv(folder)
    path = folder / "train.csv"
    path.write_bytes(content if content == b"" else path.read_bytes() + content)


def _value(value: object, split: str, folder: Path) -> None:
    """Puts a value into the fourth row and third column of a table."""
    as_csv(folder)
    rows: list[list[object]] = [[*picture.ravel(), label] for picture, label in zip(*split_of(split), strict=True)]
    rows[3][2] = value
    write_csv(folder / f"{split}.csv", rows)


def _arrays(change: Callable[[Arrays], Arrays], split: str, folder: Path) -> None:
    """Changes the arrays of a split."""
    pictures, labels = split_of(split)
    changed = change({"image": pictures, "label": labels})
    np.savez(folder / f"{split}.npz", image=changed["image"], label=changed["label"])


def _floats(value: float, folder: Path) -> None:
    use_data(
        folder,
        'format = "npz"\nmodality = "tabular"\ntrain = "train.npz"\nvalidation = "validation.npz"\ninput = "image"\n',
    )
    for split in ("train", "validation"):
        pictures, labels = split_of(split)
        table = pictures.reshape(len(pictures), -1).astype(np.float64)
        if split == "train":
            table[3, 2] = value
        np.savez(folder / f"{split}.npz", image=table, label=labels)


def _objects(arrays: Arrays) -> Arrays:
    held = np.empty(len(arrays["label"]), dtype=object)
    held[:] = Payload()
    return arrays | {"image": held}


def _object_labels(arrays: Arrays) -> Arrays:
    held = np.empty(len(arrays["label"]), dtype=object)
    held[:] = Payload()
    return arrays | {"label": held}


def _lying(shape: tuple[int, ...], folder: Path) -> None:
    """Writes an array of few bytes whose header tells another shape."""
    pictures, labels = split_of("train")
    stream, told = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(told, {"descr": "|u1", "fortran_order": False, "shape": shape})
    told.write(pictures.tobytes())
    np.save(stream, labels)
    with zipfile.ZipFile(folder / "train.npz", "w") as archive:
        archive.writestr("image.npy", told.getvalue())
        archive.writestr("label.npy", stream.getvalue())


def _png(width: int, height: int) -> bytes:
    """Returns a PNG of a few hundred bytes that is of any size: all of it is zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 16)))
        + chunk(b"IEND", b"")
    )


def _picture(content: bytes, suffix: str, folder: Path) -> None:
    """Puts a picture among those of a class."""
    as_image_folders(folder)
    (folder / "train" / "1-one" / f"extra{suffix}").write_bytes(content)


def _torn_jpeg(folder: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)).save(stream, "JPEG")
    _picture(stream.getvalue()[:-40], ".jpg", folder)


def _parquet_pictures(content: bytes | None, folder: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(stream, "PNG")
    for split in ("train", "validation"):
        labels = np.repeat(np.arange(4), 3)
        pictures: list[Any] = [{"bytes": stream.getvalue(), "path": None} for _ in labels]
        if split == "train":
            pictures[5] = {"bytes": content, "path": "/etc/passwd"}
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        pq.write_table(pa.table({"img": pa.array(pictures, kind), "label": labels}), folder / f"{split}.parquet")
    use_data(folder, 'format = "parquet"\ntrain = "train.parquet"\nvalidation = "validation.parquet"\n')


def _pickled_set(folder: Path) -> None:
    write_set("CIFAR10", folder / "sets")
    (folder / "sets" / "cifar-10-batches-py" / "data_batch_2").write_bytes(pickle.dumps(Payload()))
    as_set(folder, "CIFAR10")


def _columns(drop: str, folder: Path) -> None:
    as_parquet(folder)
    path = folder / "train.parquet"
    pq.write_table(pq.read_table(path).drop_columns([drop]), path)


def _without_class(split: str, folder: Path) -> None:
    _arrays(lambda arrays: {name: values[arrays["label"] != 2] for name, values in arrays.items()}, split, folder)


def _one_class(folder: Path) -> None:
    edit(folder, 'class_names = ["zero", "one", "two", "three"]\n', "")
    for split in ("train", "validation", "test"):
        _arrays(lambda arrays: arrays | {"label": np.zeros_like(arrays["label"])}, split, folder)


def _label(value: int, folder: Path) -> None:
    def change(arrays: Arrays) -> Arrays:
        labels = arrays["label"].copy()
        labels[5] = value
        return arrays | {"label": labels}

    _arrays(change, "train", folder)


def _duplicated(folder: Path) -> None:
    training, _ = split_of("train")

    def change(arrays: Arrays) -> Arrays:
        pictures = arrays["image"].copy()
        pictures[:3] = training[:3]
        return arrays | {"image": pictures}

    _arrays(change, "validation", folder)


def _many_rows(folder: Path) -> None:
    """Writes a Parquet file of three megabytes that has 65 billion rows: its footer names one block many times."""
    block = pa.table({"pixel0": np.zeros(4 * 10**6), "label": np.zeros(4 * 10**6, np.int64)})
    path, foot = folder / "train.parquet", folder / "footer"
    pq.write_table(block, path)
    pq.write_table(block.slice(0, 10), folder / "validation.parquet")
    told = pq.read_metadata(path)
    for _ in range(14):
        told.append_row_groups(told)
    told.write_metadata_file(foot)
    whole = path.read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    # Both begin and end with the same mark.
    path.write_bytes(whole[: -8 - length] + foot.read_bytes()[4:])
    use_data(
        folder,
        'format = "parquet"\nmodality = "tabular"\ntrain = "train.parquet"\nvalidation = "validation.parquet"\n',
    )


CASES = (
    Case(
        22,
        "an empty CSV file",
        partial(_table, b""),
        ("[data] train is 'train.csv', an empty file", "a csv file with samples", "Write the file again"),
    ),
    Case(
        23,
        "a header only",
        partial(_lines, lambda lines: lines[:1]),
        (
            "train.csv has no samples, only a line of column names",
            "a line for each sample below it",
            "Write the file again",
        ),
    ),
    Case(
        23,
        "a header and the end of its line",
        partial(_lines, lambda lines: [lines[0], ""]),
        ("train.csv has no samples", "at least one sample of each class", "Check the file"),
    ),
    Case(
        24,
        "a ragged row",
        partial(_lines, lambda lines: [*lines[:5], lines[5] + ",9", *lines[6:]]),
        ("train.csv is not a table", "Expected 65 columns, got 66", _TABLE, "Mend the line that is named"),
    ),
    Case(
        25,
        "a NUL byte",
        partial(_table, b"1,2\x003\n"),
        ("train.csv: line 66 has a byte that is no text in UTF-8", "a CSV file in UTF-8", "Save the file as UTF-8"),
    ),
    Case(
        25,
        "text that is not UTF-8",
        partial(_table, "größer\n".encode("latin1")),
        ("train.csv: line 66 has a byte that is no text in UTF-8", "Save the file as UTF-8"),
    ),
    Case(
        26,
        "one class only",
        _one_class,
        ("train.npz has one class only, '0'", "samples of two classes or more", "Check [data] label"),
    ),
    Case(
        27,
        "a label beyond the classes",
        partial(_label, 7),
        ("train.npz: row 5 has the label '7', which is no class", "Expected 0 to 3", "Mend the row"),
    ),
    Case(
        27,
        "a label below zero",
        partial(_label, -1),
        ("train.npz: row 5 has the label '-1', which is no class", "Expected 0 to 3", "Mend the row"),
    ),
    Case(
        28,
        "NaN in a table",
        partial(_value, "nan", "train"),
        ("train.csv: row 3 has no finite number in 'pixel2'", "a finite float32 number in every row", "Fill the gap"),
    ),
    Case(
        28,
        "infinity in a table",
        partial(_value, "inf", "validation"),
        ("validation.csv: row 3 has no finite number in 'pixel2'", "Fill the gap"),
    ),
    Case(
        28,
        "a gap in a table",
        partial(_value, "", "train"),
        ("train.csv: row 3 has no finite number in 'pixel2'", "Fill the gap"),
    ),
    Case(
        28,
        "NaN in an array",
        partial(_floats, np.nan),
        ("train.npz: row 3 has no finite number in 'image[:, 2]'", "Fill the gap"),
    ),
    Case(
        28,
        "a number beyond float32",
        partial(_floats, 1e300),
        ("train.npz: row 3 has no finite number in 'image[:, 2]'", "Fill the gap"),
    ),
    Case(
        29,
        "objects as inputs",
        partial(_arrays, _objects, "train"),
        (
            "train.npz: 'image' is an array of objects, which only running code could restore",
            "an array of numbers",
            "image.astype",
        ),
    ),
    Case(
        29,
        "objects as labels",
        partial(_arrays, _object_labels, "train"),
        (
            "train.npz: 'label' is an array of objects, which only running code could restore",
            "text as labels",
            "label.astype",
        ),
    ),
    Case(
        29,
        "a pickled batch of CIFAR",
        _pickled_set,
        ("data_batch_2 cannot be read safely", "which could run code", "as its authors published it"),
    ),
    Case(
        30,
        "more pictures than there are",
        partial(_lying, (640, 8, 8)),
        (
            "train.npz cannot be read: 'image' says (640, 8, 8) uint8, 40960 bytes, and holds 4096",
            _SAVEZ,
            "Write the file again",
        ),
    ),
    Case(
        30,
        "a trillion pictures",
        partial(_lying, (_HUGE, 1000, 1000)),
        ("train.npz cannot be read", "1000000000000000 bytes, and holds 4096", _SAVEZ),
    ),
    Case(
        31,
        "a picture of a billion pixels",
        partial(_picture, _png(32_000, 32_000), ".png"),
        (
            "extra.png is not a readable picture: it unpacks to more pixels than a picture should have",
            _PICTURE,
            "Replace the picture",
        ),
    ),
    Case(
        31,
        "one of a billion pixels in a table",
        partial(_parquet_pictures, _png(32_000, 32_000)),
        ("train.parquet#5 is not a readable picture: it unpacks to more pixels", _PICTURE),
    ),
    Case(
        31,
        "a table of many rows in few bytes",
        _many_rows,
        (
            "train.parquet would take 524,288,000,000 bytes of memory",
            "data that fit into memory",
            "Make the file smaller",
        ),
    ),
    Case(32, "a JPEG cut off", _torn_jpeg, ("extra.jpg is not a readable picture", _PICTURE, "Replace the picture")),
    Case(
        37,
        "a class with no validation sample",
        partial(_without_class, "validation"),
        (
            "no validation sample is of the class two (validation.npz)",
            "at least one validation sample of each class",
            "Add samples of the class",
        ),
    ),
    Case(
        37,
        "a class with no training sample",
        partial(_without_class, "train"),
        ("no train sample is of the class two (train.npz)", "Add samples of the class"),
    ),
    Case(
        38,
        "a Parquet file without the named column",
        partial(_columns, "label"),
        ("train.parquet has no 'label'", "one of pixel0, pixel1", "Mend input and label in [data]"),
    ),
    Case(
        39,
        "samples that are in training and validation",
        _duplicated,
        ("3 of 40 validation samples are also training samples",),
        accepted=True,
    ),
)
