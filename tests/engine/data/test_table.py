import numpy as np
import pyarrow as pa
import pytest

from engine.data.table import check_columns, label_values, numeric_inputs
from engine.errors import RefusedInput


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["b", "a"]), ["b", "a"]),
        (pa.array(["b", "a"], pa.large_string()), ["b", "a"]),
        (pa.array(["b", "a"]).dictionary_encode(), ["b", "a"]),
        (pa.array([3, 1], pa.uint8()), [3, 1]),
        (pa.array([3.0, 1.0]), [3, 1]),
        (pa.array([True, False]), [1, 0]),
    ],
)
def test_labels_are_text_or_whole_numbers(values: pa.Array, expected: list[str] | list[int]) -> None:
    for column in (values, pa.chunked_array([values])):
        assert label_values(column, "a.csv").tolist() == expected


def test_an_empty_column_of_any_type_has_no_labels() -> None:
    assert label_values(pa.chunked_array([pa.nulls(0)]), "a.csv").tolist() == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([1, None, 2]), "row 1 has no label"),
        (pa.array(["a", ""]), "row 1 has no label"),
        (pa.array([1.0, 0.5]), "row 1 has the label 0.5"),
        (pa.array([1.0, float("nan")]), "row 1 has the label nan"),
        (pa.array([1.0, float("inf")]), "row 1 has the label inf"),
        (pa.array([2**63], pa.uint64()), "row 0 has the label 9223372036854775808"),
        (pa.array([[1], [2]]), "labels of the type list"),
    ],
)
def test_other_labels_are_refused(values: pa.Array, message: str) -> None:
    with pytest.raises(RefusedInput, match=message):
        label_values(pa.chunked_array([values]), "a.csv")


def test_a_missing_column_is_refused_with_the_columns_and_the_nearest() -> None:
    with pytest.raises(RefusedInput, match=r"a.csv has no 'lable'. Expected one of x, label. Write 'label'"):
        check_columns(["x", "lable"], ["x", "label"], "a.csv")


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(RefusedInput, match="'x' more than once"):
        check_columns(["x"], ["x", "x"], "a.csv")


def test_numbers_of_every_kind_become_float32_in_the_order_asked() -> None:
    table = pa.table(
        {"a": [1, 2], "b": [0.5, 1.5], "c": [True, False], "d": pa.array([1, 2]).cast(pa.decimal128(20, 1))}
    )
    inputs = numeric_inputs(table, ["d", "c", "b", "a"], np.arange(2), "a.csv")
    assert inputs.tolist() == [[1, 1, 0.5, 1], [2, 0, 1.5, 2]]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), 1e300])
def test_what_is_no_finite_float32_is_refused_by_row_and_column(value: float | None) -> None:
    table = pa.table({"a": [1.0, 2.0], "b": [1.0, value]})
    with pytest.raises(RefusedInput, match="row 17 has no finite number in 'b'"):
        numeric_inputs(table, ["a", "b"], np.array([3, 17]), "a.csv")


def test_a_column_of_text_is_refused_with_an_example_of_it() -> None:
    table = pa.table({"a": ["1", None, "Toy Safety"]})
    with pytest.raises(RefusedInput, match=r"column 'a' holds no numbers but e.g. 'Toy Safety'"):
        numeric_inputs(table, ["a"], np.arange(3), "a.csv")
