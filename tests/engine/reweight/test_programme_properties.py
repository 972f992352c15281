"""What holds of every solution and every refusal of the programme, whatever is drawn."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engine.errors import RefusedInput
from engine.reweight.gain_model import TIE_BREAK, GainModel, SolverFailed
from engine.reweight.programme import Infeasible, ProgrammeSettings, ReweightProgramme, Solution
from engine.reweight.thresholds import attainable_gains, required_gains
from engine.reweight_settings import Reweight

TOLERANCE = 1e-6


@dataclass
class Drawn:
    vectors: np.ndarray
    groups: np.ndarray | None
    chosen: ProgrammeSettings
    programme: ReweightProgramme

    @property
    def totals(self) -> np.ndarray:
        return self.vectors.mean(axis=0)

    def required(self, alpha) -> np.ndarray:
        return required_gains(alpha, self.chosen.thresholds, self.totals, self.programme.attainable)

    def relative(self, weights) -> np.ndarray:
        return (weights - 1) @ self.vectors / len(self.vectors) / self.programme.attainable

    def keeps_its_limits(self, weights, tolerance=TOLERANCE) -> bool:
        low, high = self.chosen.bounds
        kept = weights.min() >= low - tolerance and weights.max() <= high + tolerance
        if self.chosen.balanced:
            kept = kept and abs(weights.mean() - 1) <= tolerance
        if self.chosen.budget is not None:
            kept = kept and np.abs(weights - 1).mean() <= self.chosen.budget + tolerance
        return bool(kept)

    def told(self, weights) -> float:
        """What a solution calls its objective, from the formulas."""
        targets = list(self.chosen.targets)
        if self.chosen.objective == "max_min":
            return self.relative(weights)[targets].min()
        if self.chosen.thresholds == "attainable":
            return self.relative(weights)[targets].sum()
        return (weights @ self.vectors)[targets].sum()

    def worth(self, weights) -> float:
        """What is maximised, ties of the smallest gain included, in units of what is attainable."""
        if self.chosen.objective == "max_min":
            return self.told(weights) + TIE_BREAK * self.relative(weights)[list(self.chosen.targets)].mean()
        return self.told(weights) / self.unit

    @property
    def unit(self) -> float:
        """What is attainable, in units of the objective."""
        if (self.chosen.objective, self.chosen.thresholds) != ("sum", "paper"):
            return 1.0
        return len(self.vectors) * self.programme.attainable[list(self.chosen.targets)].mean()

    def random_weights(self, generator) -> np.ndarray:
        """Weights of no merit that keep every limit but the thresholds."""
        low, high = self.chosen.bounds
        member = np.arange(len(self.vectors)) if self.groups is None else self.groups
        count = member.max() + 1
        shifts = (generator.uniform(low - 1, high - 1, count) * generator.integers(0, 2, count))[member]
        rises, falls = np.maximum(shifts, 0), np.maximum(-shifts, 0)
        if self.chosen.balanced:
            level = min(rises.sum(), falls.sum())
            rises, falls = (part * (level / part.sum() if level else 0.0) for part in (rises, falls))
        moved = (rises + falls).mean()
        if self.chosen.budget is not None and moved > self.chosen.budget:
            rises, falls = (part * self.chosen.budget / moved for part in (rises, falls))
        return 1 + rises - falls


@st.composite
def programmes(draw):
    generator = np.random.default_rng(draw(st.integers(0, 100_000)))
    samples, classes = draw(st.integers(4, 40)), draw(st.integers(2, 6))
    vectors = generator.standard_normal((samples, classes)) + draw(st.sampled_from([0.0, 0.5, -1.0]))
    if draw(st.booleans()):
        # What one class gains the others lose: few thresholds can be met together.
        vectors -= vectors.mean(axis=1, keepdims=True)
    if draw(st.booleans()):
        vectors[samples // 2 :] = vectors[: samples - samples // 2]
    least, most = draw(st.sampled_from([(0, 1), (-3, 3), (-9, -6), (3, 7)]))
    vectors *= 10.0 ** generator.integers(least, most, classes)
    if draw(st.booleans()):
        vectors[:, 0] *= 1e-9
    form = draw(st.sampled_from(["attainable", "attainable", "paper"]))
    chosen = ProgrammeSettings(
        targets=tuple(sorted(draw(st.sets(st.integers(0, classes - 1), min_size=1)))),
        bounds=draw(st.sampled_from([(0.5, 1.5), (0.0, 2.0), (0.9, 1.1), (0.0, 1.0), (1.0, 3.0), (0.2, 1.05)])),
        objective=draw(st.sampled_from(["max_min", "sum"])),
        thresholds=form,
        mean_preserving=form == "attainable" and draw(st.booleans()),
        budget=draw(st.sampled_from([None, None, 0.02, 0.1, 0.3, 1.0])),
    )
    groups = None
    if draw(st.booleans()):
        groups = np.unique(generator.integers(0, draw(st.integers(2, 12)), samples), return_inverse=True)[1]
    try:
        programme = ReweightProgramme(vectors, chosen, groups)
    except RefusedInput:
        # Some class is the same for all variables, or may only lose.
        reject()
    return Drawn(vectors, groups, chosen, programme)


def threshold_lists(form, classes, least=-1.0, most=1.0):
    ends = (0.0, 1.0) if form == "paper" else (least, most)
    return st.lists(st.floats(*ends), min_size=classes, max_size=classes).map(np.array)


def eased_thresholds(drawn, alpha) -> np.ndarray | None:
    try:
        drawn.programme.solve(alpha)
    except Infeasible as refusal:
        return refusal.eased
    return None


def solved(drawn, alpha) -> Solution:
    try:
        return drawn.programme.solve(alpha)
    except Infeasible:
        reject()


@settings(max_examples=150)
@given(drawn=programmes(), data=st.data())
def test_a_solution_keeps_every_limit_and_no_weights_are_better(drawn, data):
    classes = drawn.vectors.shape[1]
    alpha = data.draw(
        threshold_lists(drawn.chosen.thresholds, classes, most=data.draw(st.sampled_from([0.0, 0.2, 1.0])))
    )
    solution = solved(drawn, alpha)
    weights = solution.weights
    relative = drawn.relative(weights)

    low, high = drawn.chosen.bounds
    assert low <= weights.min()
    assert weights.max() <= high
    assert drawn.keeps_its_limits(weights)
    assert (relative >= drawn.required(alpha) - 2 * TOLERANCE).all()
    assert (relative <= 1 + TOLERANCE).all()
    np.testing.assert_allclose(solution.relative, relative, atol=1e-9)
    np.testing.assert_allclose(solution.gains, relative * drawn.programme.attainable, rtol=1e-6, atol=1e-9)
    assert solution.objective == pytest.approx(drawn.told(weights), rel=1e-9, abs=1e-9 * drawn.unit)
    if drawn.groups is not None:
        assert all(np.ptp(weights[drawn.groups == group]) == 0 for group in set(drawn.groups.tolist()))

    generator = np.random.default_rng(data.draw(st.integers(0, 1000)))
    others = [np.ones(len(weights)), *(drawn.random_weights(generator) for _ in range(20))]
    # On the way from the solution to others, thresholds are met for longer.
    others += [weights + share * (other - weights) for other in others for share in (0.01, 0.2)]
    for other in others:
        assert drawn.keeps_its_limits(other, 2 * TOLERANCE)
        if (drawn.relative(other) >= drawn.required(alpha)).all():
            assert drawn.worth(other) <= drawn.worth(weights) + 5e-6


@settings(max_examples=60)
@given(drawn=programmes(), data=st.data())
def test_thresholds_of_at_most_0_can_always_be_met(drawn, data):
    if drawn.chosen.thresholds == "paper":
        reject()
    alpha = data.draw(threshold_lists("attainable", drawn.vectors.shape[1], least=-2.0, most=0.0))
    assert drawn.keeps_its_limits(drawn.programme.solve(alpha).weights)


def least_relaxation(drawn, required) -> float:
    """The smallest sum of lowered demands by another library, in the variables of the programme."""
    member = np.arange(len(drawn.vectors)) if drawn.groups is None else drawn.groups
    sizes = np.bincount(member).astype(float)
    samples, classes = drawn.vectors.shape
    sums = np.stack([np.bincount(member, drawn.vectors[:, k]) for k in range(classes)], axis=1)
    relative = sums / samples / drawn.programme.attainable
    low, high = drawn.chosen.bounds
    variables = len(sizes)
    rows = [np.hstack([-relative.T, relative.T, -np.eye(classes)])]
    limits = [-required]
    if drawn.chosen.budget is not None:
        rows.append(np.concatenate([sizes, sizes, np.zeros(classes)])[None] / samples)
        limits.append([drawn.chosen.budget])
    balance = np.concatenate([sizes, -sizes, np.zeros(classes)])[None] if drawn.chosen.balanced else None
    found = linprog(
        np.concatenate([np.zeros(2 * variables), np.ones(classes)]),
        np.vstack(rows),
        np.concatenate(limits),
        balance,
        [0.0] if balance is not None else None,
        [(0, high - 1)] * variables
        + [(0, 1 - low)] * variables
        + [(0, most + 1e-6) for most in np.maximum(required, 0)],
    )
    assert found.status == 0
    return found.fun


@settings(max_examples=80)
@given(drawn=programmes(), data=st.data())
def test_what_is_refused_is_eased_by_as_little_as_possible(drawn, data):
    classes = drawn.vectors.shape[1]
    alpha = data.draw(threshold_lists(drawn.chosen.thresholds, classes, least=-0.2))
    required = drawn.required(alpha)
    least = least_relaxation(drawn, required)
    eased = eased_thresholds(drawn, alpha)
    if eased is None:
        assert least <= 1e-5
        return
    given_way = required - drawn.required(eased)
    assert (given_way >= -1e-9).all()
    assert given_way.sum() <= least + 1e-4
    assert drawn.keeps_its_limits(drawn.programme.solve(eased).weights)


@settings(max_examples=80)
@given(drawn=programmes())
def test_the_attainable_gain_within_a_budget_is_the_optimum_of_the_class_alone(drawn):
    for k, most in enumerate(drawn.programme.attainable):
        alone = ProgrammeSettings(
            (k,), drawn.chosen.bounds, "sum", "attainable", drawn.chosen.balanced, drawn.chosen.budget
        )
        free = np.full(len(drawn.programme.attainable), -1e6)
        weights = ReweightProgramme(drawn.vectors, alone, drawn.groups).solve(free).weights
        assert (weights - 1) @ drawn.vectors[:, k] / len(weights) == pytest.approx(most, rel=1e-5)


def test_a_budget_that_the_bounds_do_not_reach_changes_nothing():
    generator = np.random.default_rng(0)
    vectors, sizes = generator.standard_normal((30, 4)), generator.integers(1, 9, 30).astype(float)
    for bounds in ((0.5, 1.5), (0.0, 1.0), (0.2, 1.9)):
        for balanced in (bounds != (0.0, 1.0), False):
            np.testing.assert_allclose(
                attainable_gains(vectors, sizes, bounds, balanced, 1.0),
                attainable_gains(vectors, sizes, bounds, balanced),
                rtol=1e-12,
            )
    free = ReweightProgramme(vectors, ProgrammeSettings((0, 1))).solve([0, 0, -0.1, -0.1])
    limited = ReweightProgramme(vectors, ProgrammeSettings((0, 1), budget=0.5)).solve([0, 0, -0.1, -0.1])
    assert limited.objective == pytest.approx(free.objective, abs=TOLERANCE)


def test_a_budget_is_spent_where_it_gains_most():
    vectors = np.array([[4.0, 0.1], [1.0, -0.1], [-1.0, 0.2], [-2.0, 0.0]])
    # 0.05 of 4 samples is 0.2: half of it raises the best, half lowers the worst.
    solution = ReweightProgramme(vectors, ProgrammeSettings((0,), budget=0.05)).solve([0, -5])
    np.testing.assert_allclose(solution.weights, [1.1, 1, 1, 0.9], atol=1e-6)
    free = ProgrammeSettings((0,), mean_preserving=False, budget=0.05)
    np.testing.assert_allclose(ReweightProgramme(vectors, free).solve([0, -5]).weights, [1.2, 1, 1, 1], atol=1e-6)


def test_groups_spend_by_their_sizes():
    vectors = np.array([[2.0, 1.0]] * 3 + [[-1.0, 0.5]] * 2 + [[-4.0, 0.1]])
    groups = np.array([0, 0, 0, 1, 1, 2])
    solution = ReweightProgramme(vectors, ProgrammeSettings((0,), budget=0.1), groups).solve([0, -9])
    np.testing.assert_allclose(solution.weights, [1.1, 1.1, 1.1, 1, 1, 0.7], atol=1e-6)


def test_a_solution_that_overspends_when_recomputed_is_not_given_out(monkeypatch):
    vectors = np.random.default_rng(0).standard_normal((40, 3))
    programme = ReweightProgramme(vectors, ProgrammeSettings((0,), budget=0.1))
    overspent = np.repeat([0.3, -0.3], 20)
    monkeypatch.setattr(GainModel, "maximise", lambda self, required, go_on: overspent)
    with pytest.raises(SolverFailed, match=r"budget by 0\.2"):
        programme.solve([-9, -9, -9])


@pytest.mark.parametrize("budget", [0.0, -0.1, 1.5, np.nan])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(RefusedInput, match="budget"):
        ReweightProgramme(np.eye(4), ProgrammeSettings((0,), budget=budget))
    with pytest.raises(ValueError, match="budget"):
        Reweight(budget=budget)


def test_the_studys_budget_is_the_programmes():
    assert ProgrammeSettings.from_study(Reweight(), (0,)).budget is None
    assert ProgrammeSettings.from_study(Reweight(budget=0.2), (0,)).budget == 0.2


def test_a_demand_that_is_hardly_above_0_is_eased_and_breaks_nothing():
    along = np.array([0.12891754, 0.26776127, -0.44863221, 0.17845954])
    chosen = ProgrammeSettings((0,), (0.0, 1.0), mean_preserving=False)
    programme = ReweightProgramme(np.stack([along, -along], axis=1), chosen)
    found = programme.repaired([0.0, 5.960464477539063e-08])
    assert found is not None
    np.testing.assert_allclose(found[0], 0, atol=1e-6)
    assert found[1].objective == pytest.approx(0, abs=TOLERANCE)
