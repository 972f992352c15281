import numpy as np

from engine.frontier import leave_out, pool_folds
from engine.frontier.folds import without_each_fold

COUNTS = np.array([[3, 0], [1, 2]])
ROWS = np.array([[1.0, np.nan, 5.0, 7.0], [2.0, np.nan, -2.0, 8.0]])


def test_folds_are_pooled_by_their_samples_and_an_empty_fold_has_no_weight():
    np.testing.assert_allclose(pool_folds(ROWS, COUNTS), [[2.0, 7.0], [1.0, 8.0]])


def test_a_class_without_samples_has_no_influence():
    np.testing.assert_allclose(pool_folds(ROWS, np.array([[3, 0], [1, 0]])), [[2.0, 0.0], [1.0, 0.0]])


def test_leaving_a_fold_out_splits_the_influence():
    kept, left = leave_out(ROWS, COUNTS, 0)
    np.testing.assert_allclose(kept, [[5.0, 7.0], [-2.0, 8.0]])
    np.testing.assert_allclose(left, [[1.0, 0.0], [2.0, 0.0]])


def test_kept_and_left_folds_together_are_the_whole():
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 9, (4, 3)) + 1
    rows = generator.standard_normal((10, 12)).astype(np.float32)
    for fold in range(4):
        kept, left = leave_out(rows, counts, fold)
        total = counts.sum(axis=0)
        whole = (kept * (total - counts[fold]) + left * counts[fold]) / total
        np.testing.assert_allclose(whole, pool_folds(rows, counts), atol=1e-6)


def test_each_fold_is_left_out_in_turn_with_the_classes_that_the_others_hold():
    (first, of_first), (second, of_second) = without_each_fold(ROWS, COUNTS, [1, 0])
    np.testing.assert_allclose(first, leave_out(ROWS, COUNTS, 0)[0])
    np.testing.assert_allclose(second, leave_out(ROWS, COUNTS, 1)[0])
    # The second fold alone holds the second class.
    assert (of_first, of_second) == ([1, 0], [0])
    assert [held for _, held in without_each_fold(ROWS, COUNTS, [1])] == [[1], []]
