"""Sifting gives the optimum of the whole programme, whatever was solved before, or says that it has none."""

import numpy as np
import pytest

from engine.reweight import gain_model
from engine.reweight.gain_model import GainModel
from engine.reweight.programme import Infeasible, ProgrammeSettings, ReweightProgramme, sweep
from engine.reweight.sifting import Sifting


def vectors(samples=6000, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    means = generator.normal(-0.1, 0.2, (classes, classes)) + np.eye(classes)
    drawn = means[np.arange(samples) % classes] + generator.normal(0, 0.5, (samples, classes))
    return drawn * generator.gamma(0.5, 1.0, (samples, 1))


CHOSEN = {
    "max_min": ProgrammeSettings((0, 1)),
    "sum": ProgrammeSettings((0, 2), objective="sum", mean_preserving=False),
    "paper": ProgrammeSettings((1,), (0.0, 2.0), "sum", "paper", mean_preserving=False),
    "budget": ProgrammeSettings((0, 1), budget=0.1),
    "removal": ProgrammeSettings((3,), (0.0, 1.0)),
}
ALPHAS: tuple[list[float], ...] = ([0, 0, 0, 0], [0.1, 0.2, -0.3, -0.05], [0.2, 0, 0, -0.5])


def never_whole(self, required):
    raise AssertionError("sifting left a programme to the whole one")


@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN.keys())
def test_the_answer_is_the_optimum_of_the_whole_programme(monkeypatch, chosen):
    drawn = vectors()
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 10**9)
    whole = ReweightProgramme(drawn, chosen)
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 1000)
    sifted = ReweightProgramme(drawn, chosen)
    expected = [whole.solve(alpha) for alpha in ALPHAS]
    monkeypatch.setattr(GainModel, "_solve", never_whole)
    for alpha, one in zip(ALPHAS, expected, strict=True):
        found = sifted.solve(alpha)
        assert found.objective == pytest.approx(one.objective, rel=1e-6, abs=1e-6)
        np.testing.assert_allclose(found.weights.mean(), one.weights.mean(), atol=1e-4)


def test_the_same_thresholds_give_the_same_weights_whatever_was_sifted_before(monkeypatch):
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 1000)
    drawn = vectors()
    cold = ReweightProgramme(drawn, CHOSEN["max_min"]).solve([0, 0.1, -0.2, 0])
    warm = ReweightProgramme(drawn, CHOSEN["max_min"])
    with pytest.raises(Infeasible):
        warm.solve([0.9, 0.9, 0.9, 0.9])
    sweep(warm, [0, 0.3])
    warm.solve([0.3, 0, -0.5, -0.5])
    assert np.array_equal(warm.solve([0, 0.1, -0.2, 0]).weights, cold.weights)


def test_a_sifted_path_repeats_and_is_as_good_as_its_points(monkeypatch):
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 1000)
    programme = ReweightProgramme(vectors(seed=1), CHOSEN["max_min"])
    levels = np.linspace(0, 0.5, 6)
    frontier = sweep(programme, levels)
    programme.solve([0.2, 0.1, -0.5, -0.5])
    for one, again, level in zip(frontier, sweep(programme, levels), levels, strict=True):
        assert np.array_equal(one.weights, again.weights)
        alone = programme.solve([0, 0, -level, -level])
        assert one.objective == pytest.approx(alone.objective, abs=1e-6)


def test_what_sifting_cannot_answer_the_whole_programme_does(monkeypatch):
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 1000)
    programme = ReweightProgramme(vectors(), CHOSEN["max_min"])
    expected = programme.solve([0.1, 0, -0.1, 0]).objective
    monkeypatch.setattr(Sifting, "minimise", lambda self, moved, least, go_on: None)
    assert programme.solve([0.1, 0, -0.1, 0]).objective == pytest.approx(expected, abs=1e-6)
    with pytest.raises(Infeasible):
        programme.solve([0.9, 0.9, 0.9, 0.9])


def test_samples_alike_and_without_influence_are_sifted_to_the_optimum_too(monkeypatch):
    drawn = np.repeat(vectors(3000), 2, axis=0)
    drawn[::5] = 0
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 10**9)
    expected = ReweightProgramme(drawn, CHOSEN["max_min"]).solve([0, 0, -0.1, 0])
    monkeypatch.setattr(gain_model, "_SIFTED_FROM", 1000)
    found = ReweightProgramme(drawn, CHOSEN["max_min"]).solve([0, 0, -0.1, 0])
    assert found.objective == pytest.approx(expected.objective, abs=1e-6)


def test_small_programmes_are_solved_whole():
    assert ReweightProgramme(vectors(400), CHOSEN["max_min"])._model._sifting is None


def test_prices_that_are_a_little_wrong_cost_time_and_no_gain(monkeypatch):
    drawn = vectors(12_000)
    programme = ReweightProgramme(drawn, CHOSEN["max_min"])
    expected = programme.solve([0, 0.1, -0.2, -0.1]).objective
    estimated = Sifting._estimated

    def wrong(self, lower, prices):
        found, sizes = estimated(self, lower, prices)
        return found * np.random.default_rng(0).uniform(0.9, 1.1, len(found)), sizes

    monkeypatch.setattr(Sifting, "_estimated", wrong)
    assert programme.solve([0, 0.1, -0.2, -0.1]).objective == pytest.approx(expected, abs=1e-6)
