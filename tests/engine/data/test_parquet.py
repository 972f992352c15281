import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data.parquet import ParquetReader
from engine.errors import RefusedInput
from engine.study import Study

Reader = Callable[..., ParquetReader]


@pytest.fixture
def reader(make_study: Callable[..., Study], tmp_path: Path) -> Reader:
    def opened(columns: dict[str, Any], metadata: dict[str, str] | None = None, **data: Any) -> ParquetReader:
        table = pa.table(columns)
        pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "train.parquet", row_group_size=3)
        study = make_study(format="parquet", train="train.parquet", validation=0.5, **data)
        return ParquetReader(tmp_path / "train.parquet", study.data)

    return opened


def nothing(count: int) -> None:
    pass


def pictures(picture: Callable[..., bytes], count: int = 7) -> list[dict[str, Any]]:
    return [{"bytes": picture(10 * row), "path": f"{row}.png"} for row in range(count)]


def test_the_chosen_pictures_are_read_across_row_groups(reader: Reader, picture: Callable[..., bytes]) -> None:
    file = reader({"img": pictures(picture), "label": [0, 1] * 3 + [0]})
    rows = np.array([1, 5, 6])
    assert file.input_names == ("img",)
    assert file.inputs(rows, nothing)[:, 0, 0, 0].tolist() == [10, 50, 60]
    assert file.sources(rows) == ("train.parquet#1", "train.parquet#5", "train.parquet#6")


def test_pictures_may_be_a_plain_column_of_bytes(reader: Reader, picture: Callable[..., bytes]) -> None:
    file = reader({"label": [0, 1], "png": [picture(3), picture(4)]}, input="png")
    assert file.inputs(np.array([0, 1]), nothing)[:, 0, 0, 0].tolist() == [3, 4]


def test_rows_that_are_not_kept_are_not_decoded(reader: Reader, picture: Callable[..., bytes]) -> None:
    file = reader({"img": [picture(1), b"broken", picture(2)], "label": [0, 1, 1]})
    assert len(file.inputs(np.array([0, 2]), nothing)) == 2
    with pytest.raises(RefusedInput, match=r"train.parquet#1 is not a readable picture"):
        file.inputs(np.array([0, 1]), nothing)


def test_a_path_beside_missing_bytes_is_never_opened(
    reader: Reader, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "real.png").write_bytes(picture(1))
    rows = [{"bytes": picture(1), "path": None}, {"bytes": None, "path": str(tmp_path / "real.png")}]
    with pytest.raises(RefusedInput, match=r"train.parquet#1 holds no picture"):
        reader({"img": rows, "label": [0, 1]}).inputs(np.array([0, 1]), nothing)


def test_class_names_come_from_the_metadata(reader: Reader) -> None:
    columns = {"x": [1.0, 2.0], "label": [0, 1]}
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "x": {"dtype": "float64"}}
    own = {"class_names": "cat, dog"}
    hugging_face = {"huggingface": json.dumps({"info": {"features": features}})}
    for metadata in (own, hugging_face):
        assert reader(columns, metadata, modality="tabular").labels().names == ("cat", "dog")


@pytest.mark.parametrize("metadata", [{}, {"huggingface": "{"}, {"huggingface": "[]"}, {"huggingface": "{}"}])
def test_metadata_that_says_nothing_gives_no_names(reader: Reader, metadata: dict[str, str]) -> None:
    assert reader({"x": [1.0], "label": [0]}, metadata, modality="tabular").labels().names is None


def test_numeric_columns_are_the_inputs_of_a_table(reader: Reader) -> None:
    columns = {"b": [1.0, 2.0, 3.0, 4.0], "label": ["x", "y", "x", "y"], "a": [5, 6, 7, 8]}
    file = reader(columns, modality="tabular")
    assert file.input_names == ("b", "a")
    assert file.labels().values.tolist() == ["x", "y", "x", "y"]
    assert file.inputs(np.array([1, 3]), nothing).tolist() == [[2, 6], [4, 8]]
    swapped = reader(columns, modality="tabular", input=("a", "b"))
    assert swapped.inputs(np.array([1, 3]), nothing).tolist() == [[6, 2], [8, 4]]


def test_a_gap_is_refused_by_the_row_of_the_file(reader: Reader) -> None:
    file = reader({"x": [1.0, 2.0, 3.0, 4.0, None], "label": [0, 1, 0, 1, 0]}, modality="tabular")
    with pytest.raises(RefusedInput, match="row 4 has no finite number in 'x'"):
        file.inputs(np.array([1, 4]), nothing)


def test_a_missing_column_is_refused_with_those_that_are_there(reader: Reader) -> None:
    with pytest.raises(RefusedInput, match=r"train.parquet has no 'image'.*one of imag, label.*Write 'imag'"):
        reader({"imag": [b"", b""], "label": [0, 1]}, input="image")


def test_numbers_are_not_taken_for_pictures(reader: Reader) -> None:
    with pytest.raises(RefusedInput, match="column 'x' is of the type double"):
        reader({"x": [1.0], "label": [0]}, input="x")


@pytest.mark.parametrize("columns", [{"a": [b""], "b": [b""], "label": [0]}, {"a": [1.0], "label": [0]}])
def test_the_picture_column_must_be_named_unless_there_is_just_one(reader: Reader, columns: dict[str, Any]) -> None:
    with pytest.raises(RefusedInput, match=r"columns of pictures and \[data\] input names none"):
        reader(columns)


@pytest.mark.parametrize("content", [b"PAR1", b"<html></html>", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_not_parquet_is_refused(make_study: Callable[..., Study], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train.parquet").write_bytes(content)
    with pytest.raises(RefusedInput, match=r"train.parquet cannot be read"):
        ParquetReader(tmp_path / "train.parquet", make_study(format="parquet", train="t", validation=0.5).data)


def test_broken_pages_are_refused(reader: Reader, tmp_path: Path) -> None:
    file = reader({"x": np.arange(100.0), "label": [0, 1] * 50}, modality="tabular")
    content = bytearray((tmp_path / "train.parquet").read_bytes())
    content[4:300] = bytes(296)
    (tmp_path / "train.parquet").write_bytes(content)
    with pytest.raises(RefusedInput, match=r"train.parquet cannot be read"):
        file.inputs(np.array([0]), nothing)
