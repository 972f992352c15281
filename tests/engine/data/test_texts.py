import numpy as np
import pyarrow as pa
import pytest

from engine.data.texts import Texts, text_values
from engine.errors import RefusedInput


def test_texts_that_are_taken_keep_their_lengths():
    texts = Texts(("a", "b b", "c c c"), np.array([1, 2, 3], dtype=np.int32), "tokens", most=2)

    taken = texts.take(np.array([2, 0]))

    assert taken.values == ("c c c", "a")
    assert taken.cut.tolist() == [True, False]


def test_nothing_is_cut_where_all_is_used():
    assert not Texts(("a b",), np.array([9], dtype=np.int32), "words").cut.any()


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_columns_of_every_kind_of_text_are_read(kind):
    column = pa.chunked_array([pa.array(["x", ""]).cast(kind)])

    assert text_values(column, np.arange(2), "text", "t.parquet") == ("x", "")


def test_a_missing_text_is_told_by_its_row():
    column = pa.chunked_array([pa.array(["x", None], pa.string())])

    with pytest.raises(RefusedInput, match=r"t.csv: row 17 has no text"):
        text_values(column, np.array([4, 17]), "text", "t.csv")


def test_numbers_are_no_texts():
    with pytest.raises(RefusedInput, match="column 'text' is of the type int64"):
        text_values(pa.chunked_array([pa.array([1])]), np.arange(1), "text", "t.csv")
