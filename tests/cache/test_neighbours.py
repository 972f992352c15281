import numpy as np
import pytest

from cache.cache import Cache
from engine.errors import RefusedInput

SAMPLES, CLASSES = 400, 4


@pytest.fixture
def generated() -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(SAMPLES, CLASSES)).astype(np.float32)
    vectors[7] = 0.0
    vectors[9] = 100 * vectors[5]
    return vectors


@pytest.fixture
def cache(store, write_influence, generated):
    write_influence(store.run("abc"), generated)
    write_influence(store.run("other"), generated[::-1])
    with Cache.open(store) as cache:
        cache.ingest()
        yield cache


def test_neighbours_are_those_of_the_smallest_angle_over_all_samples(cache, generated):
    frame = cache.neighbours("abc", 20, 8)
    wide = generated.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    with np.errstate(invalid="ignore"):
        cosine = wide @ wide[20] / (lengths * lengths[20])
    cosine[[20, 7]] = -np.inf

    assert frame["index"].tolist() == np.argsort(-cosine)[:8].tolist()
    np.testing.assert_allclose(frame["similarity"], np.sort(cosine)[::-1][:8], rtol=1e-5)
    assert frame["label"].tolist() == [index % CLASSES for index in frame["index"]]
    assert frame["source"][0] == f"train.csv#{frame['index'][0]}"


def test_strength_does_not_matter_and_a_sample_is_not_its_own_neighbour(cache):
    nearest = cache.neighbours("abc", 5, 1)

    assert nearest["index"].tolist() == [9]
    assert nearest["similarity"][0] == pytest.approx(1.0)
    assert nearest["similarity"][0] <= 1


def test_a_sample_without_influence_has_no_neighbours_and_is_none(cache):
    assert cache.neighbours("abc", 7, 8).empty
    assert 7 not in set(cache.neighbours("abc", 1, SAMPLES)["index"])
    assert len(cache.neighbours("abc", 1, SAMPLES)) == SAMPLES - 2


def test_a_sample_or_a_number_that_is_not_one_is_refused(cache):
    with pytest.raises(RefusedInput, match="no sample 400"):
        cache.neighbours("abc", SAMPLES, 8)
    with pytest.raises(RefusedInput, match="the limit is 0"):
        cache.neighbours("abc", 1, 0)
