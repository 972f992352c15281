"""Course correction from the history of the checkpoints to the epoch trained again."""

import json
from pathlib import Path

import pytest

from app.workflow.correction import corrected_study
from app.workflow.options import study_with_options
from engine.errors import RefusedInput
from engine.study import load_study
from tests.app.detrimental_epoch import FORGOTTEN, add_detrimental_epoch

NAMES = ("zero", "six")


@pytest.fixture
def worsened(digits) -> Path:
    """The small study with a fifth epoch that forgets two classes, and no targets of its own."""
    add_detrimental_epoch(digits)
    path = digits / "study.toml"
    path.write_text(path.read_text().replace('targets = ["one", "eight"]\n', ""))
    return digits


def correcting(folder: Path, **options: object):
    return study_with_options(load_study(folder), {"setting": "course_correction", **options})


def test_the_worst_epoch_and_the_classes_that_it_cost_are_taken_from_the_checkpoints(worsened, empty_store):
    study = corrected_study(correcting(worsened), empty_store)

    assert study.model.epoch == 4
    assert set(study.reweight.targets) == set(NAMES)
    assert corrected_study(correcting(worsened, targets=["six"]), empty_store).reweight.targets == ("six",)


def test_what_is_given_whole_is_taken_as_it_is(worsened, empty_store):
    asked = correcting(worsened, epoch=2, targets=["one"])

    assert corrected_study(asked, empty_store) == asked
    assert empty_store.finished_runs() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"targets": ["one"]}, "no epoch cost one more than noise"),
        ({"epoch": 2}, "epoch 3 did not cost any class more than noise"),
        ({"epoch": 2, "targets": []}, "epoch 3 did not"),
    ],
)
def test_what_no_epoch_cost_is_refused_and_what_there_is_named(worsened, empty_store, options, problem):
    with pytest.raises(RefusedInput, match=rf"{problem}.*epoch 5 \((zero, six|six, zero)\)"):
        corrected_study(correcting(worsened, **options), empty_store)


def test_a_history_without_harm_says_that_there_is_none(digits, empty_store):
    with pytest.raises(RefusedInput, match=r"there is none"):
        corrected_study(correcting(digits), empty_store)


def test_an_epoch_that_never_was_cannot_be_corrected(digits, empty_store):
    with pytest.raises(RefusedInput, match="no checkpoint of epoch 5"):
        corrected_study(correcting(digits, epoch=4, targets=["one"]), empty_store)


def test_targets_and_epoch_that_the_file_names_for_another_setting_do_not_bind_a_correction(digits):
    path = digits / "study.toml"
    path.write_text(path.read_text().replace("hidden = [8]", "hidden = [8]\nepoch = 2"))
    assert load_study(digits).reweight.targets == ("one", "eight")

    asked = correcting(digits)

    assert (asked.reweight.targets, asked.model.epoch) == ((), None)
    assert correcting(digits, epoch=3).model.epoch == 3
    path.write_text(path.read_text().replace("[reweight]\n", '[reweight]\nsetting = "course_correction"\n'))
    assert correcting(digits).reweight.targets == ("one", "eight")


def test_a_correction_is_judged_against_the_epoch_as_it_was(worsened, empty_store, run_use_case):
    result = run_use_case("reweight", worsened, empty_store, setting="course_correction", iterations=1)

    history = json.loads((worsened / "checkpoints" / "history.json").read_text())
    assert (result["setting"], result["epoch"]) == ("course_correction", 4)
    assert result["targets"] == list(FORGOTTEN)
    assert result["before"]["test"] == history["epochs"][3]["test"]
    again = run_use_case(
        "reweight", worsened, empty_store, setting="course_correction", epoch=4, targets=list(NAMES), iterations=1
    )
    assert (again["run"], again["cached"]) == (result["run"], True)
    # The fifth checkpoint was made by hand, so no training repeats it.
    assert any("Epoch 5 cannot be repeated as it was" in notice for notice in result["notices"])


def test_the_control_of_a_correction_is_the_original_epoch_bit_for_bit(digits, empty_store, run_use_case):
    result = run_use_case(
        "reweight", digits, empty_store, setting="course_correction", epoch=2, targets=["one"], iterations=1
    )

    third = json.loads((digits / "checkpoints" / "history.json").read_text())["epochs"][2]
    assert not any("cannot be repeated" in notice for notice in result["notices"])
    assert result["control"] == {"validation": third["validation"], "test": third["test"]}
