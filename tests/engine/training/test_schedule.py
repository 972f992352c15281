"""The learning rate of every step."""

import math

import pytest

from engine.study import Training
from engine.training import learning_rates
from engine.training.schedule import whole_horizon


def whole(schedule: str, epochs: int = 10, steps: int = 7) -> list[float]:
    training = Training.model_validate({"schedule": schedule, "epochs": epochs, "learning_rate": 0.4})
    return [rate for epoch in range(1, epochs + 1) for rate in learning_rates(training, steps, epoch)]


def test_constant_is_constant() -> None:
    assert whole("constant") == [0.4] * 70


def test_cosine_starts_at_the_peak_and_falls_symmetrically() -> None:
    rates = whole("cosine")
    assert rates[0] == 0.4
    assert rates[35] == pytest.approx(0.2)
    assert rates[10] + rates[60] == pytest.approx(0.4)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


def test_one_cycle_rises_in_a_line_for_three_tenths_and_falls_to_a_ten_thousandth() -> None:
    rates = whole("one_cycle")
    assert rates[:21] == pytest.approx([0.4 * (step + 1) / 21 for step in range(21)])
    assert max(rates) == rates[20]
    assert rates[20:] == sorted(rates[20:], reverse=True)
    halfway = 20 + 49 / 2  # between two steps: their mean is the mean of the ends
    assert (rates[math.floor(halfway)] + rates[math.ceil(halfway)]) / 2 == pytest.approx(0.4 * (1 + 1e-4) / 2)
    assert rates[-1] == pytest.approx(0.4e-4)


@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "cosine"])
def test_after_the_last_planned_epoch_its_rates_are_repeated(schedule: str) -> None:
    training = Training.model_validate({"schedule": schedule, "epochs": 3})
    last = learning_rates(training, 5, 3)
    assert learning_rates(training, 5, 4) == last
    assert learning_rates(training, 5, 40) == last
    assert len(last) == 5


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_the_whole_horizon_is_the_sum_of_all_rates_over_one_less_momentum(schedule) -> None:
    training = Training.model_validate(
        {"schedule": schedule, "epochs": 10, "learning_rate": 0.4, "momentum": 0.75, "batch_size": 15}
    )
    # Seven batches of 100 samples.
    assert whole_horizon(training, 100) == pytest.approx(4 * sum(whole(schedule)))
