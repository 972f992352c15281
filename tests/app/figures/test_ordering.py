import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures.ordering import MANY_CLASSES, SHOWN_OF_MANY, left_out_note, shown, worst_first

values = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))


@given(values)
def test_worst_first_is_a_permutation_by_rising_value(accuracy: np.ndarray) -> None:
    order = worst_first(accuracy)

    assert sorted(order) == list(range(len(accuracy)))
    assert (np.diff(accuracy[order]) >= 0).all()


def test_ties_keep_class_order_and_unknown_values_come_last() -> None:
    assert worst_first([0.5, np.nan, 0.2, 0.5]) == [2, 0, 3, 1]


@given(values, st.integers(0, 59))
def test_of_many_classes_the_worst_and_the_kept_are_shown(accuracy: np.ndarray, kept: int) -> None:
    order = worst_first(accuracy)
    drawn = shown(order, keep=(kept,))

    assert drawn == [index for index in order if index in drawn]
    assert (len(drawn) == len(order)) == (len(order) <= MANY_CLASSES)
    assert kept in drawn or kept >= len(order)
    assert set(order[:SHOWN_OF_MANY]) <= set(drawn)


def test_of_40_classes_20_are_shown_and_of_30_all() -> None:
    assert shown(range(40)) == list(range(20))
    assert shown(range(30)) == list(range(30))


def test_what_is_left_out_is_said() -> None:
    assert left_out_note(10, 10) == ""
    assert left_out_note(20, 40) == "Shown: 20 of 40 classes, the worst first."
