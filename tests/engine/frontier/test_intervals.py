from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from engine.frontier import intervals
from engine.frontier.intervals import class_means, pair_intervals


def samples(counts=(400, 400, 400), spread=(1.0, 2.0, 4.0)) -> tuple[NDArray, NDArray]:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    return generator.standard_normal(len(labels)) * np.repeat(spread, counts) + labels, labels


def half(interval):
    return (interval[:, 1] - interval[:, 0]) / 2


def test_means_lie_in_the_middle_and_single_intervals_are_those_of_the_normal_law():
    values, labels = samples()
    found = class_means(values, labels, 3, 0)
    for k in range(3):
        own = values[labels == k]
        assert found.mean[k] == pytest.approx(own.mean())
        assert half(found.single)[k] == pytest.approx(1.96 * own.std() / 20, rel=0.06)
    np.testing.assert_allclose(found.interval.mean(axis=1), found.mean)
    np.testing.assert_allclose(found.single.mean(axis=1), found.mean)


def test_intervals_of_three_classes_hold_together():
    found = class_means(*samples(), 3, 0)
    # The largest of three independent deviations: 1 - (1 - 0.95) / 3 a side, nearly.
    expected = stats.norm.ppf(1 - (1 - 0.95 ** (1 / 3)) / 2) / 1.96
    np.testing.assert_allclose(half(found.interval) / half(found.single), expected, rtol=0.06)


def test_judged_classes_hold_together_and_the_others_among_themselves():
    values, labels = samples()
    every, some = class_means(values, labels, 3, 0), class_means(values, labels, 3, 0, [0, 2])
    np.testing.assert_array_equal(some.mean, every.mean)
    np.testing.assert_array_equal(some.single, every.single)
    # A class that is alone in its group needs no more than its own interval; two together need more than that.
    np.testing.assert_allclose(some.interval[1], some.single[1])
    assert (half(some.interval)[[0, 2]] > 1.05 * half(some.single)[[0, 2]]).all()
    assert (half(some.interval)[[0, 2]] < half(every.interval)[[0, 2]]).all()
    np.testing.assert_array_equal(class_means(values, labels, 3, 0, [0, 1, 2]).interval, every.interval)


def test_classes_of_one_sample_or_none_have_no_interval_and_disturb_no_other():
    values, labels = samples()
    lonely = np.append(values, 7.0), np.append(labels, 4)
    found, plain = class_means(*lonely, 5, 0), class_means(values, labels, 3, 0)
    assert np.isnan(found.mean).tolist() == [False, False, False, True, False]
    assert np.isnan(found.interval).any(axis=1).tolist() == [False, False, False, True, True]
    np.testing.assert_array_equal(found.interval[:3], plain.interval)


def test_intervals_hold_together_also_where_classes_are_of_different_size():
    found = class_means(*samples((25, 400, 2500)), 3, 0)
    expected = stats.norm.ppf(1 - (1 - 0.95 ** (1 / 3)) / 2) / 1.96
    np.testing.assert_allclose(half(found.interval) / half(found.single), expected, rtol=0.06)


def test_a_class_whose_samples_agree_has_an_interval_of_no_width():
    found = class_means(np.full(10, 3.0), np.zeros(10, dtype=int), 1, 0)
    assert found.interval.tolist() == found.single.tolist() == [[3.0, 3.0]]


class Generator:
    """Notes how many samples are drawn at once."""

    def __init__(self):
        self.generator, self.sizes = np.random.default_rng(2), []

    def integers(self, low, high, size):
        self.sizes.append(size)
        return self.generator.integers(low, high, size)


def test_draws_come_block_by_block_and_are_all_made():
    own = np.random.default_rng(1).standard_normal(5000)
    generator: Any = Generator()
    drawn = intervals._drawn_means(own, generator)
    assert max(draws * of for draws, of in generator.sizes) <= 2**22
    assert drawn.shape == (intervals.DRAWS,)
    assert drawn.std() == pytest.approx(own.std() / np.sqrt(5000), rel=0.05)
    assert len(np.unique(drawn)) == intervals.DRAWS


@pytest.mark.parametrize("place", [0, 4])
def test_every_sample_may_be_drawn(place):
    own = np.zeros(5)
    own[place] = 1.0
    drawn = intervals._drawn_means(own, np.random.default_rng(2))
    assert drawn.mean() == pytest.approx(0.2, rel=0.05)


def test_pairs_have_students_t_at_a_level_for_all_of_them():
    means = np.array([[9.0, 1.0, -2.0], [0.5, 9.0, 3.0], [np.nan] * 3])
    errors = np.array([[9.0, 0.5, 0.25], [0.1, 9.0, 0.2], [np.nan] * 3])
    found = pair_intervals(means, errors, np.array([30, 5, 12]))
    # Four pairs: two classes were raised, each pair counts once, and what a class does to itself does not.
    reach = stats.t.ppf(1 - 0.025 / 4, [29, 4, 11])
    np.testing.assert_allclose(found[0, 1:, 1] - means[0, 1:], reach[1:] * errors[0, 1:])
    np.testing.assert_allclose(means[1, 2] - found[1, 2, 0], reach[2] * 0.2)
    np.testing.assert_allclose(means[1, 0] - found[1, 0, 0], reach[0] * 0.1)
    assert np.isnan(found[2]).all()


def test_a_class_of_one_sample_has_no_interval_in_any_pair():
    found = pair_intervals(np.ones((2, 2)), np.array([[0.1, np.nan], [0.1, np.nan]]), np.array([9, 1]))
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[:, 0]).all()
