import itertools
import json

import numpy as np
import pytest

from engine.errors import Cancelled
from engine.reweight.breeding import Breeding
from engine.reweight.candidates import Candidate, Measured, SearchState
from engine.reweight.fitness import REJECTED
from engine.reweight.gain_model import SolverFailed
from engine.reweight.groups import class_weight_baselines
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme
from engine.reweight.search import Search
from engine.study import Search as SearchSettings

SETTINGS = SearchSettings(iterations=6, patience=6)
PAPER_MIX = {"elite_mutation": 6, "random": 6, "crossover": 6}


@pytest.fixture
def labels():
    return np.repeat(np.arange(3), 20)


@pytest.fixture
def vectors(labels):
    own = np.where(labels[:, None] == np.arange(3), 1.0, -0.4)
    return own + 0.8 * np.random.default_rng(1).standard_normal((60, 3))


@pytest.fixture
def programme(vectors):
    return ReweightProgramme(vectors, ProgrammeSettings(targets=(0, 1)))


def breeding(settings, programme):
    return Breeding(settings, programme.settings, np.full(3, 0.5), seed=3)


class World:
    """A pretended training: accuracy moves with the gain, a little bent by the weights."""

    control = Measured(np.full(3, 0.7), np.full(3, 1.0), np.full(3, -2.0))

    def __init__(self, vectors):
        self.vectors, self.trained = vectors, []

    def __call__(self, weights):
        self.trained.append(weights.copy())
        gain = (weights.astype(np.float64) - 1) @ self.vectors / len(weights)
        bend = 0.3 * np.mean((weights - 1) ** 2)
        better = gain - bend
        return Measured(self.control.accuracy + better, self.control.loss - better, self.control.value - 3 * better)


def run(programme, vectors, state=None, settings=SETTINGS, stop_after=None, baselines=(), **options):
    """Runs a search and returns its result with all that it reported."""
    world = World(vectors)
    candidates: list[Candidate] = []
    states: list[SearchState] = []

    def keep(state):
        states.append(SearchState.from_json(json.loads(json.dumps(state.to_json()))))
        if state.generation == stop_after:
            raise Cancelled

    bred = breeding(settings, programme)
    search = Search(programme, World.control, settings, bred, world, candidates.append, keep, **options)
    result = None
    try:
        result = search.run(state, baselines)
    except Cancelled:
        assert stop_after is not None
    return result, candidates, states, world


def plain(candidate):
    values = dict(vars(candidate))
    measured = values.pop("measured")
    return {
        **{key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in values.items()},
        "measured": measured and tuple(values.tolist() for values in vars(measured).values()),
    }


def test_a_generation_is_the_papers_mix_of_new_individuals(programme, vectors):
    _, candidates, states, _ = run(programme, vectors)

    first = [item.origin for item in candidates if item.generation == 0]
    assert (first.count("informed"), first.count("random")) == (3, 21)
    second = [item.origin for item in candidates if item.generation == 1]
    counts = {origin: second.count(origin) for origin in PAPER_MIX}
    # A copy of an elite that no gene of was moved is not new.
    assert counts["random"] == 6
    assert counts["elite_mutation"] <= 6
    assert counts["crossover"] <= 6
    assert sum(counts.values()) == len(second) >= 12
    assert [state.generation for state in states] == list(range(7))
    assert [item.number for item in candidates] == list(range(len(candidates)))


def test_elites_stay_and_the_best_never_gets_worse(programme, vectors):
    result, candidates, states, _ = run(programme, vectors)

    for before, after in itertools.pairwise(states):
        assert sorted(after.fitness[:6], reverse=True) == sorted(before.fitness, reverse=True)[:6]
        assert after.best_fitness >= before.best_fitness
    best = max(candidates, key=lambda item: item.fitness)
    assert result.best == best.number
    assert states[-1].best_fitness == best.fitness > 0


@pytest.mark.parametrize("generation", range(7))
def test_a_search_stopped_after_any_generation_goes_on_as_if_it_had_not(programme, vectors, generation):
    whole, candidates, states, _ = run(programme, vectors)
    _, before, kept, _ = run(programme, vectors, stop_after=generation)

    again = ReweightProgramme(vectors, ProgrammeSettings(targets=(0, 1)))
    resumed, after, later, _ = run(again, vectors, kept[-1])

    assert [plain(item) for item in before + after] == [plain(item) for item in candidates]
    assert kept + later == states
    assert (resumed.best, resumed.state) == (whole.best, whole.state)


def test_a_stored_state_without_values_was_judged_by_its_losses(programme, vectors):
    _, _, states, _ = run(programme, vectors, stop_after=0)
    new = json.loads(json.dumps(states[0].to_json()))
    old = {**new, "seen": {key: item[:2] for key, item in new["seen"].items()}}

    assert SearchState.from_json(new).seen == states[0].seen
    restored = SearchState.from_json(old).seen
    assert restored == {key: (accuracy, loss, loss) for key, (accuracy, loss, _) in states[0].seen.items()}
    assert restored != states[0].seen


def test_a_cancellation_between_candidates_passes_through_silently(programme, vectors, caplog):
    def cancel(stage, done, total, note=""):
        if done == 30:
            raise Cancelled

    with pytest.raises(Cancelled):
        Search(programme, World.control, SETTINGS, breeding(SETTINGS, programme), World(vectors), progress=cancel).run()
    assert caplog.records == []


def test_the_same_weights_are_trained_once_and_plain_training_not_at_all(vectors):
    # An exact trade-off: no weights are better than plain training under alpha = 0.
    opposed = np.stack([vectors[:, 0], -vectors[:, 0], vectors[:, 2]], axis=1)
    programme = ReweightProgramme(opposed, ProgrammeSettings(targets=(0, 1)))
    _, candidates, _, world = run(programme, opposed, baselines=[np.ones(60)])

    trained = [weights.tobytes() for weights in world.trained]
    assert candidates[0].measured is World.control
    assert len(trained) == len(set(trained)) < len(candidates)
    assert np.ones(60, np.float32).tobytes() not in trained
    assert all(item.measured is not None for item in candidates)


def test_weights_step_from_one_towards_the_solution(programme, vectors):
    _, candidates, _, _ = run(programme, vectors)

    full, half = candidates[:2]
    assert (full.step, half.step, full.alpha) == (1.0, 0.5, (0.0, 0.0, 0.0))
    np.testing.assert_allclose(half.weights - 1, (full.weights - 1) / 2, atol=1e-6)
    for item in candidates:
        np.testing.assert_allclose(item.predicted, programme.predicted(item.weights.astype(float)), atol=1e-6)


def test_thresholds_that_cannot_be_met_are_lowered_before_training(vectors):
    opposed = np.stack([vectors[:, 0], 0.1 * vectors[:, 1] - vectors[:, 0], vectors[:, 2]], axis=1)
    programme = ReweightProgramme(opposed, ProgrammeSettings(targets=(0, 1)))
    _, candidates, states, _ = run(programme, opposed)

    genes = states[0].population
    lowered = [item for item in candidates[:24] if item.alpha != genes[item.number][:-1]]
    assert lowered
    for item in lowered:
        assert item.feasible
        assert (np.array(item.alpha) <= np.array(genes[item.number][:-1]) + 1e-12).all()
        relative = item.predicted / item.step / programme.attainable
        assert (relative >= np.array(item.alpha) - 1e-6).all()


@pytest.mark.parametrize("solver_fails", [False, True])
def test_a_candidate_without_weights_is_rejected_and_not_trained(programme, vectors, monkeypatch, solver_fails):
    def repaired(alpha):
        if solver_fails:
            raise SolverFailed

    monkeypatch.setattr(programme, "repaired", repaired)
    result, candidates, _, world = run(programme, vectors)

    assert world.trained == []
    assert result.best is None
    assert {(item.feasible, item.fitness, item.measured) for item in candidates} == {(False, REJECTED, None)}


def test_baselines_are_measured_first_and_never_chosen(vectors, labels):
    # Samples of the third class help all classes, but the search may hardly move weights.
    vectors = vectors + 2.0 * (labels == 2)[:, None]
    programme = ReweightProgramme(vectors, ProgrammeSettings(targets=(2,), bounds=(0.99, 1.01)))
    baselines = class_weight_baselines(labels, programme.settings)
    result, candidates, states, world = run(programme, vectors, baselines=baselines)

    assert [item.origin for item in candidates[:4]] == ["baseline"] * 3 + ["informed"]
    np.testing.assert_allclose(world.trained[1], baselines[1], rtol=1e-6)
    assert candidates[1].fitness > states[-1].best_fitness
    assert candidates[result.best].origin != "baseline"


def test_the_search_ends_when_patience_does(programme, vectors):
    settings = SearchSettings(iterations=50, patience=2)
    result, _, states, _ = run(programme, vectors, settings=settings)

    assert result.state.stale == 2
    assert len(states) < 51
    assert len({state.best_fitness for state in states[-3:]}) == 1
    again, candidates, _, _ = run(programme, vectors, state=result.state, settings=settings)
    assert candidates == []
    assert again.best == result.best


@pytest.mark.parametrize(
    ("chosen", "low", "high"),
    [
        (ProgrammeSettings((0,)), [0, -0.5, -0.5, 0.1], [0.5, 0, 0, 1]),
        (ProgrammeSettings((0,), thresholds="paper", mean_preserving=False), [0, 0, 0, 1], [1, 1, 1, 1]),
    ],
    ids=["attainable", "paper"],
)
def test_genes_stay_in_their_ranges(vectors, chosen, low, high):
    settings = SearchSettings(iterations=4, mutation_rate=1.0, mutation_strength=2.0)
    _, _, states, _ = run(ReweightProgramme(vectors, chosen), vectors, settings=settings)
    genes = np.array([state.population for state in states])
    assert (genes >= low).all()
    assert (genes <= high).all()


@pytest.mark.parametrize(
    "sizes",
    [(4, 1, 1, 1, 1), (2, 2, 0, 0, 0), (3, 1, 2, 0, 0), (5, 2, 0, 3, 0)],
    ids=["one elite", "elites only", "more copies than elites", "no children"],
)
def test_unusual_sizes_work(programme, vectors, sizes):
    names = ("population", "elites", "mutated_elites", "randoms", "crossover_children")
    settings = SearchSettings(iterations=2, **dict(zip(names, sizes, strict=True)))
    result, candidates, _, _ = run(programme, vectors, settings=settings)

    assert len(result.state.population) == sizes[0]
    assert len(candidates) >= sizes[0]


def test_progress_counts_every_candidate_and_ends_whole(programme, vectors):
    seen = []
    run(programme, vectors, progress=lambda stage, done, total, note="": seen.append((stage, done, total)))

    total = 24 + 6 * 18
    assert seen[0] == ("search", 1, total)
    assert seen[-1] == ("search", total, total)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_weights_that_are_no_better_than_the_control_are_never_the_result(programme, vectors):
    control = World.control
    harmful = Measured(control.accuracy - np.array([0.0, 0.0, 0.3]), control.loss, control.value)
    search = Search(programme, World.control, SETTINGS, breeding(SETTINGS, programme), lambda weights: harmful)
    result = search.run()
    assert all(item.fitness < 0 for item in result.candidates if item.measured is harmful)
    assert result.best is None
