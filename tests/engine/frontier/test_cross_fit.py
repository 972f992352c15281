from typing import Any

import numpy as np
import pytest

from engine.frontier import FoldedInfluence, WeightRange, certificate, headroom, pool_folds
from engine.frontier.cross_fit import cross_fit

RANGE = WeightRange()
SAMPLES, FOLDS = 40, 3


def folded(counts, seed=0):
    """Influence of its own for each validation sample; counts are of each fold and class, (F, K)."""
    generator = np.random.default_rng(seed)
    counts = np.array(counts)
    cells = [(fold, k) for fold in range(len(counts)) for k in range(counts.shape[1]) for _ in range(counts[fold, k])]
    fold_of, labels = generator.permutation(np.array(cells)).T
    shared = generator.standard_normal((SAMPLES, counts.shape[1])) - 0.5
    own = shared[:, labels] + generator.standard_normal((SAMPLES, len(labels)))
    rows = np.full((SAMPLES, *counts.shape), np.nan)
    for fold, k in zip(*np.nonzero(counts), strict=True):
        rows[:, fold, k] = own[:, (fold_of == fold) & (labels == k)].mean(axis=1)
    return FoldedInfluence(rows.reshape(SAMPLES, -1), counts, fold_of, labels), own


def without(found, fold):
    kept = found.counts.copy()
    kept[fold] = 0
    return pool_folds(found.rows, kept)


EVERYWHERE = [[5, 3, 4], [2, 6, 4], [4, 3, 2]]


@pytest.mark.parametrize("classes", [[0, 1, 2], [0, 2], [1]])
@pytest.mark.parametrize("moved", [False, True])
def test_every_sample_is_judged_by_weights_that_its_fold_had_no_part_in(classes, moved):
    found, own = folded(EVERYWHERE)
    start = np.random.default_rng(3).uniform(0.6, 1.4, SAMPLES) if moved else None
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, classes, start=start)
    before = np.ones(SAMPLES) if start is None else start

    for v, (fold, k) in enumerate(zip(found.fold_of, found.labels, strict=True)):
        kept = without(found, fold)
        together = certificate(kept, RANGE, classes, start).weights - before
        assert fit.together[v] == pytest.approx(own[:, v] @ together, rel=1e-4, abs=1e-5)
        alone = headroom(kept, RANGE, classes, start).changes
        assert np.isnan(fit.alone[v]) == (k not in classes)
        if k in classes:
            assert fit.alone[v] == pytest.approx(own[:, v] @ alone[k], rel=1e-4, abs=1e-4)


def test_all_folds_together_make_the_weights_and_the_prices():
    found, own = folded(EVERYWHERE)
    start = np.random.default_rng(3).uniform(0.6, 1.4, SAMPLES)
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, [0, 1], start=start)
    pooled = pool_folds(found.rows, found.counts)
    np.testing.assert_array_equal(fit.certificate.weights, certificate(pooled, RANGE, [0, 1], start).weights)
    np.testing.assert_array_equal(fit.headroom.prices, headroom(pooled, RANGE, [0, 1], start).prices)


def test_effects_are_means_of_left_out_samples_and_errors_those_of_means():
    found, own = folded(EVERYWHERE)
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, [0, 2])
    assert np.isnan(fit.effects[1]).all()
    assert np.isnan(fit.errors[1]).all()
    changes = [headroom(without(found, fold), RANGE, [0, 2]).changes for fold in range(FOLDS)]
    for k in (0, 2):
        gains = np.array([own[:, v] @ changes[fold][k] for v, fold in enumerate(found.fold_of)])
        for m in range(3):
            members = gains[found.labels == m]
            assert fit.effects[k, m] == pytest.approx(members.mean(), rel=1e-4, abs=1e-4)
            assert fit.errors[k, m] == pytest.approx(members.std(ddof=1) / np.sqrt(len(members)), rel=1e-4)


def test_a_class_of_one_fold_is_left_to_the_others_where_that_fold_is_out():
    found, own = folded([[5, 3, 0], [2, 6, 4], [4, 3, 0]])
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, [0, 1, 2])
    expected = certificate(without(found, 1), RANGE, [0, 1]).weights - 1
    chosen = found.fold_of == 1
    np.testing.assert_allclose(fit.together[chosen], expected @ own[:, chosen], rtol=1e-4, atol=1e-5)
    # Nothing is known to raise the class by, so nothing is done.
    assert (fit.alone[found.labels == 2] == 0).all()


def test_a_class_that_one_fold_alone_holds_changes_nothing_there_if_it_is_the_only_one():
    found, own = folded([[0, 3], [2, 6]])
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, [0])
    assert (fit.together[found.fold_of == 1] == 0).all()
    assert (fit.together[found.fold_of == 0] != 0).any()


def test_a_class_that_only_the_fold_left_out_influences_has_nothing_to_be_raised_by():
    found, own = folded(EVERYWHERE)
    rows = found.rows.reshape(SAMPLES, FOLDS, 3)
    rows[:, [0, 2], 1] = 0
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, [0, 1])
    chosen = found.fold_of == 1
    expected = certificate(without(found, 1), RANGE, [0]).weights - 1
    np.testing.assert_allclose(fit.together[chosen], expected @ own[:, chosen], rtol=1e-4, atol=1e-5)


def test_a_class_of_one_sample_has_an_effect_and_no_error():
    found, own = folded([[5, 1], [4, 0], [3, 0]])
    fit: Any = cross_fit(found, RANGE, lambda changes: changes @ own, [0])
    assert np.isfinite(fit.effects[0]).all()
    assert np.isnan(fit.errors[0]).tolist() == [False, True]


def test_without_headroom_the_certificate_is_the_same_and_nothing_else_is_solved():
    found, own = folded(EVERYWHERE)
    asked = []

    def gains(changes):
        asked.append(changes.shape)
        return changes @ own

    whole, bare = (cross_fit(found, RANGE, gains, [0, 1], with_headroom) for with_headroom in (True, False))
    assert asked == [(FOLDS * 3, SAMPLES), (FOLDS, SAMPLES)]
    np.testing.assert_allclose(bare.together, whole.together, rtol=1e-6)
    assert all(told is None for told in (bare.headroom, bare.alone, bare.effects, bare.errors))


@pytest.mark.parametrize(("with_headroom", "total"), [(True, 12), (False, 4)])
def test_progress_counts_every_programme(with_headroom, total):
    found, own = folded(EVERYWHERE)
    told = []
    cross_fit(
        found,
        RANGE,
        lambda changes: changes @ own,
        [0, 1],
        with_headroom,
        progress=lambda stage, done, of, note="": told.append((stage, done, of)),
    )
    assert told == [("linear programmes", n + 1, total) for n in range(total)]
