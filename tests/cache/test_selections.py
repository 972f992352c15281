import numpy as np
import pytest

from cache.cache import Cache
from cache.shapes import Shape
from cache.store import Store
from engine.errors import RefusedInput

SAMPLES, CLASSES = 3000, 5


@pytest.fixture(scope="module")
def generated() -> np.ndarray:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(SAMPLES, CLASSES)) @ generator.normal(size=(CLASSES, CLASSES))
    vectors[::50] = 0.0
    return vectors.astype(np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory, write_influence, generated):
    store = Store(tmp_path_factory.mktemp("store"))
    write_influence(store.run("abc"), generated, parts=4)
    write_influence(store.run("other"), generated[::-1], parts=1)
    with Cache.open(store) as cache:
        cache.ingest()
        yield cache


SHAPES = [
    Shape.box(-0.5, 2, -1, 0.25),
    Shape.lasso([-1, 2, 0.5, -2], [-1, 0, 2, 1]),
    *(Shape.of_region(name) for name in ("joint_positive", "joint_negative", "trade_off")),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.text)
def test_a_selection_is_that_of_numpy_over_all_rows(cache, generated, shape):
    selection = cache.select("abc", 1, 3, shape)
    expected = np.flatnonzero(shape.contains(generated[:, 1], generated[:, 3]))
    x, y = generated[expected, 1], generated[expected, 3]

    assert 50 < len(expected) < SAMPLES
    assert sorted(selection.samples) == expected.tolist()
    totals = generated[selection.samples].sum(axis=1, dtype=np.float64)
    assert (np.diff(totals) >= 0).all(), "the most harmful come first"
    assert selection.regions == {
        "joint_positive": np.sum((x > 0) & (y > 0)),
        "joint_negative": np.sum((x < 0) & (y < 0)),
        "trade_off": len(x) - np.sum((x > 0) & (y > 0)) - np.sum((x < 0) & (y < 0)),
    }
    assert selection.own_classes.tolist() == np.bincount(expected % CLASSES, minlength=CLASSES).tolist()
    np.testing.assert_allclose(selection.influence, generated[expected].sum(axis=0, dtype=np.float64), rtol=1e-9)


def test_an_empty_selection_has_no_samples_and_no_influence(cache):
    selection = cache.select("abc", 0, 1, Shape.box(1e6, 2e6, 0, 1))

    assert len(selection.samples) == 0
    assert selection.own_classes.tolist() == [0] * CLASSES
    assert selection.influence.tolist() == [0.0] * CLASSES


def test_the_other_operator_selects_by_its_own_vectors(cache, generated):
    selection = cache.select("abc", 0, 1, Shape.of_region("joint_positive"), "epoch")

    assert sorted(selection.samples) == np.flatnonzero((generated[:, :2] < 0).all(axis=1)).tolist()


def test_samples_are_described_in_the_order_in_which_they_are_asked_for(cache, generated):
    asked = [17, 4, 2999, 0]
    frame, vectors = cache.described("abc", asked)

    assert list(frame) == ["index", "label", "predicted", "confidence", "source"]
    assert frame["index"].tolist() == asked
    assert frame["source"].tolist() == [f"train.csv#{index}" for index in asked]
    np.testing.assert_array_equal(vectors, generated[asked])
    none, empty = cache.described("abc", [])
    assert list(none) == list(frame)
    assert empty.shape == (0, CLASSES)


def test_a_sample_that_the_run_lacks_is_refused(cache):
    with pytest.raises(RefusedInput, match="lacks some of the samples"):
        cache.described("abc", [1, SAMPLES])
