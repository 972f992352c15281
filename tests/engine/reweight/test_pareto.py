import numpy as np
import pytest

from engine.reweight.candidates import Candidate, Measured
from engine.reweight.pareto import non_dominated, outcome, pareto_front

CONTROL = Measured(np.array([0.5, 0.5, 0.5]), np.array([2.0, 1.0, 0.5]))


def candidate(number, loss, origin="random"):
    measured = None if loss is None else Measured(CONTROL.accuracy, np.array(loss))
    zeros = np.zeros(3)
    return Candidate(
        number, 0, origin, (0.0,) * 3, 1.0, loss is not None, 0.0, zeros, zeros.astype(np.float32), measured
    )


def test_the_outcome_is_per_cent_of_the_controls_loss():
    measured = Measured(CONTROL.accuracy, np.array([1.8, 1.1, 0.4]))
    assert outcome(measured, CONTROL, (0, 2)) == pytest.approx((15, -10))
    assert outcome(measured, CONTROL, (0,)) == pytest.approx((10, -10))
    assert outcome(measured, CONTROL, (0, 1, 2))[1] == 0


def test_a_point_is_dominated_by_one_that_is_nowhere_worse_and_somewhere_better():
    points = np.array([[1, 1], [2, 0], [0, 2], [1, 0], [1, 1], [0, 0]])
    assert non_dominated(points).tolist() == [True, True, True, False, True, False]


def test_the_front_leaves_out_baselines_and_what_was_not_trained():
    candidates = [
        candidate(0, [1.0, 1.0, 0.6]),
        candidate(1, [1.5, 1.0, 0.5]),
        candidate(2, [1.6, 1.0, 0.55]),
        candidate(3, [0.1, 1.0, 0.5], origin="baseline"),
        candidate(4, None),
    ]
    assert [item.number for item in pareto_front(candidates, CONTROL, (0,))] == [1, 0]
    assert pareto_front(candidates[3:], CONTROL, (0,)) == []
