"""``validate`` and ``calibrate`` as scripts and readers see them."""

import json
from pathlib import Path

import pytest

import app.running
from app.terminal import describe
from app.workflow import calibrated, datamodelling
from app.workflow.datamodelling import Comparison
from cache import Cache
from cache.store import Store
from engine.study import load_study
from tests.app.command_line import answer, refusal, run
from tests.app.workflow.planted import train, write_rows


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, restored_signals) -> None:
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datamodelling, "COMPARED", ("identity",))
    monkeypatch.setattr(calibrated, "CALIBRATION", Comparison(8, 1, all_strategies=False))


@pytest.fixture
def study(tmp_path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    write_rows(folder)
    return train(folder)


SMALL = ("--seeds", 1, "--subsets", 8)


def test_validate_prints_one_object_and_leaves_its_runs_to_the_dashboard(study, tmp_path):
    told = answer("validate", study, *SMALL)

    assert set(told["spearman"]) == set(told["heatmaps"]) == {"beneficial", "detrimental"}
    assert set(told["spearman"]["detrimental"]) == {"loss", "accuracy"}
    assert set(told["heatmaps"]["beneficial"]) == {"predicted", "loss", "accuracy"}
    assert isinstance(told["lds"]["score"], float)
    with Cache.open(Store(tmp_path / "store")) as cache:
        stored = {kind: [run["key"] for run in cache.runs(kind)] for kind in ("removal", "datamodelling", "halves")}
    assert stored["removal"] == [told["run"]]
    assert stored["datamodelling"] == [told["lds"]["run"]]
    assert len(stored["halves"]) == 1


def test_what_and_the_other_options_reach_the_study(study):
    told = answer(
        "validate", study, "--what", "removal", "--classes", "bee,0", "--share", 0.3, "--seeds", 2, "--epochs", 1
    )
    assert told["lds"] is None
    assert (told["classes"], told["share"], told["seeds"], told["epochs"]) == ([0, 1], 0.3, 2, 1)
    quick = answer("validate", study, "--what", "removal", "--quick", "--seed", 1)
    assert (quick["seeds"], quick["epochs"]) == (2, 1)
    assert quick["influence"] != told["influence"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--what", "halves"), "--what is 'halves'. Expected both, removal, lds."),
        (("--share", 0.9), "--share is 0.9. Expected a number above 0 and up to 0.5"),
        (("--seeds", 0), "--seeds is 0"),
        (("--subsets", 3), "--subsets is 3. Expected a whole number from 8"),
        (("--epochs", 0), "--epochs is 0"),
        (("--classes", "cat"), "'cat' is no class of this study"),
        (("--epoch", 77), "77"),
        (("--seed", -1), "seed"),
    ],
)
def test_an_impossible_option_is_refused_by_its_name(study, tmp_path, options, told):
    assert told in refusal("validate", study, *options)
    assert not (tmp_path / "store").exists()


def test_without_json_a_reader_is_told_sentences_classes_and_strategies(study):
    shown = " ".join(run("validate", study, *SMALL).stdout.split())

    assert "Without the most beneficial samples of a class" in shown
    assert "Over 8 random halves of the training data" in shown
    for word in ("ant", "bee", "cow", "left out for", "measured", "diagonal", "identity", "highest that chance leaves"):
        assert word in shown
    assert "Note: A smaller study than the usual one: 1 training of each set" in shown


def test_what_does_not_exist_is_a_dash_and_names_are_no_markup(capsys):
    nothing = {"strategy": "ekfac", "damping": 0.1, "mean": None, "scores": [None, 0.5], "share_of_ceiling": None}
    rows = {name: [[None, None]] for name in ("predicted", "loss", "accuracy")}
    lds = {"sentence": "[b]told[/b]", "candidates": [nothing], "ceiling": [None, None], **nothing}
    result = {
        "class_names": ["[red]cat", "dog"],
        "classes": [0],
        "seeds": 1,
        "sentence": "All is well.",
        "heatmaps": {"beneficial": rows, "detrimental": rows},
        "lds": lds,
        "notices": [],
    }
    describe("validate", result)

    shown = capsys.readouterr().out
    assert "[red]cat" in shown
    assert "[b]told[/b]" in shown
    assert "None" not in shown
    assert "nan" not in shown


def test_calibrate_tells_the_dampings_and_changes_no_file(study):
    before = (study / "study.toml").read_bytes()
    told = answer("calibrate", study)

    assert told["damping"] in [one["damping"] for one in told["candidates"]]
    assert told["in_use"] == "training"
    shown = " ".join(run("calibrate", study).stdout.split())
    assert "heuristic" in shown
    assert "(--apply writes that)" in shown
    assert (study / "study.toml").read_bytes() == before


def test_apply_writes_the_damping_into_the_study_and_prints_the_same_one_object(study):
    told = answer("calibrate", study, "--apply")

    assert load_study(study).influence.damping == "calibrated"
    assert told["in_use"] == "training"
    assert answer("calibrate", study) == told | {"in_use": "calibrated", "cached": True}
    assert "--apply" not in run("calibrate", study).stdout
    assert answer("influence", study)["cached"] is False


def test_a_calibration_that_is_refused_changes_no_file(study):
    before = (study / "study.toml").read_bytes()
    refusal("calibrate", study, "--apply", "--epoch", 77)
    assert (study / "study.toml").read_bytes() == before


def test_a_file_that_may_not_be_written_is_told_after_the_result(study):
    (study / "study.toml").chmod(0o444)
    result = run("calibrate", study, "--apply", "--json")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["damping"]
    assert "is closed to writing" in result.stderr
