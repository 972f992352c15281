"""Points of the frontier, and the ones that no other beats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.reweight.pareto import frontier_point, non_dominated

GAINS = np.array([10.0, -4.0, np.nan, 2.0])


def test_the_point_is_the_mean_target_gain_and_the_worst_other() -> None:
    assert frontier_point(GAINS, (0, 3)) == pytest.approx((6, -4))
    assert frontier_point(GAINS, (0,)) == pytest.approx((10, -4))


def test_classes_without_samples_do_not_count() -> None:
    assert frontier_point(GAINS, (0, 2)) == pytest.approx((10, -4))
    assert frontier_point(GAINS, (0, 1, 3))[1] == 0


def test_a_point_is_dominated_by_one_that_is_nowhere_worse_and_somewhere_better() -> None:
    points = np.array([[1, 1], [2, 0], [0, 2], [1, 0], [1, 1], [0, 0]])
    assert non_dominated(points).tolist() == [True, True, True, False, True, False]


@given(arrays(float, st.tuples(st.integers(1, 12), st.just(2)), elements=st.integers(-3, 3).map(float)))
def test_every_dominated_point_is_beaten_by_one_that_stays(points: np.ndarray) -> None:
    stays = non_dominated(points)
    assert stays.any()
    for point in points[~stays]:
        assert any((other >= point).all() and (other > point).any() for other in points[stays])
