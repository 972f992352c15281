"""Candidates race for the elites' places: one batch order first, all of them before they may lead."""

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest

from engine.reweight.candidates import Measured
from engine.reweight.fitness import fitness
from engine.reweight.search import Search
from tests.engine.reweight.cases import CONTROLS, ORDERS, SETTINGS, breeding, control, noise, run, sizes


def test_weights_that_are_no_better_than_the_control_are_never_the_result_and_do_not_race(programme, vectors):
    asked = []

    def harmful(weights, orders):
        asked.extend(orders)
        plain = [control(order) for order in orders]
        return [Measured(one.accuracy - np.array([0.0, 0.0, 0.3]), one.loss, one.value) for one in plain]

    result = Search({"samples": programme}, CONTROLS, SETTINGS, breeding(SETTINGS, programme), harmful).run()
    assert all(item.fitness < 0 for item in result.candidates)
    assert result.best is None
    assert set(asked) == {0}


def test_one_that_is_lucky_in_the_first_order_falls_behind_in_the_race(programme, vectors):
    _, candidates, _, _ = run(programme, vectors)
    lucky = min((item for item in candidates if item.generation == 0), key=lambda item: item.fitness)

    def luck(weights, order):
        return (0.5, -0.5, 0.1)[order] if np.array_equal(weights, lucky.weights) else 0.0

    at_once, _, _, _ = run(programme, vectors, noise=luck, settings=sizes(orders=1))
    assert at_once.best == lucky.number

    raced, again, _, world = run(programme, vectors, noise=luck)
    assert raced.best != lucky.number
    assert again[lucky.number].fitness < again[raced.best].fitness
    # Its second order already took it from the elites: the third was spared.
    assert again[lucky.number].measured.orders == 2
    assert [order for weights, order in world.trained if weights == lucky.weights.tobytes()] == [0, 1]


def test_candidates_are_trained_in_one_order_after_the_other_and_lead_only_with_all(programme, vectors):
    result, candidates, states, world = run(programme, vectors, noise=noise)

    orders = defaultdict(list)
    for weights, order in world.trained:
        orders[weights].append(order)
    assert all(asked == list(range(len(asked))) for asked in orders.values())
    counts = Counter(map(len, orders.values()))
    assert counts[1] > counts[ORDERS] >= 6
    for item in candidates:
        kept = len(orders[item.weights.tobytes()])
        assert item.measured.orders <= kept
    for state in states:
        judged = [item for item in candidates if item.generation <= state.generation]
        assert judged[state.best].measured.orders == ORDERS
        assert judged[state.best].fitness == state.best_fitness == max(item.fitness for item in judged)
        elites = sorted(zip(state.fitness, state.numbers, strict=True), reverse=True)[:6]
        assert all(candidates[number].measured.orders == ORDERS for score, number in elites if score > 0)
    assert result.best == states[-1].best


def test_trainings_are_counted_as_they_are_asked_for(programme, vectors):
    others = [("baseline", np.linspace(0.8, 1.2, 60))]
    result, candidates, states, world = run(programme, vectors, noise=noise, others=others)

    assert result.state.trainings == len(world.trained) == len(set(world.trained))
    assert candidates[0].trainings == ORDERS
    for state in states:
        assert {item.trainings for item in candidates if item.generation == state.generation} - {ORDERS} == {
            state.trainings
        }
    assert [state.trainings for state in states] == sorted({state.trainings for state in states})


@pytest.mark.parametrize("judged", [{"tolerance": 0.0, "loss_weight": 1.0}, {"tolerance": 0.04, "loss_weight": 3.0}])
def test_candidates_are_judged_by_the_mean_over_their_orders_against_the_control_in_the_same(
    programme, vectors, judged
):
    _, candidates, _, _ = run(programme, vectors, noise=noise, settings=sizes(**judged))

    assert {item.measured.orders for item in candidates} == {1, 2, 3}
    for item in candidates:
        plain = Measured.mean(CONTROLS[: item.measured.orders])
        expected = fitness(item.measured.accuracy - plain.accuracy, (0, 1), **judged)
        assert item.fitness == pytest.approx(expected, abs=1e-12)


def test_a_target_that_gains_in_one_order_what_it_loses_in_another_did_not_get_worse(programme, vectors):
    thirds = (0.1, 0.2, 0.3)
    controls = [Measured(np.array([0.5, one, 0.5]), np.ones(3), np.ones(3)) for one in thirds]

    def swapped(weights, orders):
        return [Measured(np.array([0.6, thirds[(order + 1) % 3], 0.5]), np.ones(3), np.ones(3)) for order in orders]

    result = Search({"samples": programme}, controls, SETTINGS, breeding(SETTINGS, programme), swapped).run()
    raced = [item.fitness for item in result.candidates if item.measured and item.measured.orders == ORDERS]
    assert raced == pytest.approx([0.1] * len(raced))
    assert result.best is not None


def test_nothing_is_trained_again_that_the_elites_of_before_are_better_than(programme, vectors):
    _, candidates, states, world = run(programme, vectors, noise=noise)

    spared = 0
    for before, after in itertools.pairwise(states):
        bar = sorted(before.fitness, reverse=True)[SETTINGS.elites - 1]
        known = {item.weights.tobytes() for item in candidates if item.generation <= before.generation}
        for item in candidates:
            if item.generation == after.generation and item.feasible and item.weights.tobytes() not in known:
                changes = world.one(item.weights, 0).accuracy - control(0).accuracy
                if fitness(changes, (0, 1), SETTINGS.tolerance, SETTINGS.loss_weight) < bar:
                    spared += 1
                    assert item.measured.orders == 1
    assert spared > 20


def test_certificates_race_with_the_first_population_and_may_be_chosen_but_take_no_elites_place(programme, vectors):
    _, found, _, _ = run(programme, vectors, settings=sizes(iterations=20))
    better = max(found, key=lambda item: item.fitness).weights.astype(np.float64)
    rows = [better, 1 + 0.99 * (better - 1), 1 + 0.98 * (better - 1), 2 - better]
    result, candidates, states, world = run(
        programme, vectors, others=[("certificate", row) for row in rows], settings=sizes(iterations=1)
    )

    assert [item.origin for item in candidates[:5]] == ["certificate"] * 4 + ["informed"]
    assert [item.measured.orders for item in candidates[:4]] == [ORDERS, ORDERS, ORDERS, 1]
    assert result.best == max(range(3), key=lambda number: candidates[number].fitness)
    first = states[0]
    elites = sorted(zip(first.fitness, first.numbers, strict=True), reverse=True)[: SETTINGS.elites]
    assert elites[-1][0] > 0
    assert {candidates[number].measured.orders for _, number in elites} == {ORDERS}
    assert len(world.trained) == result.state.trainings
