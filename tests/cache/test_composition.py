"""Counts by effect and own class, against NumPy over all rows."""

import numpy as np
import pytest

from cache import blocks, composition
from cache.cache import Cache
from cache.composition import EFFECTS, STRONGEST
from cache.store import Store
from engine.errors import RefusedInput

SAMPLES, CLASSES = 3001, 4


@pytest.fixture(scope="module")
def generated() -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(SAMPLES, CLASSES))
    vectors[::50] = 0.0  # neither sign
    vectors[:, 3] = 0.0
    vectors[:40, 3] = np.tile([2.0, -1.0], 20)  # few act on it at all
    return vectors.astype(np.float32)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def cache(store, write_influence, generated):
    write_influence(store.run("abc"), generated, parts=4)
    with Cache.open(store) as cache:
        cache.ingest()
        yield cache


def counted(vectors: np.ndarray, strongest: bool) -> np.ndarray:
    """By the words of the definition, sample by sample; sample j is labelled as class j mod K."""
    counts = np.zeros((2, CLASSES, CLASSES), int)
    for k in range(CLASSES):
        strength = np.abs(vectors[:, k])
        least = np.sort(strength)[::-1][round(STRONGEST * SAMPLES) - 1] if strongest else 0.0
        for j in np.flatnonzero((strength >= least) & (vectors[:, k] != 0)):
            counts[int(vectors[j, k] < 0), k, j % CLASSES] += 1
    return counts


@pytest.mark.parametrize("strongest", [False, True])
def test_counts_are_those_of_numpy(cache, generated, strongest):
    found = cache.composition("abc", strongest)
    np.testing.assert_array_equal(found.counts, counted(generated, strongest))
    assert found.counts.dtype == np.int64


def test_the_strongest_tenth_is_of_all_samples_and_of_either_sign(cache, generated):
    found = cache.composition("abc", True)
    assert found.counts.sum(axis=(0, 2)).tolist() == [300, 300, 300, 40]
    # A sample that does not act on a class is none of its strongest.
    assert found.thresholds[3] == 0
    np.testing.assert_array_equal(found.thresholds[:3], np.sort(np.abs(generated[:, :3]), axis=0)[-300])


def test_what_ties_with_the_last_of_the_strongest_is_counted(store, cache, write_influence):
    write_influence(store.run("tied"), np.column_stack([np.r_[np.full(5, -3.0), np.full(15, 1.0)], np.ones(20)]))
    cache.ingest()
    found = cache.composition("tied", True)
    assert found.counts[:, 0].sum(axis=1).tolist() == [0, 5]
    assert found.counts[:, 1].sum(axis=1).tolist() == [20, 0]


@pytest.mark.parametrize("strongest", [False, True])
def test_blocks_and_groups_of_classes_change_nothing(cache, monkeypatch, strongest):
    whole = cache.composition("abc", strongest)
    monkeypatch.setattr(blocks, "ROWS", 500)
    monkeypatch.setattr(composition, "_AT_ONCE", 2 * SAMPLES)
    parts = cache.composition("abc", strongest)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    np.testing.assert_array_equal(parts.thresholds, whole.thresholds)


@pytest.mark.parametrize("strongest", [False, True])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("effect", EFFECTS)
def test_the_samples_behind_a_count_are_as_many_and_the_strongest_comes_first(cache, generated, effect, own, strongest):
    found = cache.composition("abc", strongest)
    for k in range(CLASSES):
        samples = cache.composed_of("abc", k, effect, own, float(found.thresholds[k]))
        row = found.counts[EFFECTS.index(effect), k]
        assert len(samples) == (row[k] if own else row.sum() - row[k])
        assert ((samples % CLASSES == k) == own).all()
        influence = generated[samples, k] * (1 if effect == "beneficial" else -1)
        assert (influence > 0).all()
        assert (np.diff(influence) <= 0).all()
        ties = np.diff(influence) == 0
        assert (np.diff(samples)[ties] > 0).all()


def test_a_class_or_an_effect_that_is_none_is_refused(cache):
    with pytest.raises(RefusedInput, match="has no class 9"):
        cache.composed_of("abc", 9, "beneficial", True, 0)
    with pytest.raises(RefusedInput, match="no effect 'bad'"):
        cache.composed_of("abc", 0, "bad", True, 0)
    with pytest.raises(RefusedInput, match="no run 'other'"):
        cache.composition("other", False)
