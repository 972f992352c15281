from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data.csv import CsvReader
from engine.errors import RefusedInput
from engine.study import Study

TABLE = "a,label,b\n1,cat,0.5\n2,dog,1.5\n3,cat,2.5\n"
Reader = Callable[..., CsvReader]


@pytest.fixture
def reader(make_study: Callable[..., Study], tmp_path: Path) -> Reader:
    def opened(content: str | bytes, **data: Any) -> CsvReader:
        path = tmp_path / "train.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return CsvReader(path, make_study(format="csv", train="train.csv", validation=0.5, **data).data)

    return opened


def test_all_columns_but_the_label_are_the_inputs(reader: Reader) -> None:
    table = reader(TABLE)
    reports: list[int] = []
    assert table.input_names == ("a", "b")
    assert table.labels().values.tolist() == ["cat", "dog", "cat"]
    assert table.inputs(np.array([0, 2]), reports.append).tolist() == [[1, 0.5], [3, 2.5]]
    assert table.sources(np.array([0, 2])) == ("train.csv#0", "train.csv#2")
    assert reports == [2]


@pytest.mark.parametrize(("input", "expected"), [("b", [[0.5]]), (("b", "a"), [[0.5, 1]])])
def test_named_columns_are_read_in_the_order_named(reader: Reader, input: Any, expected: list[list[float]]) -> None:
    assert reader(TABLE, input=input).inputs(np.array([0]), lambda count: None).tolist() == expected


def test_another_delimiter_and_a_byte_order_mark_are_read(reader: Reader) -> None:
    table = reader("\ufeff" + TABLE.replace(",", ";"), delimiter=";")
    assert table.input_names == ("a", "b")


def test_a_forgotten_delimiter_is_suspected(reader: Reader) -> None:
    with pytest.raises(RefusedInput, match="Name the delimiter"):
        reader(TABLE.replace(",", ";"))


def test_whole_numbers_may_turn_into_fractions_far_down(reader: Reader) -> None:
    rows = 300_000
    table = reader("a,label\n" + "1,0\n" * rows + "1.5,1\n")
    assert table.inputs(np.array([rows]), lambda count: None).tolist() == [[1.5]]


def test_a_line_break_within_quotes_belongs_to_the_value_wherever_it_is(reader: Reader) -> None:
    # More than one of the blocks in which the file is parsed, each ending within quotes.
    rows, value = 60, "b" + "\n" * 50_000 + "c"
    labels = reader("a,label\n" + f'1,"{value}"\n' * rows).labels().values
    assert len(labels) == rows
    assert set(labels) == {value}


def test_an_impossible_delimiter_is_refused(reader: Reader) -> None:
    for delimiter in ("\n", "é"):
        with pytest.raises(RefusedInput, match="not a table"):
            reader(TABLE, delimiter=delimiter)


def test_a_table_of_a_header_only_has_no_labels(reader: Reader) -> None:
    assert len(reader("a,label\n").labels().values) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n\n", "not a table"),
        ("a,label\n1,cat\n2\n", "Expected 2 columns, got 1"),
        ("a,label\n1,cat\n2,dog,3\n", "Expected 2 columns, got 3"),
        (b"a,label\n1,cat\n2,d\0g\n", "line 3 has a byte that is no text in UTF-8"),
        (b"a,label\n1,c\xe4t\n", "line 2 has a byte that is no text"),
        (TABLE.encode("utf-16"), "line 1 has a byte that is no text"),
        ("a,lable\n1,2\n", "has no 'label'.*one of a, lable.*Write 'lable'"),
        ("a,a,label\n1,2,0\n", "'a' more than once"),
    ],
)
def test_what_is_no_table_is_refused(reader: Reader, content: str | bytes, message: str) -> None:
    with pytest.raises(RefusedInput, match=message):
        reader(content)


def test_a_missing_input_column_is_refused(reader: Reader) -> None:
    with pytest.raises(RefusedInput, match="has no 'c'"):
        reader(TABLE, input=("a", "c"))


@pytest.mark.parametrize("value", ["", "nan", "inf", "1e999"])
def test_a_value_that_is_not_finite_is_refused(reader: Reader, value: str) -> None:
    with pytest.raises(RefusedInput, match="row 1 has no finite number in 'a'"):
        reader(f"a,label\n1,0\n{value},1\n").inputs(np.array([0, 1]), lambda count: None)


def test_a_gap_in_the_labels_is_refused(reader: Reader) -> None:
    with pytest.raises(RefusedInput, match="row 1 has no label"):
        reader("a,label\n1,0\n2,\n").labels()
