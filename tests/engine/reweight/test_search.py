import itertools

import numpy as np
import pytest

from engine.errors import Cancelled
from engine.reweight.candidates import Measured
from engine.reweight.fitness import REJECTED
from engine.reweight.gain_model import SolverFailed
from engine.reweight.groups import class_weight_baselines
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme
from engine.reweight.search import Search
from tests.engine.reweight.cases import CONTROLS, ORDERS, SETTINGS, World, breeding, noise, run, sizes

PAPER_MIX = {"elite_mutation": 6, "random": 6, "crossover": 6}


def plain(candidate):
    values = {name: np.asarray(value).tolist() for name, value in vars(candidate).items() if name != "measured"}
    return {
        **values,
        "measured": candidate.measured and [np.asarray(v).tolist() for v in vars(candidate.measured).values()],
    }


def test_a_generation_is_the_papers_mix_of_new_individuals(programme, vectors):
    _, candidates, states, _ = run(programme, vectors)

    first = [item.origin for item in candidates if item.generation == 0]
    assert (first.count("informed"), first.count("random")) == (5, 19)
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
    others = [("certificate", np.linspace(0.9, 1.1, 60))]
    whole, candidates, states, _ = run(programme, vectors, others=others, noise=noise)
    _, before, kept, _ = run(programme, vectors, stop_after=generation, others=others, noise=noise)

    again = ReweightProgramme(vectors, ProgrammeSettings(targets=(0, 1)))
    resumed, after, later, _ = run(again, vectors, kept[-1], others=others, noise=noise)

    assert [plain(item) for item in before + after] == [plain(item) for item in candidates]
    assert kept + later == states
    assert (resumed.best, resumed.state) == (whole.best, whole.state)


def test_a_cancellation_between_candidates_passes_through_silently(programme, vectors, caplog):
    def cancel(stage, done, total, note=""):
        if done == 30:
            raise Cancelled

    with pytest.raises(Cancelled):
        Search(
            {"samples": programme}, CONTROLS, SETTINGS, breeding(SETTINGS, programme), World(vectors), progress=cancel
        ).run()
    assert caplog.records == []


def test_the_same_weights_are_trained_once_in_an_order_and_plain_training_not_at_all(vectors):
    # An exact trade-off: no weights are better than plain training under alpha = 0.
    opposed = np.stack([vectors[:, 0], -vectors[:, 0], vectors[:, 2]], axis=1)
    programme = ReweightProgramme(opposed, ProgrammeSettings(targets=(0, 1)))
    result, candidates, _, world = run(programme, opposed, others=[("baseline", np.ones(60))])

    np.testing.assert_array_equal(candidates[0].measured.accuracy, Measured.mean(CONTROLS).accuracy)
    assert (candidates[0].measured.orders, candidates[0].fitness, candidates[0].trainings) == (ORDERS, 0.0, 0)
    assert len(world.trained) == len(set(world.trained)) == result.state.trainings
    assert len({weights for weights, _ in world.trained}) < len(candidates)
    assert np.ones(60, np.float32).tobytes() not in dict(world.trained)
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


def test_class_weights_are_measured_first_in_every_order_and_may_be_chosen_but_nothing_is_bred_from_them(
    vectors, labels
):
    # Samples of the third class help all classes, but the search may hardly move weights.
    vectors = vectors + 2.0 * (labels == 2)[:, None]
    programme = ReweightProgramme(vectors, ProgrammeSettings(targets=(2,), bounds=(0.99, 1.01)))
    rows = [("baseline", weights) for weights in class_weight_baselines(labels, programme.settings)]
    result, candidates, states, world = run(programme, vectors, others=rows)

    assert [item.origin for item in candidates[:5]] == ["baseline"] * 4 + ["informed"]
    trained = [(weights.astype(np.float32).tobytes(), order) for _, weights in rows for order in range(ORDERS)]
    assert world.trained[:12] == trained
    assert {(item.measured.orders, item.trainings, item.alpha) for item in candidates[:4]} == {(ORDERS, 12, None)}
    assert candidates[result.best].origin == "baseline"
    assert candidates[result.best].fitness == max(item.fitness for item in candidates) == states[-1].best_fitness
    assert all(number >= 4 for state in states for number in state.numbers)


def test_the_search_ends_when_patience_does(programme, vectors):
    settings = sizes(iterations=50, patience=2)
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
    settings = sizes(iterations=4, mutation_rate=1.0, mutation_strength=2.0)
    _, _, states, _ = run(ReweightProgramme(vectors, chosen), vectors, settings=settings)
    genes = np.array([state.population for state in states])
    assert (genes >= low).all()
    assert (genes <= high).all()


@pytest.mark.parametrize(
    "parts",
    [(4, 1, 1, 1, 1), (2, 2, 0, 0, 0), (3, 1, 2, 0, 0), (5, 2, 0, 3, 0)],
    ids=["one elite", "elites only", "more copies than elites", "no children"],
)
def test_unusual_sizes_work(programme, vectors, parts):
    names = ("population", "elites", "mutated_elites", "randoms", "crossover_children")
    settings = sizes(iterations=2, **dict(zip(names, parts, strict=True)))
    result, candidates, _, _ = run(programme, vectors, settings=settings)

    assert len(result.state.population) == parts[0]
    assert len(candidates) >= parts[0]


def test_progress_counts_every_candidate_and_ends_whole(programme, vectors):
    seen = []
    others = [("baseline", np.linspace(0.8, 1.2, 60))]
    run(programme, vectors, others=others, progress=lambda *call: seen.append(call[:3]))

    total = 1 + 24 + 6 * 18
    assert seen[0] == ("search", 1, total)
    assert seen[-1] == ("search", total, total)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
