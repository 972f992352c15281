"""Texts and labels as CSV and Parquet have them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data.csv import CsvReader
from engine.data.parquet import ParquetReader
from engine.errors import RefusedInput
from engine.study import Data

TEXT = {"modality": "text", "validation": 0.5, "features": {"kind": "tfidf"}}


def read(path: Path, content: str, **data: Any) -> tuple[tuple[str, ...], list[Any]]:
    path.write_text(content, encoding="utf-8")
    reader = CsvReader(path, Data.model_validate({"format": "csv", "train": path.name, **TEXT, **data}))
    labels = reader.labels().values
    return reader.texts(np.arange(len(labels)), lambda _: None), labels.tolist()


def test_a_text_may_hold_commas_line_breaks_and_quotes(tmp_path):
    texts, labels = read(tmp_path / "t.csv", 'label,text\na,"one, ""two""\nthree"\nb,x\n')

    assert texts == ('one, "two"\nthree', "x")
    assert labels == ["a", "b"]


def test_a_text_of_digits_stays_text_and_an_empty_one_is_one(tmp_path):
    assert read(tmp_path / "t.csv", "text,label\n007,1\n,0\n") == (("007", ""), [1, 0])


def test_another_column_of_texts_is_named(tmp_path):
    assert read(tmp_path / "t.csv", "id,body,y\n1,x,a\n2,z,b\n", input="body", label="y") == (("x", "z"), ["a", "b"])


@pytest.mark.parametrize("labels", [("a", "b"), (0, 1)])
def test_a_file_without_header_begins_with_text_and_label(tmp_path, labels):
    content = f"the first;{labels[0]}\nthe second;{labels[1]}\n"

    assert read(tmp_path / "t.csv", content, delimiter=";", header=False) == (("the first", "the second"), list(labels))


def test_columns_without_header_are_named_in_another_order(tmp_path):
    content = "a;the first\nb;the second\n"

    assert read(tmp_path / "t.csv", content, delimiter=";", header=("label", "text"))[1] == ["a", "b"]


@pytest.mark.parametrize("header", [None, False])
@pytest.mark.parametrize("labels", [("a", "b"), (0, 1)])
def test_the_last_delimiter_of_a_line_is_the_one_that_counts(tmp_path, header, labels):
    content = f"one; two; three;{labels[0]}\nfour;{labels[1]}\n"
    content = content if header is False else "text;label\n" + content

    texts, found = read(tmp_path / "t.csv", content, delimiter=";", header=header)

    assert texts == ("one; two; three", "four")
    assert found == list(labels)


def test_ragged_lines_of_other_columns_are_refused(tmp_path):
    with pytest.raises(RefusedInput, match="is not a table"):
        read(tmp_path / "t.csv", "label;text\na;x;y\n", delimiter=";")


def test_a_forgotten_header_is_suspected(tmp_path):
    with pytest.raises(RefusedInput, match="Set header = false"):
        read(tmp_path / "t.csv", "the first;a\nthe second;b\n", delimiter=";")


def test_a_text_longer_than_a_block_is_read(tmp_path):
    long = "word " * 500_000

    assert read(tmp_path / "t.csv", f"text,label\nx,a\n{long},b\n")[0][1] == long


def parquet(path: Path, columns: dict[str, pa.Array], **data: Any) -> ParquetReader:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return ParquetReader(path, Data.model_validate({"format": "parquet", "train": path.name, **TEXT, **data}))


def test_texts_of_chosen_rows_come_from_any_row_group(tmp_path):
    reader = parquet(tmp_path / "t.parquet", {"text": pa.array(list("abcde")), "label": pa.array([0, 1, 0, 1, 0])})
    reports: list[int] = []

    assert reader.texts(np.array([1, 2, 4]), reports.append) == ("b", "c", "e")
    assert reports == [1, 1, 1]
    assert reader.sources(np.array([4])) == ("t.parquet#4",)


def test_a_column_of_numbers_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(RefusedInput, match="column 'text' is of the type int64"):
        parquet(tmp_path / "t.parquet", {"text": pa.array([1]), "label": pa.array([0])})


def test_a_missing_column_of_texts_is_named(tmp_path):
    with pytest.raises(RefusedInput, match="has no 'text'"):
        parquet(tmp_path / "t.parquet", {"body": pa.array(["a"]), "label": pa.array([0])})


@pytest.mark.parametrize("header", [None, False])
@pytest.mark.parametrize("lines", [['"he said;a', "plain;b", '"she said;a', "last;b"], ['"never closed;a', "plain;b"]])
def test_a_quote_that_means_nothing_joins_no_lines(tmp_path, header, lines):
    content = "\n".join(lines if header is False else ["text;label", *lines]) + "\n"

    texts, labels = read(tmp_path / "t.csv", content, delimiter=";", header=header)

    assert [f"{text};{label}" for text, label in zip(texts, labels, strict=True)] == lines


def test_texts_that_are_stored_as_views_are_read(tmp_path):
    views = pa.array(list("abcde"), pa.string_view())
    reader = parquet(tmp_path / "t.parquet", {"text": views, "label": pa.array([0, 1, 0, 1, 0])})

    assert reader.texts(np.array([0, 2, 4]), lambda _: None) == ("a", "c", "e")
