from hypothesis import given
from hypothesis import strategies as st

from app.workflow.class_columns import class_columns


def test_classes_of_one_name_are_told_apart_by_their_index():
    assert class_columns(["a", "b", "a"]) == ["a_0", "b", "a_2"]
    assert class_columns(["b", "a"]) == ["b", "a"]


@given(st.lists(st.sampled_from(["a", "a_0", "a_1", "a_0_1", "b"]), max_size=8))
def test_no_two_columns_have_one_name(names):
    columns = class_columns(names)

    assert len(set(columns)) == len(names)
    assert all(column.startswith(name) for column, name in zip(columns, names, strict=True))
