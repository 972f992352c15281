import numpy as np

from engine.reweight.groups import FITTED, class_weight_baselines, influence_groups
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


def test_of_a_large_class_every_sample_goes_to_the_nearest_cell():
    generator = np.random.default_rng(0)
    corners = np.array([[4.0, 0.0], [-4.0, 0.0], [0.0, 4.0], [0.0, -4.0]])
    cells = generator.integers(0, 4, FITTED + 500)
    vectors = corners[cells] + 0.1 * generator.standard_normal((len(cells), 2))
    groups = influence_groups(vectors, np.zeros(len(cells), dtype=int), cells=4)

    assert len(set(zip(cells.tolist(), groups.tolist(), strict=True))) == 4
    assert np.array_equal(groups, influence_groups(vectors, np.zeros(len(cells), dtype=int), cells=4))


def test_baselines_raise_the_targets_and_keep_the_mean_where_the_programme_does():
    labels = np.array([0, 0, 1, 2])
    kept = class_weight_baselines(labels, ProgrammeSettings((1,)))
    free = class_weight_baselines(labels, ProgrammeSettings((1,), mean_preserving=False))

    for factor, balanced, plain in zip((1.1, 1.25, 1.5, 2.0), kept, free, strict=True):
        np.testing.assert_allclose(plain, [1, 1, factor, 1])
        np.testing.assert_allclose(balanced, plain / plain.mean())


def test_baselines_of_other_factors_can_be_asked_for():
    (weights,) = class_weight_baselines(np.array([0, 1, 2]), ProgrammeSettings((0, 2), mean_preserving=False), (3.0,))
    np.testing.assert_allclose(weights, [3, 1, 3])
