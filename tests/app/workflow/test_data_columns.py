import struct
import tracemalloc
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.workflow.data_columns import Columns, columns_of, format_of
from engine.errors import RefusedInput
from tests.engine.data.hostile_headers import HOSTILE_HEADERS, npy_of


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("a,b,Species\n", Columns(("a", "b", "Species"), "Species", None, "tabular")),
        ("label;a;b\r\n1;2;3", Columns(("label", "a", "b"), "label", None, "tabular", ";")),
        ("a\tb\n", Columns(("a", "b"), "b", None, "tabular", "\t")),
        ('\ufeff"a, with a comma",y\n', Columns(("a, with a comma", "y"), "y", None, "tabular")),
        ("alone\n", Columns(("alone",), None, None, "tabular")),
    ],
)
def test_the_header_of_a_csv_file_tells_columns_label_and_delimiter(tmp_path, header, columns):
    file = tmp_path / "train.csv"
    file.write_text(header, newline="")

    assert columns_of(file, "csv") == columns


def test_a_parquet_file_with_pictures_tells_their_column(tmp_path):
    pictures = pa.array([{"bytes": b"x", "path": "a.png"}])
    pq.write_table(pa.table({"img": pictures, "label": [1]}), tmp_path / "pictures.parquet")
    pq.write_table(pa.table({"a": [1.0], "b": [2.0], "out": [1]}), tmp_path / "numbers.parquet")

    assert columns_of(tmp_path / "pictures.parquet", "parquet") == Columns(("img", "label"), "label", "img", "image")
    assert columns_of(tmp_path / "numbers.parquet", "parquet") == Columns(("a", "b", "out"), "out", None, "tabular")


def test_an_archive_tells_its_arrays(tmp_path):
    np.savez(tmp_path / "pictures.npz", x=np.zeros((5, 8, 8), np.uint8), digit=np.arange(5))
    np.savez(tmp_path / "rows.npz", features=np.zeros((5, 3)), y=np.arange(5), other=np.arange(5))

    assert columns_of(tmp_path / "pictures.npz", "npz") == Columns(("x", "digit"), "digit", "x", "image")
    assert columns_of(tmp_path / "rows.npz", "npz") == Columns(("features", "y", "other"), "y", "features", "tabular")


def test_a_folder_of_pictures_tells_its_classes(tmp_path):
    for name in ("dog", "cat", ".cache"):
        (tmp_path / name).mkdir()

    assert format_of(tmp_path) == "image_folder"
    assert columns_of(tmp_path, "image_folder") == Columns(("cat", "dog"), None, None, "image")
    with pytest.raises(RefusedInput, match="has no folder in it"):
        columns_of(tmp_path / "cat", "image_folder")


@pytest.mark.parametrize(
    ("name", "data_format", "content"),
    [
        ("empty.csv", "csv", b""),
        ("latin.csv", "csv", "größe,label\n".encode("latin-1")),
        ("zeros.csv", "csv", b"a\0b,label\n"),
        ("text.parquet", "parquet", b"<html></html>"),
        ("cut.parquet", "parquet", b"PAR1" + b"\xff" * 40 + b"PAR1"),
        ("text.npz", "npz", b"not an archive"),
    ],
)
def test_a_file_that_is_not_of_its_format_is_refused_by_name(tmp_path, name, data_format, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(RefusedInput, match=name):
        columns_of(tmp_path / name, data_format)


@pytest.mark.parametrize(
    ("name", "data_format", "problem"),
    [
        ("train.csv", "image_folder", "train.csv is a file"),
        ("pictures", "csv", "pictures is a folder"),
        ("pictures", "npz", "pictures is a folder"),
        ("gone.csv", "csv", "gone.csv cannot be looked at: No such file"),
        ("x" * 300, "image_folder", "cannot be looked at: File name too long"),
    ],
)
def test_a_path_that_does_not_go_with_the_format_is_refused(tmp_path, name, data_format, problem):
    (tmp_path / "train.csv").write_text("a,label\n")
    (tmp_path / "pictures" / "cat").mkdir(parents=True)

    with pytest.raises(RefusedInput, match=problem):
        columns_of(tmp_path / name, data_format)


def test_what_may_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "pictures" / "cat").mkdir(parents=True)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no permission holds back.
    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)

    with pytest.raises(RefusedInput, match="pictures cannot be looked at: Permission denied"):
        columns_of(tmp_path / "pictures", "image_folder")


@pytest.mark.parametrize("header", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
def test_a_header_that_is_no_description_of_an_array_is_refused(tmp_path, header):
    with zipfile.ZipFile(tmp_path / "hostile.npz", "w") as archive:
        archive.writestr("x.npy", npy_of(header))

    with pytest.raises(RefusedInput, match=r"hostile\.npz cannot be read"):
        columns_of(tmp_path / "hostile.npz", "npz")


def test_a_header_that_says_it_is_gigabytes_long_is_refused_without_unpacking_it(tmp_path):
    file = tmp_path / "bomb.npz"
    header = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b" " * 30_000_000
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header)

    tracemalloc.start()
    with pytest.raises(RefusedInput, match=r"bomb\.npz cannot be read"):
        columns_of(file, "npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000


def test_a_column_of_texts_is_proposed_where_it_holds_words(tmp_path):
    words, numbers = tmp_path / "words.csv", tmp_path / "numbers.csv"
    words.write_text('text,label\n"shares fell, today",a\n')
    numbers.write_text("content,label\n0.5,a\n")

    assert (columns_of(words, "csv").input, columns_of(words, "csv").modality) == ("text", "text")
    assert (columns_of(numbers, "csv").input, columns_of(numbers, "csv").modality) == (None, "tabular")


def test_a_parquet_column_of_texts_is_proposed(tmp_path):
    pq.write_table(pa.table({"review": ["good"], "label": [1]}), tmp_path / "t.parquet")

    assert columns_of(tmp_path / "t.parquet", "parquet").modality == "text"
