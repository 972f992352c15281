import numpy as np
import pytest

from cache.cache import Cache
from engine.errors import RefusedInput

VECTORS = np.array(
    [
        [-1.0, -1.0, 9.0],  # joint negative on 0 and 1
        [-9.0, 1.0, 0.0],  # harmful in sum only
        [-2.0, -0.5, 0.0],  # joint negative, a little worse
        [3.0, 2.0, 0.0],  # joint positive
        [9.0, -1.0, 0.0],  # helpful in sum only
        [1.0, -1.0, 0.0],  # neither
    ]
)


@pytest.fixture
def cache(store, write_influence):
    write_influence(store.run("abc"), VECTORS)
    with Cache.open(store) as cache:
        cache.ingest()
        yield cache


def test_harmful_samples_are_joint_negative_first_then_by_their_sum(cache):
    frame = cache.ranked_samples("abc", [0, 1], "harmful", 10)
    assert frame["index"].tolist() == [2, 0, 1]
    assert frame["joint"].tolist() == [True, True, False]
    assert frame["total"].tolist() == [-2.5, -2.0, -8.0]
    assert [row.tolist() for row in frame["influence"]] == [[-2.0, -0.5], [-1.0, -1.0], [-9.0, 1.0]]
    assert frame["source"].tolist() == ["train.csv#2", "train.csv#0", "train.csv#1"]


def test_helpful_samples_are_the_opposite(cache):
    assert cache.ranked_samples("abc", [0, 1], "helpful", 10)["index"].tolist() == [3, 4]
    turned = cache.ranked_samples("abc", [0, 1], "helpful", 10, operator="epoch")
    assert turned["index"].tolist() == [2, 0, 1]


def test_influence_follows_the_order_of_the_chosen_classes(cache):
    frame = cache.ranked_samples("abc", [1, 0], "harmful", 1)
    assert frame["influence"][0].tolist() == [-0.5, -2.0]
    assert cache.ranked_samples("abc", [2], "harmful", 5).empty


def test_ranking_many_samples_agrees_with_numpy(store, cache, write_influence):
    vectors = write_influence(store.run("many"), np.random.default_rng(0).normal(size=(500, 4)))
    cache.ingest()
    chosen = vectors[:, [0, 3]].astype(float)
    order = np.lexsort((chosen.sum(1), ~(chosen < 0).all(1)))
    assert cache.ranked_samples("many", [0, 3], "harmful", 25)["index"].tolist() == order[:25].tolist()


def test_a_sign_limit_or_class_that_is_not_one_is_refused(cache):
    with pytest.raises(RefusedInput, match="no sign 'bad'"):
        cache.ranked_samples("abc", [0], "bad", 5)
    with pytest.raises(RefusedInput, match="the limit is 0"):
        cache.ranked_samples("abc", [0], "harmful", 0)
    with pytest.raises(RefusedInput, match="has no class 7"):
        cache.ranked_samples("abc", [0, 7], "harmful", 5)
