import numpy as np
import pytest

from cache import blocks
from cache.cache import Cache
from cache.store import Store

SAMPLES, CLASSES = 3000, 5
REGIONS = ("joint_positive", "joint_negative", "trade_off")


@pytest.fixture(scope="module")
def generated() -> np.ndarray:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(SAMPLES, CLASSES)) @ generator.normal(size=(CLASSES, CLASSES))
    vectors[::50] = 0.0  # neither sign
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


def region(vectors, *classes) -> np.ndarray:
    chosen = vectors[:, classes]
    return np.select([(chosen > 0).all(1), (chosen < 0).all(1)], REGIONS[:2], REGIONS[2])


def test_region_shares_of_all_pairs_are_those_of_numpy(cache, generated):
    shares = cache.region_shares("abc")
    assert tuple(shares) == REGIONS
    for a in range(CLASSES):
        for b in range(CLASSES):
            expected = region(generated, a, b)
            assert [shares[name][a, b] for name in REGIONS] == pytest.approx(
                [np.mean(expected == name) for name in REGIONS]
            )


def test_shares_are_zero_where_no_sample_has_a_sign(store, cache, write_influence):
    write_influence(store.run("positive"), np.abs(np.random.default_rng(0).normal(size=(9, 2))))
    cache.ingest()
    shares = cache.region_shares("positive")
    np.testing.assert_array_equal(shares["joint_positive"], np.ones((2, 2)))
    np.testing.assert_array_equal(shares["joint_negative"], np.zeros((2, 2)))


def test_correlation_of_all_pairs_is_that_of_numpy(cache, generated):
    np.testing.assert_allclose(cache.correlation("abc"), np.corrcoef(generated.astype(float).T), atol=1e-12)


def test_a_class_that_no_sample_moves_correlates_with_nothing(store, cache, write_influence):
    write_influence(store.run("flat"), np.column_stack([np.arange(9.0), np.zeros(9)]))
    cache.ingest()
    np.testing.assert_array_equal(cache.correlation("flat"), np.eye(2))


def test_what_is_read_in_blocks_adds_up_to_the_whole(cache, generated, monkeypatch):
    shares, correlation = cache.region_shares("abc"), cache.correlation("abc")
    monkeypatch.setattr(blocks, "ROWS", 500)

    np.testing.assert_allclose(cache.correlation("abc"), correlation, atol=1e-12)
    for name in REGIONS:
        np.testing.assert_array_equal(cache.region_shares("abc")[name], shares[name])
