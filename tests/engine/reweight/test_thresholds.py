import numpy as np
import pytest

from engine.reweight.thresholds import attainable_gains, eased, gene_ranges, required_gains, with_slack


def test_the_attainable_gain_of_a_few_samples_is_what_one_finds_by_hand():
    sums = np.array([[4.0], [1.0], [-1.0], [-2.0]])
    ones = np.ones(4)
    # Raise the two best by a half, lower the two worst by a half: (5 + 3) / 2 / 4.
    assert attainable_gains(sums, ones, (0.5, 1.5), True) == pytest.approx([1.0])
    # Without the mean each sample moves by its own sign.
    assert attainable_gains(sums, ones, (0.0, 1.5), False) == pytest.approx([(2.5 + 3) / 4])
    # Removal only.
    assert attainable_gains(sums, ones, (0.0, 1.0), False) == pytest.approx([3 / 4])
    # One sample may rise by 3 if three fall by 1: 3 * 4 - (1 - 1 - 2) over 4.
    assert attainable_gains(sums, ones, (0.0, 4.0), True) == pytest.approx([(12 + 2) / 4])


def test_a_constant_influence_attains_nothing_when_the_mean_weight_is_kept():
    assert attainable_gains(np.full((5, 1), 2.0), np.ones(5), (0.5, 1.5), True) == pytest.approx([0])


def test_groups_count_by_their_sizes():
    sums, sizes = np.array([[6.0], [-2.0]]), np.array([3.0, 1.0])
    # The single sample falls to 0, which lets each of the three rise by a third.
    assert attainable_gains(sums, sizes, (0.0, 2.0), True) == pytest.approx([(2 + 2) / 4])


def test_easing_lowers_what_is_required_by_the_amounts():
    totals, attainable = np.array([0.5, -0.2, 0.0]), np.array([1.0, 0.4, 2.0])
    for form in ("attainable", "paper"):
        alpha, amounts = np.array([0.7, 0.3, 0.1]), np.array([0.1, 0.05, 0.0])
        before = required_gains(alpha, form, totals, attainable)
        after = required_gains(eased(alpha, amounts, form, totals, attainable), form, totals, attainable)
        np.testing.assert_allclose(before - after, amounts, atol=1e-12)


def test_plain_training_meets_neutral_thresholds_exactly():
    totals, attainable = np.array([0.5, -0.2]), np.array([1.0, 0.4])
    np.testing.assert_allclose(required_gains([1, 1], "paper", totals, attainable), 0)
    np.testing.assert_allclose(required_gains([0, 0], "attainable", totals, attainable), 0)
    np.testing.assert_allclose(required_gains([0, 0], "paper", totals, attainable), [-0.5, 0.5])


def test_slack_and_genes_tell_targets_from_others():
    np.testing.assert_allclose(with_slack("attainable", (1,), 3, 0.05), [-0.05, 0, -0.05])
    np.testing.assert_allclose(with_slack("paper", (1,), 3, 0.05), [0.95, 1, 0.95])
    np.testing.assert_allclose(gene_ranges("attainable", (1,), [0.4, 0.2]), [[-0.4, 0], [0, 0.5], [0.1, 1]])
    np.testing.assert_allclose(gene_ranges("paper", (1,), [0.4, 0.2]), [[0, 1], [0, 1], [1, 1]])
