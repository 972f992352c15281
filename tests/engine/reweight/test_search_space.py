"""What a search chooses from: both kinds of variables, and weights beside theirs."""

import numpy as np
import pytest

from engine.reweight.breeding import Breeding
from engine.reweight.groups import BASELINES, influence_groups
from engine.reweight.programme import ProgrammeSettings
from engine.reweight.search import Search
from engine.reweight.search_space import BUDGETS, SLACKS, search_space
from engine.reweight_settings import Reweight
from engine.reweight_settings import Search as SearchSettings
from tests.engine.reweight.cases import CONTROLS, SETTINGS, World

NAMES = ("cat", "dog", "ship")
SPARSE = len(BUDGETS) * len(SLACKS)


def space(vectors, labels, **changes):
    return search_space(Reweight(**changes), (0, 1), vectors, labels, NAMES, seed=0)


def test_auto_searches_groups_and_samples(vectors, labels):
    both = space(vectors, labels)

    assert list(both.programmes) == ["groups", "samples"]
    assert [origin for origin, _ in both.others] == ["baseline"] * len(BASELINES) + (
        ["certificate"] + ["informed"] * SPARSE
    ) * 2
    groups, samples = (programme.solve(np.zeros(3)) for programme in both.programmes.values())
    shared = influence_groups(vectors, labels)
    assert all(np.ptp(groups.weights[shared == group]) == 0 for group in np.unique(shared))
    assert any(np.ptp(samples.weights[shared == group]) > 0.1 for group in np.unique(shared))
    assert samples.objective >= groups.objective - 1e-9


@pytest.mark.parametrize("variables", ["groups", "samples"])
def test_one_kind_alone_where_the_study_says_so(vectors, labels, variables):
    assert list(space(vectors, labels, variables=variables).programmes) == [variables]


def test_a_search_that_is_not_informed_is_compared_with_class_weights_alone(vectors, labels):
    bare = space(vectors, labels, search=SearchSettings(informed=False))
    assert [origin for origin, _ in bare.others] == ["baseline"] * len(BASELINES)


def test_the_certificate_helps_every_class_and_sparse_weights_move_little(vectors, labels):
    others = space(vectors, labels, variables="samples").others
    weights = {origin: [row for name, row in others if name == origin] for origin in ("certificate", "informed")}

    (certificate,) = weights["certificate"]
    assert ((certificate - 1) @ vectors > 0).all()
    moved = [np.abs(row - 1).mean() for row in weights["informed"]]
    assert moved == pytest.approx(np.repeat(BUDGETS, len(SLACKS)), abs=1e-6)
    for row in weights["informed"]:
        assert row.mean() == pytest.approx(1)
        assert ((row - 1) @ vectors)[:2].min() > 0


def test_budgets_that_the_study_does_not_allow_are_left_out(vectors, labels):
    others = space(vectors, labels, variables="samples", budget=0.1).others
    moved = [np.abs(row - 1).mean() for origin, row in others if origin == "informed"]
    assert moved == pytest.approx([0.05, 0.05], abs=1e-6)


def test_no_informed_weights_cost_a_class_more_than_the_study_lets_it(vectors, labels):
    def worst(slack):
        made = space(vectors, labels, variables="samples", slack=slack)
        attainable = (
            search_space(Reweight(variables="samples", budget=0.15), (0, 1), vectors, labels, NAMES, seed=0)
            .programmes["samples"]
            .attainable
        )
        informed = [row for origin, row in made.others if origin == "informed"]
        return min((((row - 1) @ vectors / 60) / attainable)[2] for row in informed)

    assert worst({"ship": 0.0}) >= -1e-6
    assert worst(0.5) < -0.1


def test_a_gene_chooses_the_programme_and_the_candidate_tells_which(vectors, labels):
    both = space(vectors, labels)
    settings = ProgrammeSettings((0, 1))
    breeding = Breeding(SETTINGS, settings, np.full(3, 0.5), seed=3, programmes=2)
    assert breeding.ranges.shape == (5, 2)
    candidates: list = []
    states: list = []
    Search(both.programmes, CONTROLS, SETTINGS, breeding, World(vectors), candidates.append, states.append).run()

    assert {candidate.variables for candidate in candidates} == {"groups", "samples"}
    genes: dict = {}
    for state in states:
        genes |= dict(zip(state.numbers, state.population, strict=True))
    for number, individual in genes.items():
        candidate = candidates[number]
        assert candidate.variables == ("samples" if individual[-1] >= 0.5 else "groups")
        if candidate.feasible:
            solution = both.programmes[candidate.variables].solve(candidate.alpha)
            np.testing.assert_allclose(candidate.weights, 1 + individual[3] * (solution.weights - 1), atol=1e-6)
