import numpy as np
import pytest

from app.workflow.run_comparison import compare, splits_of
from engine.errors import RefusedInput

FIRST = {
    "kind": "influence",
    "class_names": ["cat", "dog", "bird"],
    "accuracy": {"validation": [0.5, 0.75, None], "test": [0.5, 0.5, 0.5]},
    "counts": {"validation": [4, 4, 0], "test": [10, 10, 10]},
}
SECOND = {
    **FIRST,
    "accuracy": {"validation": [0.75, 0.5, None], "test": None},
    "counts": {"validation": [4, 4, 0], "test": None},
}


def test_two_runs_are_compared_class_by_class():
    compared = compare(FIRST, SECOND, "validation")

    np.testing.assert_array_equal(compared.changes, [25, -25, np.nan])
    assert compared.sentence == (
        "The second run is better at 1 of 2 classes and worse at 1; the mean over classes changes by +0.0 points."
    )
    assert compared.as_table()["class"].tolist() == ["dog", "cat", "bird"]
    assert compared.as_table()["samples"].tolist() == [4, 4, 0]


def test_only_splits_that_both_tell_are_offered():
    assert splits_of(FIRST, FIRST) == ["test", "validation"]
    assert splits_of(FIRST, SECOND) == ["validation"]
    with pytest.raises(RefusedInput, match="no accuracy on the test samples"):
        compare(FIRST, SECOND, "test")


def test_counts_are_told_only_where_they_are_the_same():
    assert compare(FIRST, {**SECOND, "counts": {"validation": [5, 4, 0]}}, "validation").counts is None


def test_runs_of_different_classes_are_not_compared():
    with pytest.raises(RefusedInput, match="different classes"):
        compare(FIRST, {**SECOND, "class_names": ["cat", "dog", "cow"]}, "validation")


def test_of_searches_the_improved_models_are_compared(finished_store):
    (search,) = [run.manifest() for run in finished_store.finished_runs() if run.manifest()["kind"] == "reweight"]

    compared = compare(search, {**search, "after": search["before"]}, "test")

    np.testing.assert_array_equal(compared.first, np.array(search["after"]["test"], dtype=float))
    np.testing.assert_array_equal(compared.second, np.array(search["before"]["test"], dtype=float))


def test_runs_that_share_no_split_are_refused():
    with pytest.raises(RefusedInput, match="tell no accuracy on the same samples"):
        splits_of({**FIRST, "accuracy": {"test": [0.5, 0.5, 0.5]}}, SECOND)


def test_where_no_class_is_known_in_both_that_is_said():
    unknown = {**SECOND, "accuracy": {"validation": [None, None, 0.5]}}

    assert compare(FIRST, unknown, "validation").sentence == (
        "No class was judged in both runs, so there is nothing to compare."
    )
