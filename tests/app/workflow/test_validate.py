"""The use-case of ``validate``: what is done, what is told, and what is refused before anything is trained."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.workflow import calibrated, datamodelling
from app.workflow import validate as use_case
from app.workflow.datamodelling import Comparison
from app.workflow.removal import removal_run
from app.workflow.validate import validate
from cache.store import Store
from engine.data import load_data
from engine.errors import RefusedInput
from engine.experiments.halves_options import DAMPINGS
from engine.study import load_study
from tests.app.workflow.planted import train, write_rows


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder)
    return train(folder)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def _two_strategies(monkeypatch) -> None:
    monkeypatch.setattr(datamodelling, "COMPARED", ("identity",))


def kinds(store: Store) -> list[str]:
    return sorted(run.manifest()["kind"] for run in store.finished_runs())


def test_both_are_told_in_one_object_without_numbers_that_json_lacks(rows, store):
    told = validate(load_study(rows), store, {"seeds": 2, "subsets": 8})

    json.dumps(told, allow_nan=False)
    assert set(told["spearman"]) == {"beneficial", "detrimental"}
    assert all(set(found) == {"loss", "accuracy"} for found in told["spearman"].values())
    assert told["spearman"]["beneficial"]["loss"] == told["agreement"]["beneficial"]["loss"]["spearman"]
    assert np.array(told["heatmaps"]["detrimental"]["predicted"]).shape == (3, 3)
    assert (told["lds"]["subsets"], told["lds"]["seeds"], told["seeds"]) == (8, 2, 2)
    assert {one["strategy"] for one in told["lds"]["candidates"]} == {"diagonal", "identity"}
    assert kinds(store) == ["datamodelling", "halves", "influence", "removal"]
    assert {told["influence"], told["run"], told["lds"]["run"]} < {run.key for run in store.finished_runs()}
    again = validate(load_study(rows), store, {"seeds": 2, "subsets": 8})
    assert again == told


@pytest.mark.parametrize(
    ("what", "done"), [("removal", ["influence", "removal"]), ("lds", ["datamodelling", "halves", "influence"])]
)
def test_one_alone_is_done_and_the_rest_is_null(rows, store, what, done):
    own = {"subsets": 8} if what == "lds" else {"share": 0.2}
    told = validate(load_study(rows), store, {"what": what, "seeds": 1, **own})

    assert kinds(store) == done
    assert (told["lds"] is None, told["heatmaps"] is None, told["spearman"] is None, told["run"] is None) == (
        (True, False, False, False) if what == "removal" else (False, True, True, True)
    )


@pytest.mark.parametrize(
    ("what", "option"), [("removal", {"subsets": 8}), ("lds", {"share": 0.2}), ("lds", {"epochs": 1})]
)
def test_options_of_a_part_that_is_not_asked_for_are_refused(rows, store, what, option):
    with pytest.raises(RefusedInput, match=f"--{next(iter(option))} is given for --what {what}"):
        validate(load_study(rows), store, {"what": what, **option})


def test_the_usual_numbers_and_the_quick_ones(rows, store, monkeypatch):
    asked = []

    def comparing(study, store, data, comparison, progress):
        asked.append(comparison)
        raise RefusedInput("enough", "nothing", "Stop")

    monkeypatch.setattr(use_case, "datamodelling_run", comparing)
    for options in ({}, {"quick": True}, {"quick": True, "subsets": 9, "seeds": 3}):
        with pytest.raises(RefusedInput, match="enough"):
            validate(load_study(rows), store, {"what": "lds", **options})
    assert asked == [Comparison(32, 2, True), Comparison(16, 2, True), Comparison(9, 3, True)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"what": "all"}, "--what is 'all'. Expected both, removal, lds."),
        ({"subsets": 7}, "--subsets is 7. Expected a whole number from 8"),
        ({"what": "removal", "seeds": 0}, "--seeds is 0. Expected a whole number from 1"),
        ({"seeds": 51}, "--seeds is 51"),
        ({"share": 0.6}, "--share is 0.6. Expected a number above 0 and up to 0.5"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"classes": ["cat"]}, "'cat' is no class of this study"),
    ],
)
def test_what_is_out_of_range_is_refused_before_anything_is_computed(rows, store, options, told):
    with pytest.raises(RefusedInput) as refused:
        validate(load_study(rows), store, options)
    assert told in str(refused.value)
    assert not store.root.exists()


@pytest.mark.parametrize("damping", ["heuristic", 0.01, 0.02])
def test_the_damping_that_is_told_is_the_studys_own_also_where_another_was_compared_before(rows, store, damping):
    options = {"what": "lds", "seeds": 1, "subsets": 8}
    first = validate(load_study(rows), store, options)["lds"]
    told = validate(load_study(rows).with_changes(influence={"damping": damping}), store, options)["lds"]

    assert (first["damping"], told["damping"]) == ("training", damping)
    assert (told["run"] == first["run"]) is (damping in DAMPINGS)
    (own,) = [one for one in told["candidates"] if (one["strategy"], one["damping"]) == ("diagonal", damping)]
    assert (told["score"], told["scores"], told["interval"]) == (own["mean"], own["scores"], own["interval"])
    assert f"correlation of {own['mean']:.2f} (95% {own['interval'][0]:.2f} to" in told["sentence"]


def test_a_calibrated_damping_is_told_as_what_it_stands_for(rows, store, monkeypatch):
    monkeypatch.setattr(calibrated, "CALIBRATION", Comparison(8, 1, all_strategies=False))
    study = load_study(rows).with_changes(influence={"damping": "calibrated"})
    told = validate(study, store, {"seeds": 1, "subsets": 8})

    assert told["lds"]["damping"] == store.run(told["influence"]).manifest()["damping"]
    assert told["lds"]["damping"] == told["lds"]["calibrated"]["damping"]


def test_two_classes_and_one_seed_leave_what_has_no_meaning_null(tmp_path):
    from app.workflow.synthetic import make_synthetic

    make_synthetic("separable", tmp_path / "study", 0, False)
    study = load_study(tmp_path / "study").with_changes(training={"epochs": 10})
    told = validate(study, Store(tmp_path / "store"), {"seeds": 1, "subsets": 8})

    json.dumps(told, allow_nan=False)
    for sign in ("beneficial", "detrimental"):
        found = told["agreement"][sign]["loss"]
        assert found["interval"] is found["diagonal"] is found["off_diagonal"] is None
    assert told["lds"]["ceiling"] == [None, None]
    assert told["lds"]["mean_ceiling"] is told["lds"]["share_of_ceiling"] is None


def test_what_cannot_be_compared_is_a_notice(rows, store, monkeypatch):
    monkeypatch.setattr(datamodelling, "COMPARED", ("ekfac",))
    monkeypatch.setattr("engine.influence.guards.LARGEST_FACTOR", 3)
    told = validate(load_study(rows), store, {"what": "lds", "seeds": 1, "subsets": 8})
    assert any(notice.startswith("The strategy ekfac is not compared: ") for notice in told["notices"])


@pytest.mark.parametrize("stage", ["reading", "scores of candidates"])
def test_data_that_change_on_the_way_never_give_a_result_of_the_new_files(rows, tmp_path, store, stage, monkeypatch):
    folder = Path(shutil.copytree(rows, tmp_path / "study"))

    def change() -> None:
        np.savez(folder / "train.npz", **(dict(np.load(rows / "train.npz")) | {"more": np.zeros(1)}))

    def reading(study, progress):
        data = load_data(study, progress)
        if stage == "reading":
            change()
        return data

    def removing(*arguments):
        found = removal_run(*arguments)
        if stage != "reading":
            # After the removal study's own look at the files.
            change()
        return found

    monkeypatch.setattr(use_case, "load_data", reading)
    monkeypatch.setattr(use_case, "removal_run", removing)
    with pytest.raises(RefusedInput, match=r"changed while influence was compared.*Start again"):
        validate(load_study(folder), store, {"seeds": 1, "subsets": 8})
    assert kinds(store) == ([] if stage == "reading" else ["influence", "removal"])
