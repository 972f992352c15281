"""Measurements over batch orders, and the state that a search goes on from."""

import numpy as np

from engine.reweight.candidates import Measured
from tests.engine.reweight.cases import noise, run


def test_measurements_of_several_orders_are_averaged_by_how_many_they_are_of():
    def measured(number, orders=1):
        return Measured(np.array([number, np.nan]), np.array([2.0 * number, 0.0]), np.array([-number, 1.0]), orders)

    mean = Measured.mean([measured(1.0), measured(4.0, orders=2)])
    assert mean.orders == 3
    np.testing.assert_allclose(mean.accuracy, [3.0, np.nan])
    np.testing.assert_allclose(mean.loss, [6.0, 0.0])
    np.testing.assert_allclose(mean.value, [-3.0, 1.0])
    in_turn = Measured.mean([Measured.mean([measured(1.0), measured(2.0)]), measured(6.0)])
    np.testing.assert_allclose(in_turn.accuracy, [3.0, np.nan])


def test_a_state_survives_json_with_what_was_measured_in_how_many_orders(programme, vectors):
    result, candidates, states, _ = run(programme, vectors, noise=noise)

    assert states[-1] == result.state
    assert {seen[3] for seen in result.state.seen.values()} == {1, 2, 3}
    measured = [(tuple(item.measured.accuracy), item.measured.orders) for item in candidates]
    assert set(measured) <= {(seen[0], seen[3]) for seen in result.state.seen.values()}
