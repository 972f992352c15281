import pytest

from app.jobs import JobFolder, JobStatus
from app.workflow.job_list import JobRow
from app.workflow.run_list import KINDS, as_table, deletion_words, dependents, refuse_in_use, refuse_shipped, run_rows
from cache.store import Store
from engine.errors import RefusedInput


@pytest.fixture
def manifests(finished_store):
    return [run.manifest() for run in finished_store.finished_runs()]


def test_every_run_says_in_one_phrase_what_it_gave(finished_store, manifests):
    rows = {row.kind: row for row in run_rows(finished_store, manifests)}

    assert "200 samples, 10 classes; mean accuracy" in rows["influence"].result
    assert rows["ceiling"].result in ("room to improve", "at the ceiling", "not enough evidence")
    assert "points against the control on average (test)" in rows["reweight"].result
    assert rows["reweight"].targets == ("one", "eight")
    assert "times as far as predicted" in rows["probe"].result
    # Also where the manifest does not tell it: that of the influence run that it was made from.
    assert {row.epoch for row in rows.values()} == {4}
    assert all(row.bytes > 0 and not row.shipped for row in rows.values())


def test_the_table_keeps_figures_as_figures(finished_store, manifests):
    table = as_table(run_rows(finished_store, manifests))

    assert str(table["created"].dtype).startswith("datetime64")
    assert table["size"].dtype.kind == table["checkpoint"].dtype.kind == "i"


def test_real_trainings_beside_predictions_are_told_in_plain_words(validated_store):
    manifests = [run.manifest() for run in validated_store.finished_runs()]
    rows = {row.kind: row for row in run_rows(validated_store, manifests)}
    scores = {manifest["kind"]: manifest for manifest in manifests}["datamodelling"]

    assert rows["removal"].result == "62 trainings, without samples for 10 classes"
    assert rows["halves"].result == "32 halves, 2 trainings of each"
    own = scores["candidates"][scores["own"]]["mean"]
    assert rows["datamodelling"].result == f"mean score {own:.2f} over classes (diagonal)"
    nothing = {**scores, "candidates": [{"mean": None}], "own": 0}
    (row,) = run_rows(validated_store, [nothing])
    assert row.result == "no score"
    assert set(rows) <= set(KINDS)


def test_a_removal_study_is_lost_with_its_influence_run(validated_store):
    manifests = [run.manifest() for run in validated_store.finished_runs()]
    keys = {manifest["kind"]: manifest["key"] for manifest in manifests}

    found = {manifest["kind"] for manifest in dependents(keys["influence"], manifests)}

    assert "removal" in found
    assert not {"halves", "datamodelling"} & found, "they start from no influence"


def test_a_run_without_its_parts_is_listed_all_the_same(tmp_path):
    (row,) = run_rows(Store(tmp_path), [{"key": "abc", "kind": "reweight", "targets": [0], "influence": "gone"}])

    assert (row.epoch, row.targets, row.result, row.bytes) == (None, ("0",), "", 0)


def test_what_was_made_from_a_run_is_found_also_by_way_of_another(manifests):
    by_kind = {manifest["kind"]: manifest for manifest in manifests}
    choice = {"key": "choice", "kind": "reweight", "search": by_kind["reweight"]["key"]}

    found = dependents(by_kind["influence"]["key"], [*manifests, choice])

    assert {manifest["key"] for manifest in found} == {
        *(manifest["key"] for manifest in manifests if manifest["kind"] != "influence"),
        "choice",
    }
    assert dependents(by_kind["ceiling"]["key"], manifests) == []


def test_who_deletes_is_told_what_is_lost_and_what_depends_on_it(finished_store, manifests):
    rows = {row.kind: row for row in run_rows(finished_store, manifests)}

    words = deletion_words(rows["influence"], dependents(rows["influence"].key, manifests))

    assert "influence of every training sample" in words
    assert "3 runs made from it (" in words
    assert all(f"1 {kind}" in words for kind in ("ceiling", "reweight", "probe"))
    assert "No other run depends on it" in deletion_words(rows["ceiling"], [])


def test_a_shipped_run_is_refused_before_anyone_is_asked(finished_store, tmp_path, manifests):
    shipped = tmp_path / "samples" / "one"
    shipped.mkdir(parents=True)
    (shipped / "runs").symlink_to(finished_store.runs_folder)
    (row, *_) = run_rows(Store(tmp_path / "store", tmp_path / "samples"), manifests)

    with pytest.raises(RefusedInput, match="was shipped"):
        refuse_shipped(row)


@pytest.mark.parametrize(
    ("state", "command", "refused"),
    [
        ("running", "reweight", True),
        ("waiting", "ceiling", True),
        ("finished", "reweight", False),
        ("running", "preview", False),
    ],
)
def test_nothing_is_deleted_under_a_job_of_the_same_study(tmp_path, digits, state, command, refused):
    job = JobRow(JobFolder(tmp_path / "job"), command, digits / "study.toml", "", JobStatus(state))

    refuse_in_use("another study", [job])
    if refused:
        with pytest.raises(RefusedInput, match=f"{command} is at work"):
            refuse_in_use("small digits", [job])
    else:
        refuse_in_use("small digits", [job])


def test_a_search_for_label_errors_says_for_how_many_it_suggests_another(tmp_path):
    told = {"key": "abc", "kind": "harmful", "influence": "gone", "suggested": 107, "samples": 1900}
    (row,) = run_rows(Store(tmp_path), [told])

    assert row.result == "another label suggested for 107 of 1,900 samples"
