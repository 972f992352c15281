import numpy as np
import pytest

from app.workflow.class_pairs import drawn_classes, first_pairs, pair_table


def symmetric(classes: int) -> np.ndarray:
    values = np.random.default_rng(0).uniform(-1, 1, (classes, classes))
    return (values + values.T) / 2


@pytest.mark.parametrize(("kind", "sign"), [("correlation", 1), ("joint_negative", -1), ("joint_positive", -1)])
def test_pairs_come_lowest_first_for_correlation_and_highest_first_for_shares(kind, sign):
    values = symmetric(12)
    pairs = first_pairs(values, kind)

    assert len(set(pairs)) == 66
    assert all(a < b for a, b in pairs)
    assert (np.diff([sign * values[pair] for pair in pairs]) >= 0).all()
    assert first_pairs(values, kind, 5) == pairs[:5]


def test_all_classes_are_drawn_up_to_a_hundred():
    assert drawn_classes(symmetric(100), "correlation") is None


def test_of_more_classes_those_of_the_first_pairs_are_drawn():
    values = symmetric(150)
    chosen = drawn_classes(values, "correlation")

    assert chosen is not None
    assert len(chosen) in (59, 60)
    assert chosen == sorted(set(chosen))
    assert {k for pair in first_pairs(values, "correlation", 20) for k in pair} <= set(chosen)


def test_the_table_names_the_first_pairs_with_shares_in_per_cent():
    values = np.array([[0, 0.1, 0.4], [0.1, 0, 0.2], [0.4, 0.2, 0]])
    table = pair_table(values, "joint_negative", ["cat", "dog", "bird"])

    assert table.to_numpy().tolist() == [["cat", "bird", 40.0], ["dog", "bird", 20.0], ["cat", "dog", 10.0]]
