import numpy as np
import pytest

from engine.reweight.groups import choose_variables, class_weight_baselines, influence_groups
from engine.reweight.programme import ProgrammeSettings


def test_groups_are_class_times_cell():
    generator = np.random.default_rng(0)
    labels = np.array([2, 0] * 30)
    cells = generator.integers(0, 3, 60)
    vectors = 10.0 * np.eye(3)[cells] + 0.01 * generator.standard_normal((60, 3))
    groups = influence_groups(vectors, labels, cells=3, seed=1)

    assert sorted(set(groups.tolist())) == list(range(6))
    pairs = {(label, cell, group) for label, cell, group in zip(labels, cells, groups, strict=True)}
    assert len(pairs) == 6
    assert max(groups[labels == 0]) < min(groups[labels == 2])
    assert np.array_equal(groups, influence_groups(vectors, labels, cells=3, seed=1))


def test_a_class_of_loud_influence_does_not_decide_alone_what_is_similar():
    generator = np.random.default_rng(0)
    quiet = np.repeat([1e-3, -1e-3], 20)
    vectors = np.stack([quiet, 1e3 * generator.uniform(0.9, 1.0, 40)], axis=1)
    vectors[:, 1] -= vectors[:, 1].mean()
    groups = influence_groups(vectors, np.zeros(40, dtype=int), cells=4)
    assert all(len(set(quiet[groups == group])) == 1 for group in set(groups.tolist()))


def test_fewer_distinct_vectors_than_cells_make_fewer_groups():
    vectors = np.repeat([[1.0, 0.0], [0.0, 1.0]], 5, axis=0)
    assert len(set(influence_groups(vectors, np.zeros(10, dtype=int)).tolist())) == 2
    assert len(set(influence_groups(np.zeros((4, 2)), np.arange(4) // 2).tolist())) == 2


def rows_of(shared, noise, seed=0, folds=4):
    """Influence that folds share, and noise of each fold's own."""
    generator = np.random.default_rng(seed)
    return np.concatenate([shared + noise * generator.standard_normal(shared.shape) for _ in range(folds)], axis=1)


def test_groups_are_chosen_where_only_cells_repeat_and_samples_where_each_sample_does():
    generator = np.random.default_rng(1)
    labels = np.arange(300) % 3
    cells = generator.integers(0, 6, 300)
    chosen = ProgrammeSettings((0, 1))
    # Four classes tell the cells apart; the two targets follow them under much noise.
    cell_means = 4.0 * generator.standard_normal((6, 6))
    cell_means[:, :2] = generator.choice([-1.0, 1.0], (6, 2))
    noise = np.array([6.0, 6.0, 0.2, 0.2, 0.2, 0.2])
    single = generator.standard_normal((300, 6))

    assert choose_variables(rows_of(cell_means[cells], noise), np.full((4, 6), 20), labels, chosen) == "groups"
    assert choose_variables(rows_of(single, 0.1), np.full((4, 6), 20), labels, chosen) == "samples"


def test_a_class_that_some_folds_do_not_hold_does_not_stop_the_choice():
    labels = np.arange(60) % 3
    counts = np.array([[5, 1, 5], [5, 0, 5], [5, 0, 5], [5, 0, 5]])
    rows = rows_of(np.random.default_rng(2).standard_normal((60, 3)), 0.1)
    rows[:, [4, 7, 10]] = np.nan
    assert choose_variables(rows, counts, labels, ProgrammeSettings((0, 1))) == "samples"
    # Of class 1 no two folds tell anything: nothing to choose by, so the simpler.
    assert choose_variables(rows, counts, labels, ProgrammeSettings((1,))) == "groups"


@pytest.mark.parametrize("thresholds", ["attainable", "paper"])
def test_the_choice_works_with_either_form_of_thresholds(thresholds):
    labels = np.arange(60) % 3
    rows = rows_of(np.random.default_rng(2).standard_normal((60, 3)), 0.1)
    chosen = ProgrammeSettings((0,), thresholds=thresholds, mean_preserving=thresholds == "attainable")
    assert choose_variables(rows, np.full((4, 3), 5), labels, chosen) == "samples"


def test_baselines_raise_the_targets_and_keep_the_mean_where_the_programme_does():
    labels = np.array([0, 0, 1, 2])
    kept = class_weight_baselines(labels, ProgrammeSettings((1,)))
    free = class_weight_baselines(labels, ProgrammeSettings((1,), mean_preserving=False))

    for factor, balanced, plain in zip((1.25, 1.5, 2.0), kept, free, strict=True):
        np.testing.assert_allclose(plain, [1, 1, factor, 1])
        np.testing.assert_allclose(balanced, plain / plain.mean())
