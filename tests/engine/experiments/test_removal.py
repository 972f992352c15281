"""Which samples a removal study leaves out, and how predictions are compared with what then happens."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.experiments.removal import (
    SIGNS,
    agreement,
    cumulative,
    left_out,
    random_sets,
    right_share,
    weights_without,
)

VECTORS = np.array(
    [[3.0, -1.0], [1.0, -2.0], [-2.0, -3.0], [2.0, -4.0], [0.0, -5.0], [-1.0, -6.0], [4.0, -7.0], [-9.0, -8.0]]
)


def lists(sets: list[np.ndarray]) -> list[list[int]]:
    return [members.tolist() for members in sets]


def test_a_share_of_the_samples_of_each_sign_is_left_out_the_strongest_first():
    chosen = left_out(VECTORS, [0, 1], 0.5)

    # Class 0 has four beneficial and three detrimental samples, class 1 no beneficial and eight detrimental ones.
    assert lists(chosen["beneficial"]) == [[6, 0], []]
    assert lists(chosen["detrimental"]) == [[7, 2], [7, 6, 5, 4]]


def test_at_least_one_sample_is_left_out_where_there_is_any():
    chosen = left_out(VECTORS, [0, 1], 0.01)

    assert lists(chosen["beneficial"]) == [[6], []]
    assert lists(chosen["detrimental"]) == [[7], [7]]


def test_only_the_classes_that_are_asked_for_have_sets_in_their_order():
    assert lists(left_out(VECTORS, [1], 0.25)["detrimental"]) == [[7, 6]]
    assert len(left_out(VECTORS, [1, 0])["beneficial"]) == 2


def test_of_samples_that_are_as_strong_the_earlier_ones_are_left_out():
    vectors = np.array([[1.0, -1.0], [2.0, -1.0], [1.0, -1.0], [1.0, -1.0]], np.float32)
    chosen = left_out(vectors, [0, 1], 0.5)

    assert lists(chosen["beneficial"]) == [[1, 0], []]
    assert lists(chosen["detrimental"]) == [[], [0, 1]]
    # Many are sorted otherwise than a few.
    many = left_out(np.tile([[1.0, 0], [2, 0]], (500, 1)), [0], 0.5)
    assert lists(many["beneficial"]) == [list(range(1, 1000, 2))]


@pytest.mark.parametrize("seed", [0, 7])
def test_no_sample_of_the_other_sign_is_left_out_whatever_the_share(seed):
    vectors = np.random.default_rng(seed).normal(size=(97, 4)).astype(np.float32)
    for share in (0.1, 0.3, 0.5):
        chosen = left_out(vectors, range(4), share)
        for k in range(4):
            for sign, direction in zip(SIGNS, (1, -1), strict=True):
                members, column = chosen[sign][k], direction * vectors[:, k]
                assert len(members) == round(share * (column > 0).sum())
                assert (column[members] > 0).all()
                assert (np.diff(column[members]) <= 0).all()
                assert column[members].min() >= np.delete(column, members).max()


def test_random_sets_are_of_their_sizes_without_repeats_and_of_their_seed():
    sizes = [3, 0, 10, 3]
    first, again, other = (random_sets(sizes, 10, seed) for seed in (1, 1, 2))

    assert [len(members) for members in first] == sizes
    assert all(len(np.unique(members)) == len(members) and members.max(initial=0) < 10 for members in first)
    assert lists(first) == lists(again) != lists(other)
    assert first[0].tolist() != first[3].tolist()


def test_a_sample_that_is_left_out_weighs_nothing_and_the_others_one():
    weights = weights_without([np.array([0, 3]), np.array([], int), np.array([1])], 4)

    assert weights.dtype == np.float32
    assert weights.tolist() == [[0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 1, 1]]


def test_the_predicted_rise_is_the_sum_over_the_set_by_the_number_of_samples():
    told = cumulative(VECTORS, [np.array([0, 2]), np.array([], int)])

    # Positive = worse without them: beneficial samples were left out.
    assert told.tolist() == [[(3 - 2) / 8, (-1 - 3) / 8], [0, 0]]


def test_many_small_influences_are_summed_in_double_precision():
    vectors = np.full((100_000, 1), 0.1, np.float32)
    assert cumulative(vectors, [np.arange(100_000)])[0, 0] == pytest.approx(np.float32(0.1), rel=1e-12)


def measured(seeds: int = 4, removals: int = 5, classes: int = 6, noise: float = 1.0, seed: int = 0):
    generator = np.random.default_rng(seed)
    predicted = generator.normal(size=(removals, classes))
    return predicted, predicted + noise * generator.normal(size=(seeds, removals, classes))


def test_agreement_is_scipys_spearman_of_the_mean_over_seeds_whole_and_parted():
    predicted, changes = measured()
    classes = [0, 2, 3, 4, 5]
    found, mean = agreement(predicted, changes, classes, 0), changes.mean(axis=0)

    own = np.zeros((5, 6), bool)
    own[range(5), classes] = True
    assert found.spearman == pytest.approx(spearmanr(predicted.ravel(), mean.ravel()).statistic, abs=1e-12)
    assert found.diagonal == pytest.approx(spearmanr(predicted[own], mean[own]).statistic, abs=1e-12)
    assert found.off_diagonal == pytest.approx(spearmanr(predicted[~own], mean[~own]).statistic, abs=1e-12)


def test_ties_are_ranked_as_scipy_ranks_them():
    predicted = np.array([[1.0, 1.0, 2.0], [3.0, 3.0, 3.0]])
    changes = np.array([[[0.5, 0.0, 0.0], [1.0, 0.5, 2.0]]])
    expected = spearmanr(predicted.ravel(), changes.ravel()).statistic
    assert agreement(predicted, changes, [0, 1], 0).spearman == pytest.approx(expected, abs=1e-12)


def test_the_interval_holds_the_correlation_and_narrows_with_less_noise_and_repeats_with_its_seed():
    predicted, changes = measured(removals=8, classes=8)
    found, again, other = (agreement(predicted, changes, range(8), seed) for seed in (3, 3, 4))

    assert found.interval is not None
    assert found.spearman is not None
    low, high = found.interval
    assert low < found.spearman < high
    assert found == again
    assert found.interval != other.interval
    predicted, changes = measured(removals=8, classes=8, noise=0.05)
    sharp = agreement(predicted, changes, range(8), 3)
    assert sharp.interval is not None
    assert sharp.interval[1] - sharp.interval[0] < (high - low) / 2


def test_the_interval_is_that_of_a_bootstrap_over_removals_and_seeds():
    predicted, changes = measured(seeds=3, removals=6, classes=5)
    generator, drawn = np.random.default_rng(99), []
    for _ in range(2000):
        rows, seeds = generator.integers(0, 6, 6), generator.integers(0, 3, 3)
        drawn.append(spearmanr(predicted[rows].ravel(), changes[seeds][:, rows].mean(axis=0).ravel()).statistic)
    found = agreement(predicted, changes, range(5), 0).interval
    assert found == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.03)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """The truth is what many seeds would come to."""
    held = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        predicted = generator.normal(size=(10, 10))
        truth = predicted + generator.normal(size=(10, 10))
        changes = truth + 0.3 * generator.normal(size=(5, 10, 10))
        interval = agreement(predicted, changes, range(10), seed).interval
        assert interval is not None
        low, high = interval
        held.append(low <= 0.69 <= high)
    # The correlation of the population is 0.69; rows are not quite exchangeable, so 95% is not reached exactly.
    assert np.mean(held) > 0.8


def test_what_has_no_meaning_is_none_and_not_a_number():
    predicted, changes = measured(seeds=1, removals=2, classes=2)
    two = agreement(predicted, changes, [0, 1], 0)
    # Four cells can be ranked, two of the diagonal cannot, and two removals cannot be drawn from.
    assert two.spearman is not None
    assert (two.interval, two.diagonal, two.off_diagonal) == (None, None, None)
    one = agreement(predicted[:1], changes[:, :1], [1], 0)
    assert (one.spearman, one.interval, one.diagonal, one.off_diagonal) == (None, None, None, None)

    predicted, changes = measured(removals=4, classes=4)
    alike = agreement(np.zeros((4, 4)), changes, range(4), 0)
    assert (alike.spearman, alike.interval, alike.diagonal) == (None, None, None)
    unmoved = agreement(predicted, np.zeros_like(changes), range(4), 0)
    assert (unmoved.spearman, unmoved.interval) == (None, None)


def test_one_seed_has_an_interval_over_removals_alone():
    predicted, changes = measured(seeds=1, removals=6, classes=6)
    found = agreement(predicted, changes, range(6), 0)
    assert found.interval is not None
    assert found.spearman is not None
    assert found.interval[0] < found.spearman < found.interval[1]


def test_a_class_that_was_not_measured_is_left_out_of_the_comparison():
    predicted, changes = measured(removals=6, classes=6)
    changes[:, :, 2] = np.nan
    found = agreement(predicted, changes, range(6), 0)

    kept = [0, 1, 3, 4, 5]
    expected = spearmanr(predicted[:, kept].ravel(), changes.mean(axis=0)[:, kept].ravel()).statistic
    assert found.spearman == pytest.approx(expected, abs=1e-12)
    assert found.interval is not None
    assert found.interval[0] < expected < found.interval[1]
    nothing = agreement(predicted, np.full_like(changes, np.nan), range(6), 0)
    assert (nothing.spearman, nothing.interval) == (None, None)


def test_a_class_is_right_that_gets_worse_without_its_beneficial_and_better_without_its_detrimental_samples():
    # Means over seeds of the classes' own cells: +1, -1, 0.
    changes = np.zeros((2, 3, 4))
    changes[:, 0, 3], changes[:, 1, 0] = [0.0, 2.0], [-3.0, 1.0]
    classes = [3, 0, 1]

    assert right_share(changes, classes, "beneficial") == pytest.approx(1 / 3)
    assert right_share(changes, classes, "detrimental") == pytest.approx(1 / 3)


def test_the_share_is_of_the_classes_that_were_measured():
    changes = np.ones((2, 2, 2))
    changes[:, 0, 0] = np.nan

    assert right_share(changes, [0, 1], "beneficial") == 1.0
    assert right_share(changes, [0, 1], "detrimental") == 0.0
    assert right_share(changes[:, :1], [0], "beneficial") is None
    assert right_share(changes[:, :0], [], "beneficial") is None
