import numpy as np
import pyarrow as pa
import pytest

from cache.cache import Cache
from cache.manifests import InfluenceManifest, read_manifest
from cache.parts import OPINIONS, read_candidates, read_opinions, read_samples, read_vectors
from engine.errors import RefusedInput

SAMPLES, CLASSES = 6, 3


@pytest.fixture
def folder(store, write_influence):
    folder = store.run("abc")
    write_influence(folder, np.arange(SAMPLES * CLASSES).reshape(SAMPLES, CLASSES))
    return folder


@pytest.fixture
def manifest(folder) -> InfluenceManifest:
    manifest = read_manifest(folder)
    assert isinstance(manifest, InfluenceManifest)
    return manifest


def replace(folder, name, column, values):
    table = folder.read_table(name)
    folder.write_table(name, table.set_column(table.column_names.index(column), column, values))


def test_parts_of_a_valid_run_are_read_as_they_were_written(folder, manifest):
    assert sorted(read_samples(folder, manifest)["index"].to_pylist()) == list(range(SAMPLES))
    parts = list(read_vectors(folder, manifest))
    assert np.concatenate([part.index for part in parts]).tolist() == list(range(SAMPLES))
    np.testing.assert_array_equal(parts[1].ceiling, np.tile(np.arange(9.0, 18).reshape(3, 3), 2))
    np.testing.assert_array_equal(parts[1].epoch, -parts[1].ceiling)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("index", pa.array([0, 1, 2, 3, 4, 4]), "not a permutation"),
        ("index", pa.array([1, 2, 3, 4, 5, 6]), "not a permutation"),
        ("label", pa.array([0, 1, 2, 3, 0, 1]), "label is out of range"),
        ("predicted", pa.array([0, 1, 2, -1, 0, 1]), "predicted is out of range"),
        ("label", pa.array([0, 1, 2, 70_000, 0, 1]), "label is int64"),
        ("label", pa.array(["a"] * 6), "label is string"),
        ("confidence", pa.array([0.5] * 5 + [np.nan]), "confidence is not finite"),
        ("source", pa.array(["x"] * 5 + [None]), "source has empty values"),
    ],
)
def test_samples_that_are_not_what_the_manifest_says_are_refused(folder, manifest, column, values, told):
    replace(folder, "samples.parquet", column, values)
    with pytest.raises(RefusedInput, match=f"run abc: part samples.parquet is not valid.*{told}"):
        read_samples(folder, manifest)


def lists(values) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(values, pa.float32()), len(values) // 3)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("ceiling", lists([0.0] * 17 + [np.nan]), "ceiling is not finite"),
        ("epoch", lists([0.0] * 17 + [np.inf]), "epoch is not finite"),
        ("epoch", lists([0.0] * 17 + [None]), "epoch is not finite"),
        ("ceiling", lists([0.0] * 15), "ceiling is fixed_size_list"),
        ("ceiling", pa.array([None, [0.0] * 6, [0.0] * 6], pa.list_(pa.float32(), 6)), "ceiling has empty values"),
        ("index", pa.array([0, 1, 2], pa.int32()), "indices are not a permutation"),
    ],
)
def test_vectors_that_are_not_finite_or_not_whole_are_refused(folder, manifest, column, values, told):
    replace(folder, "vectors-00001.parquet", column, values)
    with pytest.raises(RefusedInput, match=f"run abc: part vectors.*{told}"):
        list(read_vectors(folder, manifest))


def test_a_missing_part_and_a_missing_column_are_refused(folder, manifest):
    folder.write_table("vectors-00001.parquet", folder.read_table("vectors-00001.parquet").drop_columns(["epoch"]))
    with pytest.raises(RefusedInput, match="has no column epoch"):
        list(read_vectors(folder, manifest))
    (folder.path / "vectors-00001.parquet").unlink()
    with pytest.raises(RefusedInput, match="indices are not a permutation"):
        list(read_vectors(folder, manifest))


def test_a_generation_keeps_what_was_not_trained_and_what_diverged(store, write_generation):
    folder = store.run("abc")
    write_generation(folder, 0, loss=pa.array([[np.nan, np.inf, 1.0], None], pa.list_(pa.float32())))
    table = read_candidates(folder, "candidates-000.parquet")
    assert table["accuracy"].to_pylist() == [[0.5] * 3, None]
    assert np.isnan(table["loss"][0].as_py()[0])


def test_a_generation_without_values_was_judged_by_its_losses(store, write_generation):
    folder = store.run("abc")
    write_generation(folder, 0)
    assert read_candidates(folder, "candidates-000.parquet")["value"].to_pylist() == [[-1.0] * 3, None]
    stored = folder.read_table("candidates-000.parquet")
    folder.write_table("candidates-000.parquet", stored.drop_columns(["value"]))
    assert read_candidates(folder, "candidates-000.parquet")["value"].to_pylist() == [[0.5] * 3, None]
    folder.write_table("candidates-000.parquet", stored.drop_columns(["value", "loss"]))
    with pytest.raises(RefusedInput, match="has no column loss"):
        read_candidates(folder, "candidates-000.parquet")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"value": pa.array([[1.0], None])}, r"lists have lengths \[1, 3\]"),
        ({"fitness": np.nan}, "fitness is not a number"),
        ({"predicted": pa.array([[0.1, np.nan, 0], [0, 0, 0]])}, "predicted is not finite"),
        ({"alpha": pa.array([[np.inf] * 3, None], pa.list_(pa.float32()))}, "alpha is not finite"),
        ({"step": pa.array([np.nan, None], pa.float32())}, "step is not finite"),
        ({"predicted": pa.array([[0.1], [0.1]])}, r"lists have lengths \[1, 3\]"),
        ({"predicted": pa.array([[0.1] * 3, None])}, "predicted has empty values"),
    ],
)
def test_a_generation_that_is_not_valid_is_refused(store, write_generation, columns, told):
    folder = store.run("abc")
    write_generation(folder, 0, **columns)
    with pytest.raises(RefusedInput, match=f"run abc: part candidates-000.parquet is not valid.*{told}"):
        read_candidates(folder, "candidates-000.parquet")


@pytest.fixture
def judged(store):
    """A search for label errors of four samples, of which the second is known to be wrong."""
    folder = store.run("judged")
    columns = {
        "index": pa.array(range(4), pa.int32()),
        "label": pa.array([0, 1, 2, 0], pa.int16()),
        "quality": pa.array([0.9, 0.1, 0.5, 1.0], pa.float32()),
        "suggested": pa.array([None, 2, None, None], pa.int16()),
        "suggested_probability": pa.array([None, 0.75, None, None], pa.float32()),
        "self_influence": pa.array([0.0, 3.0, 1.0, 0.5], pa.float64()),
        "wrong": pa.array([False, True, False, False]),
    }
    folder.write_table(OPINIONS, pa.table(columns))
    told = {"influence": "abc", "class_names": ["a", "b", "c"], "samples": 4, "trainings": 5, "suggested": 1}
    folder.finish({"kind": "harmful", "study": {"name": "digits"}, "known_errors": 1, **told})
    return folder


def test_opinions_are_read_with_their_gaps_filled(judged):
    found = read_opinions(judged)
    assert found.label.tolist() == [0, 1, 2, 0]
    np.testing.assert_array_equal(found.quality, np.array([0.9, 0.1, 0.5, 1.0], np.float32))
    assert found.suggested.tolist() == [-1, 2, -1, -1]
    np.testing.assert_array_equal(found.suggested_probability, [np.nan, 0.75, np.nan, np.nan])
    assert found.self_influence.tolist() == [0.0, 3.0, 1.0, 0.5]
    assert found.errors is not None
    assert found.errors.tolist() == [1]


def test_another_kind_of_run_has_no_opinions(folder):
    with pytest.raises(RefusedInput, match="the run is of kind influence"):
        read_opinions(folder)


def test_where_wrong_labels_are_not_known_there_are_none_to_tell(judged):
    replace(judged, OPINIONS, "wrong", pa.array([None] * 4, pa.bool_()))
    judged.finish(judged.manifest() | {"known_errors": None})
    assert read_opinions(judged).errors is None


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("index", pa.array([1, 0, 2, 3], pa.int32()), "does not count the samples"),
        ("label", pa.array([0, 1, 3, 0], pa.int16()), "a label is out of range"),
        ("suggested", pa.array([None, -2, None, None], pa.int16()), "a label is out of range"),
        ("suggested", pa.array([3, None, None, None], pa.int16()), "a label is out of range"),
        ("quality", pa.array([0.5, np.nan, 0.5, 0.5], pa.float32()), "quality is not finite"),
        ("quality", pa.array([0.5, None, 0.5, 0.5], pa.float32()), "quality has empty values"),
        ("self_influence", pa.array([0.0, -1.0, 0.0, 0.0], pa.float64()), "self_influence is not one"),
        ("self_influence", pa.array([0.0, np.inf, 0.0, 0.0], pa.float64()), "self_influence is not one"),
        ("wrong", pa.array([None, True, False, False]), "wrong is not what known_errors says"),
        ("wrong", pa.array([None] * 4, pa.bool_()), "wrong is not what known_errors says"),
        ("wrong", pa.array([True, True, False, False]), "wrong is not what known_errors says"),
    ],
)
def test_opinions_that_are_not_what_the_manifest_promises_are_refused_and_not_taken_in(
    store, judged, column, values, told
):
    replace(judged, OPINIONS, column, values)
    with pytest.raises(RefusedInput, match=told):
        read_opinions(judged)
    with Cache.open(store) as cache:
        assert cache.ingest() == []
        assert told in str(cache.refused["judged"])


def test_a_valid_search_for_label_errors_is_taken_in_beside_its_influence_run(store, judged, folder):
    with Cache.open(store) as cache:
        assert sorted(cache.ingest()) == ["abc", "judged"]
        assert [run["key"] for run in cache.runs("harmful", "digits")] == ["judged"]
