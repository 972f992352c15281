import numpy as np
import pyarrow as pa
import pytest

from cache.manifests import InfluenceManifest, read_manifest
from cache.parts import read_candidates, read_samples, read_vectors
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
