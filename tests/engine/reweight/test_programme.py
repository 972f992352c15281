import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engine.errors import RefusedInput
from engine.reweight.gain_model import TIE_BREAK, GainModel, SolverFailed
from engine.reweight.programme import Infeasible, ProgrammeSettings, ReweightProgramme, sweep
from engine.reweight_settings import Reweight


def random_vectors(seed=0, samples=40, classes=3):
    return np.random.default_rng(seed).standard_normal((samples, classes))


def reference(vectors, chosen, alpha):
    """The optimum by another library from the formulas, unscaled, or None if infeasible."""
    samples, classes = vectors.shape
    low, high = chosen.bounds
    attainable = ReweightProgramme(vectors, chosen).attainable
    targets = list(chosen.targets)
    gain = vectors.T / samples
    if chosen.thresholds == "attainable":
        rows, limits = -gain, -alpha * attainable
    else:
        rows, limits = -gain, -(alpha - 1) * gain.sum(axis=1)
    rows = np.hstack([rows, np.zeros((classes, 1))])
    cost = np.zeros(samples + 1)
    if chosen.objective == "max_min":
        relative = gain[targets] / attainable[targets, None]
        rows = np.vstack([rows, np.hstack([-relative, np.ones((len(targets), 1))])])
        limits = np.append(limits, np.zeros(len(targets)))
        cost[-1] = -1
    elif chosen.thresholds == "attainable":
        cost[:samples] = -(gain[targets] / attainable[targets, None]).sum(axis=0)
    else:
        cost[:samples] = -vectors[:, targets].sum(axis=1)
    balance = np.append(np.ones(samples), 0)[None] if chosen.mean_preserving else None
    limits_of = [(low - 1, high - 1)] * samples + [(None, None) if chosen.objective == "max_min" else (0, 0)]
    found = linprog(cost, rows, limits, balance, [0.0] if balance is not None else None, limits_of)
    if found.status == 2:
        return None
    extra = vectors[:, targets].sum() if (chosen.objective, chosen.thresholds) == ("sum", "paper") else 0.0
    return -found.fun + extra


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    samples=st.integers(4, 25),
    classes=st.integers(2, 4),
    form=st.sampled_from([("attainable", True), ("attainable", False), ("paper", False)]),
    objective=st.sampled_from(["max_min", "sum"]),
    bounds=st.sampled_from([(0.5, 1.5), (0.0, 2.0), (0.2, 1.1)]),
    data=st.data(),
)
def test_the_optimum_is_that_of_another_solver(seed, samples, classes, form, objective, bounds, data):
    vectors = random_vectors(seed, samples, classes)
    targets = tuple(sorted(data.draw(st.sets(st.integers(0, classes - 1), min_size=1))))
    ranges = st.floats(-1, 1) if form[0] == "attainable" else st.floats(0, 1)
    alpha = np.array(data.draw(st.lists(ranges, min_size=classes, max_size=classes)))
    chosen = ProgrammeSettings(targets, bounds, objective, form[0], form[1])
    programme = ReweightProgramme(vectors, chosen)
    expected = reference(vectors, chosen, alpha)

    if expected is None:
        with pytest.raises(Infeasible):
            programme.solve(alpha)
        return
    solution = programme.solve(alpha)
    assert solution.objective == pytest.approx(expected, abs=2 * TIE_BREAK if objective == "max_min" else 1e-5)


@pytest.mark.parametrize("thresholds", ["attainable", "paper"])
@pytest.mark.parametrize("objective", ["max_min", "sum"])
def test_a_solution_keeps_bounds_thresholds_and_mean(thresholds, objective):
    vectors = random_vectors(samples=200, classes=5)
    balanced = thresholds == "attainable"
    chosen = ProgrammeSettings((1, 3), (0.5, 1.5), objective, thresholds, balanced)
    alpha = np.array([-0.1, 0.2, 0.0, -0.05, 0.1]) if balanced else np.array([0.9, 1.0, 0.5, 0.2, 0.0])
    solution = ReweightProgramme(vectors, chosen).solve(alpha)

    assert solution.weights.min() >= 0.5
    assert solution.weights.max() <= 1.5
    if balanced:
        assert solution.weights.mean() == pytest.approx(1, abs=1e-6)
        assert (solution.relative >= alpha - 1e-6).all()
    else:
        weighted = solution.weights @ vectors
        assert (weighted >= alpha * vectors.sum(axis=0) - 1e-4).all()
    np.testing.assert_allclose(solution.gains, (solution.weights - 1) @ vectors / 200, atol=1e-12)
    np.testing.assert_allclose(solution.relative * ReweightProgramme(vectors, chosen).attainable, solution.gains)


def trade_off(slope=1.0):
    along = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    return np.stack([along, -slope * along], axis=1)


def test_on_an_exact_trade_off_line_not_both_classes_can_gain():
    for slope in (1.0, 0.3):
        solution = ReweightProgramme(trade_off(slope), ProgrammeSettings((0, 1))).solve([0, 0])
        assert solution.objective == pytest.approx(0, abs=1e-6)
        np.testing.assert_allclose(solution.gains, 0, atol=1e-6)


def test_on_an_exact_trade_off_line_a_gain_costs_its_price():
    programme = ReweightProgramme(trade_off(), ProgrammeSettings((0,)))
    np.testing.assert_allclose(programme.attainable, 0.5 * np.array([7, 7]) / 6)
    for level, solution in zip((0.0, 0.25, 1.0, 2.0), sweep(programme, (0.0, 0.25, 1.0, 2.0)), strict=True):
        assert solution.objective == pytest.approx(min(level, 1), abs=1e-6)
        assert solution.relative[1] == pytest.approx(-min(level, 1), abs=1e-6)


def test_a_plane_with_a_positive_normal_leaves_no_gain_and_one_with_a_mixed_normal_does():
    generator = np.random.default_rng(5)
    for direction, positive in (([1.0, 2.0, 0.5], False), ([1.0, -2.0, 0.5], True)):
        normal = np.array(direction) / np.linalg.norm(direction)
        points = generator.standard_normal((60, 3))
        points -= np.outer(points @ normal, normal)
        objective = ReweightProgramme(points, ProgrammeSettings((0, 1, 2))).solve([0, 0, 0]).objective
        assert objective > 0.1 if positive else objective == pytest.approx(0, abs=1e-6)


def test_max_min_serves_the_poorest_target_where_the_sum_forgets_it():
    vectors = np.random.default_rng(3).standard_normal((50, 2)) @ np.array([[1.0, -0.9], [0.1, 0.3]])
    fair = ReweightProgramme(vectors, ProgrammeSettings((0, 1), objective="max_min")).solve([-1, -1])
    total = ReweightProgramme(vectors, ProgrammeSettings((0, 1), objective="sum")).solve([-1, -1])

    assert fair.relative.min() > total.relative.min()
    assert total.relative.sum() > fair.relative.sum()


def test_among_equal_smallest_gains_the_other_targets_gain_more():
    # The first two classes hold each other at 0; the third is free to gain all it can.
    vectors = np.zeros((12, 3))
    vectors[:6, :2] = trade_off()
    vectors[6:, 2] = [3, 2, 1, -1, -2, -3]
    solution = ReweightProgramme(vectors, ProgrammeSettings((0, 1, 2))).solve([0, 0, 0])
    np.testing.assert_allclose(solution.relative, [0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 3.0)])
def test_only_removal_or_only_raising_does_without_the_mean(bounds):
    programme = ReweightProgramme(random_vectors(), ProgrammeSettings((0,), bounds))
    solution = programme.solve([0, -1, -1])

    assert programme.attainable.min() > 0
    assert solution.objective > 0.9
    assert (solution.weights.mean() < 1) == (bounds[1] == 1)


@pytest.mark.parametrize("groups", [None, np.arange(40) // 4], ids=["samples", "groups"])
@pytest.mark.parametrize("balanced", [True, False])
def test_the_attainable_gain_is_the_optimum_of_the_class_alone(groups, balanced):
    vectors = random_vectors(3)
    for k in range(3):
        chosen = ProgrammeSettings((k,), (0.25, 1.5), mean_preserving=balanced)
        programme = ReweightProgramme(vectors, chosen, groups)
        solution = programme.solve([-10, -10, -10])
        assert solution.relative[k] == pytest.approx(1, abs=1e-6)
        assert (solution.weights - 1) @ vectors[:, k] / 40 == pytest.approx(programme.attainable[k])


def test_groups_share_one_weight_and_samples_do_not():
    groups = np.random.default_rng(0).choice([7, 2, 5, 9], 40)
    vectors = random_vectors(2)
    solution = ReweightProgramme(vectors, ProgrammeSettings((0,)), groups).solve([0, -1, -1])

    for group in np.unique(groups):
        assert np.ptp(solution.weights[groups == group]) == 0
    assert len(np.unique(solution.weights)) > 1
    assert solution.weights.mean() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(solution.gains, (solution.weights - 1) @ vectors / 40, atol=1e-12)
    single = ReweightProgramme(vectors, ProgrammeSettings((0,))).solve([0, -1, -1])
    assert single.gains[0] > solution.gains[0]


def test_the_same_thresholds_give_the_same_weights_whatever_was_solved_before():
    vectors = random_vectors(4, samples=120, classes=4)
    chosen = ProgrammeSettings((0, 1))
    cold = ReweightProgramme(vectors, chosen).solve([0, 0.1, -0.2, 0])
    warm = ReweightProgramme(vectors, chosen)
    for alpha in ([0, 0, 0, 0], [0.2, 0, -0.5, -0.1], [-1, -1, -1, -1]):
        warm.solve(alpha)
    with pytest.raises(Infeasible):
        warm.solve([0.9, 0.9, 0.9, 0.9])

    assert np.array_equal(warm.solve([0, 0.1, -0.2, 0]).weights, cold.weights)


def test_a_sweep_is_as_good_as_its_points_alone_and_repeats():
    vectors = random_vectors(7, samples=150, classes=4)
    # What one class gains the others lose.
    vectors -= vectors.mean(axis=1, keepdims=True)
    programme = ReweightProgramme(vectors, ProgrammeSettings((0, 1)))
    levels = np.linspace(0, 0.4, 9)
    frontier = sweep(programme, levels)

    objectives = [solution.objective for solution in frontier]
    assert (np.diff(objectives) > -1e-6).all()
    assert objectives[-1] > objectives[0] + 0.05
    for level, solution in zip(levels, frontier, strict=True):
        alone = programme.solve([0, 0, -level, -level])
        assert solution.objective == pytest.approx(alone.objective, abs=1e-6)
    again = sweep(programme, levels)
    assert all(np.array_equal(one.weights, other.weights) for one, other in zip(frontier, again, strict=True))


@pytest.mark.parametrize(("shift", "message"), [(0.0, "threshold by 0.1"), (0.3, "mean weight by 0.3")])
def test_a_solution_that_does_not_hold_when_recomputed_is_not_given_out(monkeypatch, shift, message):
    programme = ReweightProgramme(random_vectors(), ProgrammeSettings((0,)))
    monkeypatch.setattr(GainModel, "maximise", lambda self, required, go_on: np.full(40, shift))
    with pytest.raises(SolverFailed, match=message):
        programme.solve([0.1 if shift == 0 else -1, -1, -1])


def test_weights_are_within_the_bounds_to_the_last_bit(monkeypatch):
    programme = ReweightProgramme(random_vectors(), ProgrammeSettings((0,)))
    beyond = np.repeat([0.5 + 1e-8, -0.5 - 1e-8], 20)
    monkeypatch.setattr(GainModel, "maximise", lambda self, required, go_on: beyond)
    weights = programme.solve([-1, -1, -1]).weights
    assert (weights.min(), weights.max()) == (0.5, 1.5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_influence_that_is_not_finite_is_refused_with_the_sample(value):
    vectors = random_vectors()
    vectors[17, 1] = value
    with pytest.raises(RefusedInput, match=r"1 influence vectors are not finite, the first is that of sample 17"):
        ReweightProgramme(vectors, ProgrammeSettings((0,)))


def test_thresholds_that_cannot_be_met_name_the_class_and_what_would_do():
    programme = ReweightProgramme(trade_off(), ProgrammeSettings((0,)), class_names=("cat", "dog"))
    with pytest.raises(Infeasible, match=r"Change the threshold of cat from 0\.5 to 0\.2\.") as caught:
        programme.solve([0.5, -0.2])

    np.testing.assert_allclose(caught.value.amounts, [0.3, 0], atol=1e-5)
    assert programme.solve(caught.value.eased).objective == pytest.approx(0.2, abs=1e-4)
    with pytest.raises(Infeasible):
        programme.solve([0.21, -0.2])


@pytest.mark.parametrize("thresholds", ["attainable", "paper"])
def test_eased_thresholds_can_be_met(thresholds):
    chosen = ProgrammeSettings((0, 1), thresholds=thresholds, mean_preserving=thresholds == "attainable")
    generator = np.random.default_rng(6)
    refused = 0
    for seed in range(8):
        # A mean below 0 makes plain training fail the paper's thresholds.
        programme = ReweightProgramme(random_vectors(seed) - 1.5, chosen)
        alpha = generator.uniform(0, 1 if thresholds == "attainable" else 0.3, 3)
        try:
            programme.solve(alpha)
        except Infeasible as refusal:
            refused += 1
            programme.solve(refusal.eased)
            found = programme.repaired(alpha)
            assert found is not None
            np.testing.assert_array_equal(found[0], refusal.eased)
    assert refused > 2


def test_the_papers_thresholds_are_shares_of_the_weighted_sum():
    vectors = np.array([[3.0, 1.0], [-1.0, 2.0], [1.0, -1.0], [2.0, 1.0]])
    chosen = ProgrammeSettings((0,), (0.0, 1.5), "sum", "paper", mean_preserving=False)
    programme = ReweightProgramme(vectors, chosen)

    free = programme.solve([0, 0])
    np.testing.assert_allclose(free.weights, [1.5, 0, 1.5, 1.5], atol=1e-9)
    assert free.objective == pytest.approx(9)
    # 1.5 + 2 w - 1.5 + 1.5 >= 3 needs w = 0.75 of the second sample at a price of 0.75.
    tight = programme.solve([0, 1])
    np.testing.assert_allclose(tight.weights, [1.5, 0.75, 1.5, 1.5], atol=1e-6)
    assert tight.objective == pytest.approx(8.25)


def test_plain_training_fails_the_papers_thresholds_where_the_sum_is_negative():
    vectors = np.array([[-1.0, 1.0], [-2.0, -1.0], [0.5, 1.0]])
    chosen = ProgrammeSettings((1,), (0.9, 1.1), "sum", "paper", mean_preserving=False)
    programme = ReweightProgramme(vectors, chosen)

    programme.solve([1, 1])
    # At most 0.35 of the -2.5 can be gained, so no weights reach half of it.
    with pytest.raises(Infeasible) as caught:
        programme.solve([0.5, 0])
    assert caught.value.eased[0] == pytest.approx(1 - 0.35 / 2.5, abs=1e-4)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (ProgrammeSettings(()), "targets"),
        (ProgrammeSettings((3,)), "targets"),
        (ProgrammeSettings((0, 0)), "targets"),
        (ProgrammeSettings((0,), (1.1, 2.0)), "bounds"),
        (ProgrammeSettings((0,), (1.0, 1.0)), "bounds"),
        (ProgrammeSettings((0,), (-0.5, 1.5)), "bounds"),
    ],
)
def test_settings_that_make_no_programme_are_refused(chosen, message):
    with pytest.raises(RefusedInput, match=message):
        ReweightProgramme(random_vectors(), chosen)


def test_shapes_that_do_not_fit_are_refused():
    programme = ReweightProgramme(random_vectors(), ProgrammeSettings((0,)))
    for alpha in ([0, 0], [0, 0, np.nan]):
        with pytest.raises(RefusedInput, match="3 finite numbers"):
            programme.solve(alpha)
    with pytest.raises(RefusedInput, match="one for each of 40"):
        ReweightProgramme(random_vectors(), ProgrammeSettings((0,)), np.zeros(39, dtype=int))
    with pytest.raises(RefusedInput, match="samples x classes"):
        ReweightProgramme(np.zeros((0, 3)), ProgrammeSettings((0,)))


def test_a_class_that_no_weights_change_is_refused_by_name():
    vectors = random_vectors()
    vectors[:, 2] = 0.1
    with pytest.raises(RefusedInput, match="improve dog"):
        ReweightProgramme(vectors, ProgrammeSettings((0,)), class_names=("cat", "ship", "dog"))
    # Without the mean constraint a constant influence can be used: by training on more.
    ReweightProgramme(vectors, ProgrammeSettings((0,), mean_preserving=False))


def test_influence_of_any_scale_gives_the_same_weights():
    vectors = random_vectors(8)
    expected = ReweightProgramme(vectors, ProgrammeSettings((0, 1))).solve([0, 0, -0.1])
    for scale in (1e-9, 1e6):
        solution = ReweightProgramme(vectors * [scale, 1, 1], ProgrammeSettings((0, 1))).solve([0, 0, -0.1])
        np.testing.assert_allclose(solution.weights, expected.weights, atol=1e-6)


def test_samples_without_influence_are_no_obstacle():
    vectors = random_vectors(9)
    vectors[::2] = 0
    for balanced in (True, False):
        solution = ReweightProgramme(vectors, ProgrammeSettings((0,), mean_preserving=balanced)).solve([0, 0, 0])
        assert solution.objective > 0


def test_settings_follow_the_study_and_the_paper_has_no_mean_constraint():
    chosen = ProgrammeSettings.from_study(Reweight(weight_bounds=(0.2, 1.8), objective="sum"), (1,))
    assert chosen == ProgrammeSettings((1,), (0.2, 1.8), "sum", "attainable", True)
    assert not ProgrammeSettings.from_study(Reweight(thresholds="paper"), (1,)).mean_preserving


def test_gains_of_any_weights_are_predicted():
    vectors = random_vectors(1)
    programme = ReweightProgramme(vectors, ProgrammeSettings((0,)), np.arange(40) // 10)
    removed = np.ones(40)
    removed[5] = 0
    np.testing.assert_allclose(programme.predicted(removed), -vectors[5] / 40)
