"""Detrimental epochs by hand: McNemar's test for each class and epoch, corrected by Holm for all of them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from engine.training.detrimental import DetrimentalEpoch, detrimental_epochs, epoch_changes


def predicted(*rights: list[int], of: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Epochs of which each says by class how many of its samples, the first ones, are right; K classes of ``of``."""
    within = np.tile(np.arange(of), len(rights[0]))
    labels = np.repeat(np.arange(len(rights[0])), of)
    return np.stack([within < np.array(right)[labels] for right in rights]), labels


def test_p_values_are_those_of_the_binomial_test_times_holms_factors():
    correct, labels = predicted([10, 20, 5], [4, 15, 5], [4, 15, 9], of=20)
    correct[1, 18:20] = True  # Two of class 0 were won while six were lost.

    changes = epoch_changes(correct, labels, 3, [7, 8, 9])

    assert [change.epoch for change in changes] == [8, 9]
    assert changes[0].before == pytest.approx([0.5, 1.0, 0.25])
    assert changes[0].after == pytest.approx([0.3, 0.75, 0.25])
    raw = [binomtest(b, b + c, alternative="greater").pvalue for b, c in ((5, 0), (2, 0), (6, 2))]
    # Six tests: class 1 of epoch 8, class 0 of epoch 8, class 0 of epoch 9, and three that lost nothing.
    assert changes[0].p_values[1] == pytest.approx(6 * raw[0])
    assert changes[0].p_values[0] == pytest.approx(5 * raw[2])
    assert changes[1].p_values[0] == pytest.approx(4 * raw[1]) == 1
    assert changes[0].p_values[2] == changes[1].p_values[1] == changes[1].p_values[2] == 1


def test_a_corrected_p_value_never_falls_below_that_of_a_smaller_one():
    # One against one with p = 1/32 each: Holm's factors 2 and 1 would swap what is alike.
    correct, labels = predicted([5, 5], [0, 0], of=5)

    (change,) = epoch_changes(correct, labels, 2, [1, 2])

    assert change.p_values == pytest.approx([2 / 32, 2 / 32])


def test_the_epochs_that_cost_most_come_first_and_in_them_the_class_that_lost_most():
    rights = [[100, 100, 100], [80, 100, 98], [80, 100, 98], [65, 60, 98]]
    correct, labels = predicted(*rights, of=100)

    found = detrimental_epochs(epoch_changes(correct, labels, 3, [14, 15, 16, 17]))

    assert [(one.epoch, one.classes) for one in found] == [(17, (1, 0)), (15, (0,))]
    assert found[0].drops == pytest.approx((0.4, 0.15))
    assert found[1].drops == pytest.approx((0.2,))
    assert all(0 < p < 0.05 for one in found for p in one.p_values)
    assert isinstance(found[0], DetrimentalEpoch)
    assert [type(k) for k in found[0].classes] == [int, int]


def test_a_drop_within_noise_is_not_reported():
    # Nine lost and six won of one class of many: what an epoch does anyway.
    labels = np.zeros(50, dtype=np.int64)
    before = np.arange(50) < 30
    after = before.copy()
    after[:9], after[40:46] = False, True

    changes = epoch_changes(np.stack([before, after]), labels, 1, [1, 2])

    assert changes[0].before[0] > changes[0].after[0]
    assert detrimental_epochs(changes) == []


def test_more_epochs_ask_for_a_larger_drop():
    correct, labels = predicted([6], [0], of=6)
    alone = epoch_changes(correct, labels, 1, [1, 2])
    among = epoch_changes(np.concatenate([correct, correct[1:], correct[1:], correct[1:]]), labels, 1, range(1, 6))

    assert alone[0].p_values == pytest.approx([1 / 64])
    assert among[0].p_values == pytest.approx([4 / 64])
    assert len(detrimental_epochs(alone)) == 1
    assert detrimental_epochs(among) == []


@pytest.mark.parametrize("epochs", [[1, 3], [5, 10]])
def test_checkpoints_that_do_not_follow_one_another_are_not_compared(epochs):
    correct, labels = predicted([50], [0], of=50)

    assert epoch_changes(correct, labels, 1, epochs) == []


def test_only_consecutive_epochs_are_compared_and_count_as_tests():
    correct, labels = predicted([50], [50], [0], [0], of=50)

    changes = epoch_changes(correct, labels, 1, [1, 2, 4, 5])

    assert [change.epoch for change in changes] == [2, 5]
    assert detrimental_epochs(changes) == []


@pytest.mark.parametrize("epochs", [[], [3]])
def test_fewer_than_two_checkpoints_have_nothing_to_compare(epochs):
    assert epoch_changes(np.ones((len(epochs), 4), dtype=bool), np.zeros(4, dtype=np.int64), 2, epochs) == []
    assert detrimental_epochs([]) == []


def test_a_class_without_samples_is_no_test_and_loses_nothing():
    correct, labels = predicted([6], [0], of=6)

    (change,) = epoch_changes(correct, labels, 3, [1, 2])

    assert np.isnan([change.before[1:], change.after[1:], change.p_values[1:]]).all()
    assert change.p_values[0] == pytest.approx(1 / 64)
    assert [one.classes for one in detrimental_epochs([change])] == [(0,)]


def test_where_no_epoch_does_harm_one_is_called_detrimental_in_one_of_twenty_trainings_at_most():
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 40)
    # Samples flip between right and wrong without a tendency, in ten epochs.
    called = [
        bool(detrimental_epochs(epoch_changes(generator.random((10, 400)) < 0.7, labels, 10, range(10))))
        for _ in range(300)
    ]

    assert 0 < np.mean(called) < 0.07
