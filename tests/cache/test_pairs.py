import numpy as np
import pytest

from cache.cache import Cache
from cache.store import Store
from engine.errors import RefusedInput

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


def test_region_counts_are_those_of_numpy(cache, generated):
    for classes in ((0, 1), (3, 3), (0, 2, 4), (1,)):
        expected = region(generated, *classes)
        assert cache.subset_counts("abc", classes) == {name: np.sum(expected == name) for name in REGIONS}
    counts = cache.region_counts("abc", 0, 1)
    turned = cache.region_counts("abc", 0, 1, "epoch")
    assert counts == cache.subset_counts("abc", (0, 1))
    assert turned["joint_negative"] == counts["joint_positive"]


def test_a_pair_returns_every_sample_where_they_fit_the_limit(cache, generated):
    frame = cache.pair("abc", 1, 3, limit=SAMPLES)
    assert list(frame) == ["index", "label", "predicted", "confidence", "source", "x", "y"]
    assert frame["index"].tolist() == list(range(SAMPLES))
    np.testing.assert_array_equal(frame[["x", "y"]].to_numpy(), generated[:, [1, 3]])
    assert frame["label"].tolist() == [index % CLASSES for index in range(SAMPLES)]
    assert frame["source"][17] == "train.csv#17"


def test_a_sample_of_a_pair_keeps_extremes_and_every_region_and_is_the_same_again(cache, generated):
    limit = 300
    frame = cache.pair("abc", 1, 3, limit=limit)
    assert 0.95 * limit <= len(frame) <= limit
    assert frame["index"].is_unique
    assert frame.equals(cache.pair("abc", 1, 3, limit=limit))
    np.testing.assert_array_equal(frame[["x", "y"]].to_numpy(), generated[frame["index"]][:, [1, 3]])
    points = generated[:, [1, 3]].astype(float)
    distance = np.max(np.abs(points) / np.sqrt(np.mean(points**2, axis=0)), axis=1)
    assert set(np.argsort(-distance)[: limit // 10]) <= set(frame["index"])
    drawn, whole = region(generated[frame["index"]], 1, 3), region(generated, 1, 3)
    for name in REGIONS:
        assert np.mean(drawn == name) == pytest.approx(np.mean(whole == name), abs=0.12)


def test_a_rare_region_is_not_lost_in_a_sample(store, cache, write_influence):
    vectors = np.tile([1.0, -1.0], (SAMPLES, 1))
    vectors[[700, 1900]] = -0.1
    write_influence(store.run("rare"), vectors)
    cache.ingest()
    assert {700, 1900} <= set(cache.pair("rare", 0, 1, limit=100)["index"])


def test_a_limit_of_one_gives_the_farthest_sample(cache, generated):
    points = generated[:, [0, 2]].astype(float)
    distance = np.max(np.abs(points) / np.sqrt(np.mean(points**2, axis=0)), axis=1)
    assert cache.pair("abc", 0, 2, limit=1)["index"].tolist() == [np.argmax(distance)]


@pytest.mark.parametrize("limit", [50, SAMPLES])
def test_region_and_box_keep_only_what_lies_inside(cache, generated, limit):
    x, y = generated[:, 0], generated[:, 1]
    inside = (x >= -1) & (x <= 0.5) & (y >= -np.inf) & (y <= 0.25) & (region(generated, 0, 1) == "joint_negative")
    frame = cache.pair("abc", 0, 1, limit=limit, region="joint_negative", box=(-1, 0.5, -np.inf, 0.25))
    expected = np.flatnonzero(inside)
    assert len(expected) > 50
    assert set(frame["index"]) <= set(expected)
    assert len(frame) == len(expected) if limit == SAMPLES else 45 <= len(frame) <= 50


def test_an_empty_box_has_no_samples(cache):
    frame = cache.pair("abc", 0, 1, box=(1e6, 2e6, 0, 1))
    assert frame.empty
    assert "source" in frame


def test_a_region_box_or_limit_that_is_not_one_is_refused(cache):
    with pytest.raises(RefusedInput, match="no region 'joint'"):
        cache.pair("abc", 0, 1, region="joint")
    for box in ((1, 0, 0, 1), (0, 1, np.nan, 1), (0, 1, 0)):
        with pytest.raises(RefusedInput, match="the box is"):
            cache.pair("abc", 0, 1, box=box)
    with pytest.raises(RefusedInput, match="the limit is 0"):
        cache.pair("abc", 0, 1, limit=0)
