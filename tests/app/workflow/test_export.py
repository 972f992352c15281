import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.report import findings_of
from app.workflow.export import export_study
from engine.errors import RefusedInput
from engine.study import load_study

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture
def exported(trained_digits, finished_store, tmp_path):
    out = tmp_path / "out"
    return out, export_study(trained_digits, load_study(trained_digits), finished_store, out, {})


def test_vectors_stand_beside_their_samples_with_a_column_for_each_class(exported, trained_digits, finished_store):
    out, _ = exported
    findings = findings_of(trained_digits, load_study(trained_digits), finished_store, {})

    table = pq.read_table(out / "vectors.parquet")

    columns = [f"{operator}_{name}" for operator in ("ceiling", "epoch") for name in NAMES]
    assert table.column_names == ["index", "source", "label", "predicted", "confidence", *columns]
    assert table["index"].to_pylist() == list(range(200))
    samples = findings.samples().to_pydict()
    assert table["source"].to_pylist() == samples["source"]
    assert table["label"].to_pylist() == [NAMES[k] for k in samples["label"]]
    assert table["predicted"].to_pylist() == [NAMES[k] for k in samples["predicted"]]
    for operator in ("ceiling", "epoch"):
        vectors = np.stack([table[f"{operator}_{name}"].to_numpy() for name in NAMES], axis=1)
        np.testing.assert_array_equal(vectors, findings.vectors(operator))


def test_weights_of_the_search_are_those_of_its_run(exported, finished_store):
    _, result = exported
    (search,) = [run for run in finished_store.finished_runs() if run.manifest()["kind"] == "reweight"]

    (told,) = result["weights"]

    assert told["kind"] == "direct_improvement"
    assert told["targets"] == ["one", "eight"]
    assert told["run"] == search.key
    table = pq.read_table(told["file"])
    assert table.column_names == ["index", "label", "weight"]
    assert table.equals(search.read_table("weights.parquet"))


def test_the_files_that_are_told_are_those_that_are_there(exported):
    out, result = exported

    assert sorted(result["files"]) == sorted(str(path) for path in out.iterdir())
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert result["bytes"] == [path.stat().st_size for path in map(type(out), result["files"])]


def test_files_that_are_there_are_kept_unless_one_says_otherwise(exported, trained_digits, finished_store, contents):
    out, _ = exported
    (out / "vectors.parquet").write_bytes(b"mine")
    (out / "report.html").unlink()
    before = contents(out)
    study = load_study(trained_digits)

    with pytest.raises(RefusedInput, match=r"already has vectors\.parquet, weights-.*--overwrite"):
        export_study(trained_digits, study, finished_store, out, {})
    assert contents(out) == before

    export_study(trained_digits, study, finished_store, out, {}, overwrite=True)
    assert pq.read_table(out / "vectors.parquet").num_rows == 200


def test_where_no_folder_is_named_it_is_called_like_the_study(trained_digits, finished_store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    result = export_study(trained_digits, load_study(trained_digits), finished_store, None, {})

    assert result["files"][0] == str(tmp_path / "small-digits-export" / "vectors.parquet")


def test_a_file_in_the_place_of_the_folder_is_refused(trained_digits, finished_store, tmp_path):
    (tmp_path / "out").write_text("")

    with pytest.raises(RefusedInput, match="is a file"):
        export_study(trained_digits, load_study(trained_digits), finished_store, tmp_path / "out", {})


def test_a_full_disk_is_told_and_leaves_no_half_file(trained_digits, finished_store, tmp_path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)

    with pytest.raises(RefusedInput, match=r"cannot be written to .*No space left"):
        export_study(trained_digits, load_study(trained_digits), finished_store, tmp_path / "out", {})
    assert list((tmp_path / "out").iterdir()) == []


def test_damaged_vectors_leave_nothing_behind(digits, digits_store, tmp_path):
    for run in digits_store.finished_runs():
        if run.manifest()["kind"] == "influence":
            (run.path / "vectors-00000.parquet").write_bytes(b"torn")

    with pytest.raises(RefusedInput, match="damaged"):
        export_study(digits, load_study(digits), digits_store, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_a_run_without_its_weights_is_passed_over(digits, digits_store, tmp_path):
    for run in digits_store.finished_runs():
        (run.path / "weights.parquet").unlink(missing_ok=True)

    result = export_study(digits, load_study(digits), digits_store, tmp_path / "out", {})

    assert result["weights"] == []
    assert len(result["files"]) == 2


def test_weights_of_every_kind_of_run_are_taken_along(digits, digits_store, tmp_path, run_use_case):
    run_use_case("reweight", digits, digits_store, setting="all_classes")
    run_use_case("climb", digits, digits_store, rounds=1)

    result = export_study(digits, load_study(digits), digits_store, tmp_path / "out", {})

    assert [told["kind"] for told in result["weights"]] == ["direct_improvement", "all_classes", "climb"]
    assert [told["targets"] for told in result["weights"]] == [["one", "eight"], NAMES, NAMES]
    json.dumps(result, allow_nan=False)


def test_shipped_runs_are_exported_as_well(tmp_path, finished_store, digits):
    from cache.store import Store

    shutil.copytree(finished_store.runs_folder, tmp_path / "samples" / "digits" / "runs")
    store = Store(tmp_path / "own", tmp_path / "samples")

    assert len(export_study(digits, load_study(digits), store, tmp_path / "out", {})["files"]) == 3
