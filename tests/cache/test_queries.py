import numpy as np
import pytest

from cache.cache import Cache
from engine.errors import RefusedInput


@pytest.fixture
def cache(store):
    with Cache.open(store) as cache:
        yield cache


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_vectors_return_exactly_as_they_were_written(store, cache, write_influence, classes):
    generator = np.random.default_rng(classes)
    vectors = generator.normal(size=(50, classes)) * 10.0 ** generator.integers(-30, 30, (50, classes))
    expected = write_influence(store.run("abc"), vectors, parts=3)
    cache.ingest()
    ceiling = cache.vectors("abc")
    assert ceiling.dtype == np.float32
    assert ceiling.flags.writeable
    np.testing.assert_array_equal(ceiling, expected)
    np.testing.assert_array_equal(cache.vectors("abc", "epoch"), -expected)


def test_a_climb_is_listed_by_its_kind_and_study_and_has_no_vectors(store, cache, write_influence):
    write_influence(store.run("one"), np.eye(3))
    manifest = {
        "kind": "climb",
        "study": {"name": "digits"},
        "how": "remove",
        "class_names": ["a", "b"],
        "rounds": [{"round": 0, "samples": 5, "removed": 0}],
        "best_round": 0,
        "most_rounds": 8,
    }
    store.run("up").finish(manifest)
    store.run("unfinished").write_json("round-000.json", {})
    assert set(cache.ingest()) == {"one", "up"}
    assert cache.refused == {}
    assert [run["key"] for run in cache.runs("climb", "digits")] == ["up"]
    assert cache.runs("climb", "other") == []
    assert cache.run("up") == {**manifest, "key": "up"}
    with pytest.raises(RefusedInput, match="no run 'up'"):
        cache.vectors("up")


def test_runs_are_listed_newest_first_by_kind_and_study(store, cache, write_influence, write_generation):
    vectors = np.eye(3)
    write_influence(store.run("old"), vectors, created="2024-01-01T00:00:00+00:00")
    write_influence(store.run("new"), vectors, created="2024-03-01T00:00:00+00:00", study={"name": "cifar"})
    write_generation(store.run("search"), 0)
    store.run("search").finish(
        {"kind": "reweight", "influence": "old", "targets": [0], "created": "2024-02-01T00:00:00+00:00"}
    )
    cache.ingest()

    def keys(**chosen):
        return [run["key"] for run in cache.runs(**chosen)]

    assert keys() == ["new", "search", "old"]
    assert keys(kind="influence") == ["new", "old"]
    assert keys(study="digits") == ["search", "old"]
    assert keys(kind="reweight", study="cifar") == []
    assert keys(study="'; DROP TABLE runs; --") == []
    assert cache.run("new") == store.run("new").manifest()


def test_a_sample_is_told_with_its_influence_on_every_class(store, cache, write_influence):
    expected = write_influence(store.run("abc"), np.random.default_rng(0).normal(size=(8, 3)))
    cache.ingest()
    sample = cache.sample("abc", 5)
    np.testing.assert_array_equal(sample.pop("ceiling"), expected[5])
    np.testing.assert_array_equal(sample.pop("epoch"), -expected[5])
    assert sample == {"index": 5, "label": 2, "predicted": 0, "confidence": 0.75, "source": "train.csv#5"}
    with pytest.raises(RefusedInput, match=r"has no sample 8. Expected 0..7"):
        cache.sample("abc", 8)


def test_candidates_are_told_by_number_and_what_is_missing_is_none(store, cache, write_generation):
    for generation in (1, 0):
        write_generation(store.run("abc"), generation)
    cache.ingest()
    frame = cache.candidates("abc")
    assert frame["number"].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(frame["alpha"][0], np.full(3, -0.25, np.float32))
    np.testing.assert_array_equal(frame["value"][0], np.full(3, -1.0, np.float32))
    assert frame["accuracy"][1] is frame["value"][1] is None
    assert np.isnan(frame["step"][1])
    assert frame["fitness"][1] == -np.inf
    assert cache.candidates("nothing").empty


def test_a_run_class_or_operator_that_does_not_exist_is_refused(store, cache, write_influence, write_generation):
    write_influence(store.run("abc"), np.eye(3))
    write_generation(store.run("search"), 0)
    store.run("search").finish({"kind": "reweight", "influence": "abc", "targets": [0]})
    cache.ingest()
    for ask in (lambda: cache.run("no"), lambda: cache.vectors("no"), lambda: cache.vectors("search")):
        with pytest.raises(RefusedInput, match="the cache has no run"):
            ask()
    with pytest.raises(RefusedInput, match="no operator 'both'"):
        cache.vectors("abc", "both")
    for index in (-1, 3):
        with pytest.raises(RefusedInput, match=f"has no class {index}"):
            cache.pair("abc", 0, index)
    with pytest.raises(RefusedInput, match="no class was chosen"):
        cache.subset_counts("abc", [])
