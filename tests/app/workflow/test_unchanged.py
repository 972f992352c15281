"""Data that change in the middle of a use-case: nothing may be stored under the key of what they were before."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.workflow.unchanged import finish_unchanged
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput


def test_a_run_is_finished_while_its_files_are_the_same_and_removed_otherwise(tmp_path: Path) -> None:
    same, other = RunFolder(tmp_path / "same"), RunFolder(tmp_path / "other")
    same.write_json("part.json", {})
    other.write_json("part.json", {})
    finish_unchanged(same, {"kind": "probe"}, "key", lambda: "key", "the data changed")
    with pytest.raises(RefusedInput, match=r"the data changed\. Expected files that stay as they are"):
        finish_unchanged(other, {"kind": "probe"}, "key", lambda: "another", "the data changed")
    assert same.parts == ("part.json", "run.json")
    assert other.parts == ()


@pytest.mark.parametrize(
    ("gone", "options", "words"),
    [
        (("ceiling", "probe", "reweight"), {}, "during the probe epochs"),
        (("ceiling", "reweight"), {}, "during the search"),
        (("ceiling",), {"candidate": "another"}, "while the candidate was trained"),
        (("ceiling", "reweight"), {"setting": "all_classes", "targets": []}, "during the trainings"),
    ],
)
def test_a_reweighting_of_data_that_change_meanwhile_is_not_stored(
    digits: Path,
    digits_store: Store,
    run_use_case: Any,
    gone: tuple[str, ...],
    options: dict[str, Any],
    words: str,
) -> None:
    if "candidate" in options:
        (search,) = [run for run in digits_store.finished_runs() if run.manifest()["kind"] == "reweight"]
        rows = search.read_table("candidates-*.parquet").to_pylist()
        chosen = search.manifest()["chosen"]
        options = {"candidate": next(row["number"] for row in rows if row["feasible"] and row["number"] != chosen)}
    for run in digits_store.finished_runs():
        if run.manifest()["kind"] in gone:
            shutil.rmtree(run.path)
    before = {run.key for run in digits_store.finished_runs()}

    def change(stage: str, done: int, total: int, note: str = "") -> None:
        (digits / "test.npz").write_bytes((digits / "validation.npz").read_bytes())

    with pytest.raises(RefusedInput, match=words):
        run_use_case("reweight", digits, digits_store, change, **options)
    assert {run.key for run in digits_store.finished_runs()} == before
    assert all(not run.parts for run in digits_store.unfinished_runs())
