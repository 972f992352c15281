from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RefusedInput
from engine.frontier import WeightRange, certificate, headroom, interior_point, sparse_solver
from engine.frontier.certificate import dual_value, scaled_rows, solved
from engine.reweight_settings import Reweight

RANGES = (WeightRange(), WeightRange(0, 2), WeightRange(0, 2, False), WeightRange(0, 1), WeightRange(1, 3))


def influence(samples=60, classes=3, seed=0):
    return np.random.default_rng(seed).standard_normal((samples, classes))


def on_hyperplane(normal, samples=60, seed=0):
    vectors = influence(samples, len(normal), seed)
    return vectors - np.outer(vectors @ normal, normal) / (normal @ normal)


def check_feasible(weights, weight_range):
    assert weights.min() >= weight_range.lowest
    assert weights.max() <= weight_range.highest
    if weight_range.balanced:
        assert weights.mean() == pytest.approx(1, abs=1e-9)


def test_a_trade_off_line_of_two_classes_has_no_room():
    x = influence(50, 1)
    found = certificate(np.hstack([x, -2 * x]), WeightRange())
    assert found.value == pytest.approx(0, abs=1e-9)
    # In units of their mean influence the two classes pay each other one for one.
    np.testing.assert_allclose(found.prices, [0.5, 0.5], atol=1e-6)


def test_a_positive_normal_has_no_room_and_is_what_the_prices_say():
    normal = np.array([1.0, 2.0, 0.5])
    vectors = on_hyperplane(normal)
    found = certificate(vectors, WeightRange())
    assert found.value == pytest.approx(0, abs=1e-9)
    prices = found.prices / np.abs(vectors).mean(axis=0)
    np.testing.assert_allclose(prices / prices.sum(), normal / normal.sum(), atol=1e-5)


def test_a_mixed_normal_leaves_room_though_the_vectors_lie_on_a_hyperplane():
    assert certificate(on_hyperplane(np.array([1.0, -2.0, 0.5])), WeightRange()).value > 0.1


def test_one_class_moves_the_half_that_helps_up_and_the_other_down():
    found = certificate(np.array([[1.0], [2.0], [3.0], [4.0]]), WeightRange(0.5, 1.5))
    np.testing.assert_allclose(found.weights, [0.5, 0.5, 1.5, 1.5], atol=1e-6)
    assert found.value == pytest.approx(0.5 * (3 + 4 - 1 - 2) / 10)


def test_joint_negatives_are_what_removal_removes():
    vectors = np.array([[-1.0, -1.0], [1.0, -0.2], [-0.2, 1.0], [1.0, 1.0]])
    found = certificate(vectors, WeightRange(0, 1))
    assert found.weights[0] == pytest.approx(0, abs=1e-6)
    assert found.weights[3] == pytest.approx(1, abs=1e-6)


def test_classes_that_are_left_out_neither_bind_nor_cost():
    x = influence(50, 1)
    vectors = np.hstack([x, -x, influence(50, 1, seed=1)])
    assert certificate(vectors, WeightRange()).value == pytest.approx(0, abs=1e-9)
    found = certificate(vectors, WeightRange(), classes=(0, 2))
    assert found.value > 0.05
    assert found.prices[1] == 0


def test_weights_that_have_moved_already_keep_their_bounds_and_their_mean():
    start = np.random.default_rng(3).uniform(0.5, 1.5, 60)
    found = certificate(influence(), WeightRange(), start=start)
    assert found.weights.min() >= 0.5
    assert found.weights.max() <= 1.5
    assert found.weights.mean() == pytest.approx(start.mean())


@settings(deadline=None, max_examples=60)
@given(
    samples=st.integers(2, 40),
    classes=st.integers(1, 6),
    seed=st.integers(0, 10_000),
    flat=st.booleans(),
    scale=st.floats(-6, 6),
    weight_range=st.sampled_from(RANGES),
)
def test_both_sides_of_the_duality_meet(samples, classes, seed, flat, scale, weight_range):
    vectors = influence(samples, classes, seed)
    if flat and classes > 1:
        vectors -= vectors.mean(axis=1, keepdims=True)
    vectors[:, 0] *= 10**scale
    found = certificate(vectors, weight_range)
    check_feasible(found.weights, weight_range)
    shares = (found.weights - 1) @ vectors / np.abs(vectors).sum(axis=0)
    assert shares.min() == pytest.approx(found.value, abs=1e-9)
    assert -1e-9 <= found.bound - found.value <= 1e-6
    assert found.prices.sum() == pytest.approx(1)
    # Any other prices only bound it from above.
    rows, _ = scaled_rows(vectors, range(classes))
    other = np.random.default_rng(seed).dirichlet(np.ones(classes))
    lower, upper = weight_range.room(np.ones(samples))
    assert dual_value(other @ rows, lower, upper, weight_range.balanced) / samples >= found.value - 1e-9


@pytest.mark.parametrize("weight_range", RANGES)
@pytest.mark.parametrize("own", [False, True])
def test_the_interior_point_agrees_with_highs(weight_range, own):
    vectors = influence(200, 5, seed=4)
    rows, _ = scaled_rows(vectors, range(5))
    lower, upper = weight_range.room(np.ones(200))
    arguments = (rows[own:], lower, upper, weight_range.balanced, rows[0] if own else None)
    ours = interior_point.maximise(*arguments)
    for solver in ("ipm", "simplex"):
        theirs = sparse_solver.maximise(*arguments, solver=solver)
        value = (lambda d: rows[0] @ d) if own else (lambda d: (rows @ d).min())
        assert value(ours.delta) == pytest.approx(value(theirs.delta), rel=1e-6)
        np.testing.assert_allclose(ours.prices, theirs.prices, atol=1e-5)


@pytest.mark.parametrize("weight_range", RANGES)
@pytest.mark.parametrize("own", [False, True])
def test_the_interior_point_ends_after_few_steps_also_from_weights_at_their_bounds(weight_range, own):
    vectors = influence(200, 5, seed=4)
    rows, _ = scaled_rows(vectors, range(5))
    # Most weights cannot fall, so the middle of the bounds is far from a sum of 0.
    start = np.random.default_rng(3).uniform(weight_range.lowest, weight_range.highest, 200)
    start[:150] = weight_range.lowest
    lower, upper = weight_range.room(start)
    objective = rows[0] if own else None
    ours = interior_point.maximise(rows[own:], lower, upper, weight_range.balanced, objective)
    theirs = sparse_solver.maximise(rows[own:], lower, upper, weight_range.balanced, objective, solver="simplex")
    value = (lambda d: rows[0] @ d) if own else (lambda d: (rows @ d).min())
    assert ours.steps <= 13
    assert value(ours.delta) == pytest.approx(value(theirs.delta), rel=1e-6)
    if weight_range.balanced:
        assert ours.delta.sum() == pytest.approx(0, abs=1e-5)


def test_the_interior_point_needs_no_help_with_small_and_flat_programmes():
    generator = np.random.default_rng(0)
    for case in range(180):
        samples, classes = int(generator.integers(2, 60)), int(generator.integers(1, 7))
        vectors = generator.standard_normal((samples, classes))
        if case % 3 == 0 and classes > 1:
            vectors -= vectors.mean(axis=1, keepdims=True)
        rows, _ = scaled_rows(vectors, range(classes))
        weight_range, own = RANGES[case % len(RANGES)], case % 2
        arguments = (
            rows[own:],
            *weight_range.room(np.ones(samples)),
            weight_range.balanced,
            rows[0] if own else None,
        )
        ours, theirs = interior_point.maximise(*arguments), sparse_solver.maximise(*arguments, solver="simplex")
        value = (lambda d, rows=rows: rows[0] @ d) if own else (lambda d, rows=rows: (rows @ d).min())
        assert value(ours.delta) == pytest.approx(value(theirs.delta), abs=1e-5), case
        assert ours.steps <= 20, case


@pytest.mark.parametrize("seed", [8, 10, 15])
def test_a_step_is_never_longer_than_newtons(seed):
    rows, _ = scaled_rows(-np.abs(influence(2, 1, seed)), [0])
    found = interior_point.maximise(rows, *WeightRange(0, 1).room(np.ones(2)), False)
    np.testing.assert_allclose(found.delta, [-1, -1], atol=1e-6)


def test_the_search_ends_at_its_last_step(monkeypatch):
    rows, _ = scaled_rows(influence(), range(3))
    monkeypatch.setattr(interior_point, "STEPS", 2)
    assert interior_point.maximise(rows, *WeightRange().room(np.ones(60)), True).steps == 2


def test_numbers_that_overflow_end_the_search_where_it_is():
    rows, _ = scaled_rows(influence(), range(3))
    found = interior_point.maximise(rows * 1e200, *WeightRange().room(np.ones(60)), True)
    assert np.isfinite(found.delta).all()
    assert np.isfinite(found.prices).all()


def test_highs_takes_over_where_the_own_method_leaves_a_gap(monkeypatch):
    vectors = influence()
    expected = certificate(vectors, WeightRange())
    monkeypatch.setattr(interior_point, "STEPS", 2)
    found = certificate(vectors, WeightRange())
    assert found.value == pytest.approx(expected.value, abs=1e-6)
    monkeypatch.setattr(sparse_solver, "maximise", interior_point.maximise)
    with pytest.raises(RefusedInput, match="could not be solved"):
        certificate(vectors, WeightRange())


def test_headroom_raises_each_class_at_no_others_expense():
    vectors = influence(80, 4, seed=2)
    found = headroom(vectors, WeightRange())
    gains = found.changes @ vectors / 80
    np.testing.assert_allclose(np.diag(gains), found.gains, rtol=1e-5)
    assert gains.min() > -1e-6
    assert (found.gains > 0.01).all()


def test_prices_prove_that_no_weights_raise_the_class_further():
    vectors = influence(400, 3, seed=7)
    vectors[:, 1] -= 2 * vectors[:, 0]
    found = headroom(vectors, WeightRange())
    lower, upper = WeightRange().room(np.ones(400))
    for k in range(3):
        combined = vectors[:, k] + vectors @ found.prices[k]
        assert dual_value(combined, lower, upper, True) / 400 == pytest.approx(found.gains[k], rel=1e-6)
    assert found.prices[0, 1] > 0.1
    assert (np.diag(found.prices) == 0).all()


def test_headroom_of_some_classes_leaves_the_others_free_and_starts_from_given_weights():
    vectors = influence(80, 4, seed=2)
    start = np.random.default_rng(3).uniform(0.5, 1.5, 80)
    found = headroom(vectors, WeightRange(), [1, 3], start)
    alone = headroom(vectors[:, [1, 3]], WeightRange(), start=start)
    np.testing.assert_array_equal(found.changes[[1, 3]], alone.changes)
    np.testing.assert_array_equal(found.prices[np.ix_([1, 3], [1, 3])], alone.prices)
    np.testing.assert_array_equal(found.gains[[1, 3]], alone.gains)
    assert found.prices.sum() == pytest.approx(alone.prices.sum())
    assert not found.changes[[0, 2]].any()
    weights = start + found.changes[1]
    assert weights.min() > 0.5 - 1e-6
    assert weights.max() < 1.5 + 1e-6


def test_weights_that_cannot_move_stay_and_the_others_are_solved_without_them():
    vectors = influence(60, 3)
    rows, _ = scaled_rows(vectors, range(3))
    lower, upper = WeightRange().room(np.ones(60))
    lower[:20] = upper[:20] = 0
    found = solved(rows, lower, upper, True)
    assert not found.delta[:20].any()
    np.testing.assert_array_equal(found.delta[20:], solved(rows[:, 20:], lower[20:], upper[20:], True).delta)
    still = solved(rows, np.zeros(60), np.zeros(60), True)
    assert not still.delta.any()
    assert still.prices.sum() == pytest.approx(1)


@pytest.mark.parametrize("own", [False, True])
def test_what_a_solver_leaves_beside_the_bounds_is_brought_within_them(monkeypatch, own):
    vectors = influence(100, 3)
    rows, _ = scaled_rows(vectors, range(3))
    lower, upper = WeightRange().room(np.ones(100))
    objective = rows[0] if own else None
    exact = solved(rows[own:], lower, upper, True, objective)
    # Beside their sum to either side, or only beyond their bounds.
    for moved in (exact.delta + 1e-7, exact.delta - 1e-7, exact.delta * (1 + 1e-6)):
        beside = replace(exact, delta=moved)
        monkeypatch.setattr(interior_point, "maximise", lambda *_, beside=beside: beside)
        monkeypatch.setattr(sparse_solver, "maximise", lambda *_: pytest.fail("the first solver was near enough"))
        found = solved(rows[own:], lower, upper, True, objective)
        assert (found.delta >= lower).all()
        assert (found.delta <= upper).all()
        assert found.delta.sum() == pytest.approx(0, abs=1e-12)
        np.testing.assert_allclose(found.delta, exact.delta, atol=1e-6)


@pytest.mark.parametrize("own", [False, True])
def test_a_solution_is_taken_if_the_two_sides_meet_to_a_millionth_a_weight(monkeypatch, own):
    vectors = influence(100, 3)
    rows, _ = scaled_rows(vectors, range(3))
    lower, upper = WeightRange().room(np.ones(100))
    objective = rows[0] if own else None
    exact = solved(rows[own:], lower, upper, True, objective)
    reached = float(rows[0] @ exact.delta) if own else float((rows @ exact.delta).min())
    asked: list[int] = []

    def other(*_: object) -> interior_point.Optimum:
        asked.append(1)
        return exact

    monkeypatch.setattr(sparse_solver, "maximise", other)
    for share, times in ((0.5e-4, 0), (2e-4, 1)):
        short = replace(exact, delta=exact.delta * (1 - share / reached))
        monkeypatch.setattr(interior_point, "maximise", lambda *_, short=short: short)
        asked.clear()
        solved(rows[own:], lower, upper, True, objective)
        assert len(asked) == times


def test_a_solution_that_lets_another_class_lose_is_not_taken(monkeypatch):
    vectors = influence(100, 3)
    vectors[:, 1] -= 2 * vectors[:, 0]
    rows, _ = scaled_rows(vectors, range(3))
    lower, upper = WeightRange().room(np.ones(100))
    exact = solved(rows[1:], lower, upper, True, rows[0])
    selfish = solved(np.zeros((0, 100)), lower, upper, True, rows[0])
    assert (rows[1:] @ selfish.delta).min() < -1
    monkeypatch.setattr(interior_point, "maximise", lambda *_: replace(selfish, prices=exact.prices))
    np.testing.assert_allclose(solved(rows[1:], lower, upper, True, rows[0]).delta, exact.delta, atol=1e-4)


def test_a_trade_off_line_has_no_headroom():
    x = influence(50, 1)
    found = headroom(np.hstack([x, -2 * x]), WeightRange())
    np.testing.assert_allclose(found.gains, 0, atol=1e-9)
    np.testing.assert_allclose(found.prices, [[0, 0.5], [2.0, 0]], atol=1e-5)


def test_what_cannot_be_certified_is_refused():
    vectors = influence()
    with pytest.raises(RefusedInput, match="class number 1"):
        certificate(vectors * [1, 0, 1], WeightRange())
    with pytest.raises(RefusedInput, match="not finite"):
        certificate(vectors * [1, np.nan, 1], WeightRange())
    with pytest.raises(RefusedInput, match="no class is chosen"):
        certificate(vectors, WeightRange(), classes=())


@pytest.mark.parametrize("bounds", [(1.2, 2), (-0.1, 2), (0.5, np.inf), (0.2, 0.5), (1, 1)])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(RefusedInput, match="weights between"):
        WeightRange(*bounds)


def test_the_mean_is_kept_only_where_that_is_asked_and_possible():
    balanced = [weight_range.balanced for weight_range in RANGES]
    assert balanced == [True, True, False, False, False]
    vectors = influence() + 1
    assert certificate(vectors, WeightRange(0, 2, False)).weights.mean() > 1.1


def test_weights_outside_their_bounds_have_no_room_to_go_further():
    lower, upper = WeightRange(0.5, 1.5).room(np.array([0.2, 0.5, 1.0, 1.7]))
    np.testing.assert_allclose(lower, [0, 0, -0.5, -1.2])
    np.testing.assert_allclose(upper, [1.3, 1.0, 0.5, 0])


def test_the_range_is_that_of_the_study():
    for free in (False, True):
        reweight = Reweight(weight_bounds=(0.25, 3.0), mean_preserving=free)
        assert WeightRange.from_study(reweight) == WeightRange(0.25, 3.0, free)
