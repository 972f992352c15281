"""The arithmetic of the reweighting benchmark, and one search of it from end to end."""

import numpy as np
import pytest

from benchmarks.reweight import ABLATION
from benchmarks.reweight_cases import digits
from benchmarks.reweight_claims import Points, baseline_rows, beyond, changes_on_test, searched
from benchmarks.reweight_race import SCHEMES, Course, trainings_ratio
from engine.reweight.calibration import PAIRS
from engine.reweight_settings import Reweight, Search

SMALL = Reweight(
    search=Search(
        population=6,
        elites=2,
        mutated_elites=2,
        randoms=1,
        crossover_children=1,
        iterations=1,
        orders=2,
        informed=False,
    )
)


def points(*rows: tuple[list[float], tuple[int, ...]]) -> Points:
    made = Points()
    for changes, targets in rows:
        made.add(np.array(changes), targets)
    return made


def test_the_worst_other_class_is_the_lowest_mean_over_the_seeds_in_which_it_is_no_target():
    told = points(([4.0, 2.0, -6.0, 1.0], (0, 1)), ([-9.0, 3.0, 2.0, 5.0], (1, 3)))

    assert told.target == pytest.approx((3.0 + 4.0) / 2)
    # Class 0 is no target in the second seed alone, class 2 in both, class 3 in the first.
    assert told.worst_other == -9.0
    assert points(([4.0, 2.0, -6.0, 1.0], (0, 1)), ([1.0, 3.0, 2.0, 5.0], (1, 3))).worst_other == -2.0
    assert told.mean_other == pytest.approx(np.mean([-2.5, -3.5]))
    assert told.both_gain == 1.0
    assert points(([4.0, -0.1, 0.0], (0, 1)), ([4.0, 0.0, 0.0], (0, 1))).both_gain == 0.5


def test_points_are_not_changed_by_being_told():
    told = points(([4.0, 2.0, -6.0], (0,)))
    assert (told.worst_other, told.worst_other, told.target) == (-6.0, -6.0, 4.0)


def test_beyond_is_read_off_the_line_between_the_class_weights():
    curve = [points(([2.0, -1.0, 0.0], (0,))), points(([4.0, -5.0, 0.0], (0,)))]

    assert beyond(points(([5.0, -3.0, 0.0], (0,))), curve) == pytest.approx(5.0 - 3.0)
    assert beyond(points(([1.0, -0.5, 0.0], (0,))), curve) == pytest.approx(0.0)
    # Nothing is promised beyond the curve's ends: there it is its end that counts.
    assert beyond(points(([5.0, -9.0, 0.0], (0,))), curve) == pytest.approx(1.0)


def test_a_course_tells_what_was_there_after_so_many_trainings():
    ours, paper = Course((20, 60), (0.0, 0.1), (0.0, 3.0)), Course((24, 400), (0.05, 0.08), (1.0, 2.0))

    assert [ours.at(count) for count in (10, 20, 59, 60)] == [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.1, 3.0)]
    beside = SCHEMES["ours"].search.orders + 2 * PAIRS
    assert trainings_ratio({"ours": ours, "paper": paper}) == (60 + beside) / 401
    # Reached is what stays reached.
    fleeting = Course((20, 40, 60), (0.1, 0.0, 0.1), (0.0, 0.0, 0.0))
    assert trainings_ratio({"ours": fleeting, "paper": paper}) == (60 + beside) / 401
    lost = Course((400,), (-1.0,), (0.0,))
    assert trainings_ratio({"ours": ours, "paper": lost}) == (20 + beside) / 401
    assert trainings_ratio({"ours": Course((20,), (0.0,), (0.0,)), "paper": paper}) == float("inf")


def test_the_papers_scheme_is_its_own_in_every_choice():
    paper = SCHEMES["paper"]
    assert (paper.objective, paper.variables, paper.thresholds) == ("sum", "samples", "paper")
    search = paper.search
    assert (search.iterations, search.population, search.elites, search.patience) == (20, 24, 6, 20)
    assert (search.informed, search.orders, search.tolerance, search.loss_weight) == (False, 1, 0.0, 1.0)
    assert len(set(map(repr, ABLATION.values()))) == len(ABLATION)


def test_a_case_is_searched_and_tested_from_end_to_end():
    case = digits(3, epochs=1)
    found = searched(case, SMALL)
    (ours, baseline), _ = changes_on_test(case, [found.weights, baseline_rows(case)[-1]], orders=1)

    assert found.weights.shape == (700,)
    assert found.trainings == found.leaders[-1][0] >= 6
    assert found.seconds[0] > found.seconds[1] > 0
    assert ours.shape == baseline.shape == (10,)
    # Twice the weight for the two worst classes is felt by them.
    assert baseline[list(case.targets)].mean() > 0
    assert np.abs(changes_on_test(case, [np.ones(700)], orders=1)[0][0]).max() == 0
