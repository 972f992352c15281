"""The order of harmful and helpful samples."""

import numpy as np

from engine.frontier import rank_samples

VECTORS = np.array([[-1.0, -1.0], [-9.0, 2.0], [3.0, 1.0], [-0.5, -0.5], [8.0, -1.0], [1.0, -1.0]])


def test_samples_that_harm_every_chosen_class_come_before_larger_sums() -> None:
    assert rank_samples(VECTORS, (0, 1), harmful=True).tolist() == [0, 3, 1]


def test_helpful_is_the_mirror_image() -> None:
    assert rank_samples(VECTORS, (0, 1), harmful=False).tolist() == [2, 4]
    np.testing.assert_array_equal(rank_samples(-VECTORS, (0, 1), harmful=False), rank_samples(VECTORS, (0, 1), True))


def test_only_the_chosen_classes_count() -> None:
    assert rank_samples(VECTORS, (1,), harmful=True).tolist() == [0, 4, 5, 3]
