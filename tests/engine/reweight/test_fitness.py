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
