import numpy as np
import pytest
from scipy.stats import t

from engine.experiments.paired import class_changes, mean_change


def test_the_mean_over_classes_comes_with_its_one_sided_reach():
    generator = np.random.default_rng(0)
    before, after = generator.normal(size=(2, 3, 12))
    labels = np.repeat([0, 1], [4, 8])
    each = (after - before).mean(axis=0)
    error = np.sqrt(each[:4].var(ddof=1) / 4 + each[4:].var(ddof=1) / 8) / 2

    told = mean_change(after, before, labels)

    assert told.mean == pytest.approx((each[:4].mean() + each[4:].mean()) / 2)
    assert told.reach == pytest.approx(t.ppf(0.95, 10) * error)


def test_what_stays_is_not_lower():
    same = np.ones((3, 6))

    told = mean_change(same, same, np.repeat([0, 1], 3))

    assert (told.mean, told.reach, told.is_lower) == (0, 0, False)
    assert mean_change(same - 1, same, np.repeat([0, 1], 3)).is_lower
    assert not mean_change(same + 1, same, np.repeat([0, 1], 3)).is_lower


@pytest.mark.parametrize(("by_seed", "by_sample"), [(1.0, 0.0), (0.0, 1.0), (0.3, 1.0)])
def test_the_interval_of_three_seeds_holds_the_truth_nineteen_times_in_twenty(by_seed, by_sample):
    generator, draws = np.random.default_rng(0), 400
    held = 0
    for _ in range(draws):
        change = by_seed * generator.normal(size=(3, 1)) + by_sample * generator.normal(size=(1, 40))
        ((low, high),) = class_changes(change, np.zeros((3, 40)), np.zeros(40, np.int64), 1).interval
        held += low <= 0 <= high

    assert held / draws == pytest.approx(0.95, abs=0.03)


def test_one_seed_that_differs_is_no_proof():
    change = np.zeros((3, 30))
    change[0] = 0.2

    ((low, high),) = class_changes(change, np.zeros((3, 30)), np.zeros(30, np.int64), 1).interval

    assert low < 0 < high


def test_classes_are_compared_by_their_own_samples():
    change = np.array([[1.0, 1.0, 0.0, 0.5]] * 3)

    told = class_changes(change, np.zeros((3, 4)), np.array([0, 0, 2, 3]), 5)

    assert told.mean == pytest.approx([1, np.nan, 0, 0.5, np.nan], nan_ok=True)
    assert told.interval[0].tolist() == [1, 1]
    assert np.isnan(told.interval[1:]).all()
