import numpy as np
import pytest

from engine.reweight.fitness import REJECTED, fitness


def test_targets_gain_and_losses_of_others_count():
    changes = np.array([0.1, -0.02, 0.3, 0.05])
    assert fitness(changes, (0, 3)) == pytest.approx(0.1 + 0.05 - 0.02)


def test_gains_of_other_classes_do_not_count():
    assert fitness(np.array([0.0, 0.5]), (0,)) == 0


def test_a_target_that_gets_worse_rejects_the_candidate():
    assert fitness(np.array([0.5, -1e-6, 0.0]), (0, 1)) == REJECTED


def test_all_classes_may_be_targets():
    assert fitness(np.array([0.1, 0.2]), (0, 1)) == pytest.approx(0.3)


def test_without_tolerance_and_extra_weight_it_is_the_papers():
    changes = np.random.default_rng(0).uniform(-0.1, 0.1, (50, 6))
    changes[:, :2] = np.abs(changes[:, :2])
    for row in changes:
        paper = row[0] + row[1] + sum(min(0.0, change) for change in row[2:])
        assert fitness(row, (0, 1)) == pytest.approx(paper)
        assert fitness(row, (0, 1), tolerance=0.0, loss_weight=1.0) == pytest.approx(paper)


def test_only_what_others_lose_beyond_the_tolerance_counts_and_by_its_weight():
    changes = np.array([0.1, -0.02, -0.05, 0.3])
    assert fitness(changes, (0,), tolerance=0.02, loss_weight=3.0) == pytest.approx(0.1 - 3 * 0.03)
    assert fitness(changes, (0,), tolerance=0.05, loss_weight=3.0) == pytest.approx(0.1)
    assert fitness(changes, (0,), tolerance=0.0, loss_weight=0.0) == pytest.approx(0.1)


def test_targets_are_granted_no_tolerance():
    assert fitness(np.array([-0.01, 0.3]), (0,), tolerance=0.02) == REJECTED


def test_classes_without_samples_count_for_nothing():
    assert fitness(np.array([0.1, np.nan, -0.04, np.nan]), (0, 1), 0.01, 2.0) == pytest.approx(0.1 - 2 * 0.03)


@pytest.mark.parametrize("rounding", [-5e-17, 5e-17])
def test_what_rounding_leaves_of_no_change_is_no_change(rounding):
    assert fitness(np.full(3, rounding), (0,)) == 0
