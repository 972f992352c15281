"""The two operators and their limits."""

import math

import torch

from engine.influence.operators import Horizon, Inverse
from engine.influence.preparation import ceiling_operator
from tests.engine.influence.cases import study

EIGENVALUES = torch.tensor([[0.0, 1e-9, 0.01], [0.5, 3.0, 200.0]], dtype=torch.float64)


def test_the_ceiling_operator_adds_damping_and_weight_decay() -> None:
    torch.testing.assert_close(Inverse(0.1, 0.02).factor(EIGENVALUES, 7.0), 1 / (EIGENVALUES + 0.12))


def test_without_a_number_the_inverse_takes_the_curvatures_proposal_times_the_multiple() -> None:
    torch.testing.assert_close(Inverse(None, 0.0).factor(EIGENVALUES, 0.3), 1 / (EIGENVALUES + 0.3))
    torch.testing.assert_close(Inverse(None, 0.02, 10.0).factor(EIGENVALUES, 0.3), 1 / (EIGENVALUES + 3.02))


def test_without_curvature_and_damping_the_inverse_is_zero_and_not_infinite() -> None:
    assert Inverse(None, 0.0).factor(torch.zeros(2), 0.0).tolist() == [0.0, 0.0]


def test_the_epoch_operator_is_the_sum_of_gradient_descent_steps() -> None:
    """Many small steps: sum over t of lr (1 - lr sigma)^t tends to (1 - exp(-tau sigma)) / sigma."""
    steps, horizon = 200_000, 2.0
    rate = horizon / steps
    sigma = EIGENVALUES + 0.001
    unrolled = (1 - (1 - rate * sigma) ** steps) / sigma
    torch.testing.assert_close(Horizon(horizon, 0.001).factor(EIGENVALUES, 7.0), unrolled, rtol=3e-3, atol=0)


def test_a_long_horizon_gives_the_inverse_and_a_short_one_the_identity() -> None:
    positive = EIGENVALUES[1]
    torch.testing.assert_close(Horizon(1e6, 0.0).factor(positive, 7.0), 1 / positive)
    torch.testing.assert_close(Horizon(1e-9, 0.0).factor(positive, 7.0) / 1e-9, torch.ones_like(positive))


def test_flat_directions_get_the_horizon_itself_and_never_a_nan() -> None:
    factor = Horizon(0.7, 0.0).factor(EIGENVALUES, 7.0)
    assert torch.isfinite(factor).all()
    assert math.isclose(float(factor[0, 0]), 0.7)


def test_a_tenth_of_the_damping_is_ten_times_the_horizon() -> None:
    assert Horizon(0.5, 0.01).damped(0.125) == Horizon(4.0, 0.01)
    factor = Inverse(None, 0.02).damped(10.0).factor(EIGENVALUES, 0.3)
    torch.testing.assert_close(factor, 1 / (EIGENVALUES + 3.02))
    torch.testing.assert_close(
        Inverse(0.1, 0.0).damped(10.0).damped(0.1).factor(EIGENVALUES, 7.0), 1 / (EIGENVALUES + 0.1)
    )


def test_the_ceiling_goes_as_far_as_the_whole_training_unless_a_damping_is_named(tmp_path) -> None:
    training = "learning_rate = 0.2\nmomentum = 0.5\nweight_decay = 0.01\nbatch_size = 30\nepochs = 3"
    plain = study(tmp_path, training=training)
    # Four batches of 100 samples, three epochs: 12 × 0.2 / (1 - 0.5).
    operator = ceiling_operator(plain, 100)
    assert isinstance(operator, Horizon)
    assert math.isclose(operator.tau, 4.8)
    assert operator.weight_decay == 0.01
    assert ceiling_operator(plain.with_changes(influence={"damping": "heuristic"}), 100) == Inverse(None, 0.01)
    assert ceiling_operator(plain.with_changes(influence={"damping": 0.3}), 100) == Inverse(0.3, 0.01)
