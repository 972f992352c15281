"""The first population of the search."""

import numpy as np
import pytest

from engine.reweight.breeding import Breeding
from engine.reweight.programme import ProgrammeSettings
from tests.engine.reweight.cases import SETTINGS, breeding, run, sizes


def test_the_first_population_is_all_random_where_nothing_is_to_be_informed(programme, vectors):
    settings = sizes(informed=False)
    _, candidates, states, _ = run(programme, vectors, settings=settings)

    assert {item.origin for item in candidates[:24]} == {"random"}
    drawn = np.random.Generator(np.random.PCG64(3)).uniform(size=(24, 4))
    low, high = breeding(settings, programme).ranges.T
    np.testing.assert_allclose(states[0].population, low + drawn * (high - low))


@pytest.mark.parametrize(
    ("chosen", "guesses"),
    [
        (
            ProgrammeSettings((0, 1)),
            [(0, 0, 0, 1), (0, 0, 0, 0.5), (0, 0, -0.05, 1), (0.5, 0, -0.05, 1), (0, 0.5, -0.05, 1)],
        ),
        (ProgrammeSettings((1,)), [(0, 0, 0, 1), (0, 0, 0, 0.5), (-0.05, 0, -0.05, 1)]),
        (
            ProgrammeSettings((0, 1), thresholds="paper", mean_preserving=False),
            [(1, 1, 1, 1), (1, 1, 0.95, 1)],
        ),
    ],
    ids=["two targets", "one target", "paper"],
)
def test_the_first_population_begins_with_what_is_worth_trying(chosen, guesses):
    population, origins = Breeding(SETTINGS, chosen, np.full(3, 0.5), seed=0).initial()

    np.testing.assert_allclose(population[: len(guesses)], guesses)
    assert origins == ["informed"] * len(guesses) + ["random"] * (24 - len(guesses))
