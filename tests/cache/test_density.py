import numpy as np
import pytest

from cache.cache import Cache
from cache.density import PairPoints
from engine.errors import RefusedInput

SAMPLES = 5000


@pytest.fixture
def points() -> PairPoints:
    x, y = np.random.default_rng(0).standard_t(2, size=(2, SAMPLES)).astype(np.float32)
    return PairPoints(np.arange(SAMPLES, dtype=np.int32) + 10, x, y)


def test_the_points_of_a_pair_are_its_columns(store, write_influence):
    vectors = write_influence(store.run("abc"), np.random.default_rng(0).normal(size=(500, 4)))
    write_influence(store.run("other"), np.ones((50, 4)))
    with Cache.open(store) as cache:
        cache.ingest()
        found = cache.pair_points("abc", 2, 0)
        counts = cache.region_counts("abc", 2, 0)
    order = np.argsort(found.index)

    np.testing.assert_array_equal(found.index[order], np.arange(500))
    np.testing.assert_array_equal(np.column_stack([found.x, found.y])[order], vectors[:, [2, 0]])
    assert found.region_counts == counts


def test_a_view_of_everything_counts_every_sample_once(points):
    far = float(max(np.abs(points.x).max(), np.abs(points.y).max()))

    assert points.density((-far, far, -far, far)).sum() == SAMPLES
    whole = points.whole_view
    outside = np.sum(np.maximum(np.abs(points.x), np.abs(points.y)) > whole[1])
    assert 0 < outside < 0.001 * SAMPLES
    assert points.density(whole).sum() + outside == SAMPLES


def test_bins_are_those_of_numpy(points):
    box = (-1.5, 3.0, -2.0, 0.7)
    expected, _, _ = np.histogram2d(
        points.y.astype(float), points.x.astype(float), bins=30, range=[(-2.0, 0.7), (-1.5, 3.0)]
    )

    np.testing.assert_array_equal(points.density(box, bins=30), expected)
    assert points.density(box).sum() == points.inside(box).sum()


def test_samples_on_the_far_edges_are_counted_in_the_last_bins():
    corner = PairPoints(np.arange(2, dtype=np.int32), np.array([1, -1], np.float32), np.array([1, -1], np.float32))

    assert np.argwhere(corner.density((-1, 1, -1, 1), bins=4)).tolist() == [[0, 0], [3, 3]]


def test_the_farthest_are_those_inside_the_view(points):
    box = (-1.0, 1.0, -1.0, 5.0)
    inside = points.inside(box)
    distance = np.where(inside, np.maximum(np.abs(points.x), np.abs(points.y)), -1)

    assert points.farthest(box, 40).tolist() == sorted((np.argsort(-distance)[:40] + 10).tolist())
    assert len(points.farthest((0.0, 0.05, 0.0, 0.05), SAMPLES)) == points.inside((0.0, 0.05, 0.0, 0.05)).sum()


def test_trade_offs_above_the_diagonal_help_the_second_class():
    points = PairPoints(
        np.arange(5, dtype=np.int32), np.array([1, -1, 1, 0, 2], np.float32), np.array([1, 1, -1, 1, 3], np.float32)
    )

    assert points.trade_offs_above == 2
    assert points.region_counts == {"joint_positive": 2, "joint_negative": 0, "trade_off": 3}


def test_samples_without_influence_have_a_view_too():
    zeros = PairPoints(np.arange(3, dtype=np.int32), np.zeros(3, np.float32), np.zeros(3, np.float32))

    assert zeros.whole_view == (-1.0, 1.0, -1.0, 1.0)
    assert zeros.density(zeros.whole_view).sum() == 3


def test_a_view_without_area_is_refused(points):
    with pytest.raises(RefusedInput, match="the view is"):
        points.density((0, 0, 0, 1))
