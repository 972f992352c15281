from dataclasses import replace

import numpy as np
import pytest

from app.workflow.trust_view import (
    agreement_of,
    alone_sentence,
    comparison_key,
    comparison_options,
    comparisons_of,
    gain_sentence,
    left_out_for,
    own_candidate,
    random_of,
    random_sentence,
    removal_of,
    removal_options,
    removal_studies,
    removal_table,
    removal_title,
    score_sentence,
    score_table,
)
from engine.study import load_study

SIGN_ROWS = {"beneficial": slice(0, 10), "detrimental": slice(10, 20)}


@pytest.fixture(scope="module")
def manifests(validated_store) -> dict[str, dict]:
    return {run.manifest()["kind"]: run.manifest() for run in validated_store.finished_runs()}


@pytest.fixture(scope="module")
def removal(manifests) -> dict:
    return manifests["removal"]


@pytest.fixture(scope="module")
def compared(manifests) -> dict:
    return manifests["datamodelling"]


@pytest.fixture(scope="module")
def study(trained_digits):
    return load_study(trained_digits)


def test_of_removal_studies_the_newest_whole_one_is_first():
    known = [
        {"key": "other", "influence": "b", "quick": False, "created": "2026-03-01"},
        {"key": "quick", "influence": "a", "quick": True, "created": "2026-02-03"},
        {"key": "old", "influence": "a", "quick": False, "created": "2026-02-01"},
        {"key": "new", "influence": "a", "quick": False, "created": "2026-02-02"},
    ]

    assert [one["key"] for one in removal_studies(known, "a")] == ["new", "old", "quick"]


def test_a_removal_study_is_called_by_what_it_did(removal):
    title = removal_title({**removal, "created": "2026-02-03T04:05:06+00:00"})

    assert title == (
        "without 10% of the samples of a sign for all 10 classes · 2 trainings of 2 epochs each · 2026-02-03 04:05"
    )
    assert "for 2 of 10 classes" in removal_title({**removal, "classes": [1, 2]})


def test_options_lead_to_the_same_study_again(removal, study, trained_digits, validated_store, run_use_case):
    options = removal_options(removal, study)

    assert options == {"what": "removal", "seeds": 2, "epochs": 2}
    assert run_use_case("validate", trained_digits, validated_store, **options)["run"] == removal["key"]
    some = {**removal, "classes": [3, 1], "share": 0.2, "seeds": 5, "epochs": 4}
    assert removal_options(some, study) == {"what": "removal", "classes": ["three", "one"], "share": 0.2}


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("sign", ["beneficial", "detrimental"])
def test_a_removal_holds_what_its_figures_draw(removal, split, sign):
    maps = removal["heatmaps" if split == "validation" else "heatmaps_test"][sign]
    found = {figure: removal_of(removal, split, sign, figure) for figure in ("loss", "accuracy")}

    for figure, one in found.items():
        np.testing.assert_array_equal(one.measured, maps[figure])
        np.testing.assert_array_equal(one.predicted, maps["predicted"])
    np.testing.assert_array_equal(found["accuracy"].shown, 100 * np.array(maps["accuracy"]))
    assert list(found["loss"].sizes) == removal["sizes"][sign]
    told = agreement_of(removal, split, sign, "accuracy")
    assert (
        told.spearman
        == removal["agreement" if split == "validation" else "agreement_test"][sign]["accuracy"]["spearman"]
    )


@pytest.mark.parametrize("sign", ["beneficial", "detrimental"])
def test_random_sets_are_those_of_the_same_sizes(removal, sign):
    random = random_of(removal, "validation", sign, "loss")

    assert random is not None
    np.testing.assert_array_equal(random[0], np.array(removal["random"]["predicted"])[SIGN_ROWS[sign]])
    np.testing.assert_array_equal(random[1], np.array(removal["random"]["loss"])[SIGN_ROWS[sign]])
    assert removal["random"]["sizes"][SIGN_ROWS[sign]] == removal["sizes"][sign]


def test_random_sets_are_known_of_the_loss_on_validation_alone(removal):
    assert random_of(removal, "test", "beneficial", "loss") is None
    assert random_of(removal, "validation", "beneficial", "accuracy") is None


def test_chance_is_told_beside_what_was_chosen(removal):
    one = removal_of(removal, "validation", "beneficial", "loss")
    one.measured[one.own] = 0.5
    random = np.zeros((10, 10)), np.full((10, 10), -0.02)

    assert random_sentence(one, random) == (
        "Without as many random samples, in one training each, the loss of a class changes by 0.02 on average,"
        " either way; without the"
        " chosen ones, that of their own class by 0.5."
    )
    assert random_sentence(one, None) == ""
    assert random_sentence(replace(one, measured=np.full((10, 10), np.nan)), random) == ""


def test_the_checkpoint_alone_is_told_where_it_is_known(removal):
    found = removal["agreement_checkpoint"]["beneficial"]["loss"]["spearman"]

    assert alone_sentence(removal, "validation", "beneficial", "loss") == (
        f"This checkpoint's influence alone: {found:.2f}."
    )
    assert alone_sentence(removal, "test", "beneficial", "loss") == ""


@pytest.mark.parametrize(("sign", "right"), [("beneficial", 1), ("detrimental", -1)])
def test_the_table_is_of_the_class_that_samples_were_left_out_for(removal, sign, right):
    frame = removal_table(removal, "validation", sign)

    loss = np.array(removal["heatmaps"][sign]["loss"])[range(10), removal["classes"]]
    accuracy = np.array(removal["heatmaps"][sign]["accuracy"])[range(10), removal["classes"]]
    assert frame["class"].tolist() == removal["class_names"]
    assert frame["measured"].tolist() == loss.tolist()
    assert frame["accuracy"].tolist() == (100 * accuracy).tolist()
    assert frame["right"].tolist() == (right * loss > 0).tolist()
    assert frame["right"].mean() == removal["diagonal_right"][sign]


def test_where_nothing_was_left_out_nothing_is_right_or_wrong(removal):
    sizes = {**removal["sizes"], "beneficial": [0, *removal["sizes"]["beneficial"][1:]]}

    right = removal_table({**removal, "sizes": sizes}, "validation", "beneficial")["right"]

    assert right.isna().tolist() == [True] + [False] * 9


def test_left_out_samples_are_the_strongest_of_their_sign_first(removal, validated_store, manifests):
    from app.workflow.influence import fold_counts, fold_rows
    from engine.frontier import pool_folds

    influence = validated_store.run(manifests["influence"]["key"])
    column = pool_folds(fold_rows(influence, "ceiling"), fold_counts(influence))[:, 3]
    samples = left_out_for(validated_store.run(removal["key"]), "detrimental", 3)

    assert len(samples) == removal["sizes"]["detrimental"][3]
    assert samples.tolist() == np.argsort(column, kind="stable")[: len(samples)].tolist()
    assert left_out_for(validated_store.run(removal["key"]), "detrimental", 99).tolist() == []


def found(manifests, study, strategy="diagonal"):
    return comparisons_of(manifests, study, strategy, comparison_key)


def test_a_comparison_is_of_the_study_as_its_files_are(compared, study):
    told = found([compared], study)

    assert (told.best, told.whole, told.calibration) == (compared, True, compared)
    assert found([compared], study.with_changes(training={"epochs": 5})).best is None
    assert found([compared], study, "kfac").best is None
    assert found([compared], study.with_changes(influence={"measurement": "margin"})).best is None


def test_the_damping_in_use_does_not_part_a_study_from_its_comparison(compared, study):
    for damping in ("calibrated", "heuristic"):
        assert found([compared], study.with_changes(influence={"damping": damping})).best == compared


def test_a_damping_is_chosen_by_the_usual_trainings_alone(compared, study):
    few = {**compared, "subsets": 16, "key": comparison_key(study, 16, 2, compared["strategies"])}
    single = {**compared, "strategies": ["diagonal"], "key": comparison_key(study, 32, 2, ["diagonal"])}

    quick = found([few], study)
    assert (quick.best, quick.whole, quick.calibration) == (few, False, None)
    calibrated = found([single], study)
    assert (calibrated.best, calibrated.whole, calibrated.calibration) == (single, False, single)
    assert found([single, few, compared], study).best == compared, "of most trainings and strategies"


def test_options_of_a_comparison_lead_to_it_again(compared):
    assert comparison_options(compared) == {"what": "lds"}
    assert comparison_options({**compared, "subsets": 16, "seeds": 3}) == {"what": "lds", "subsets": 16, "seeds": 3}


def test_the_studys_own_damping_is_found_also_where_it_changed_since(compared, study):
    dampings = [one["damping"] for one in compared["candidates"] if one["strategy"] == "diagonal"]

    assert own_candidate(compared, study) == compared["own"]
    for damping in ("heuristic", 0.01):
        changed = study.with_changes(influence={"damping": damping})
        assert dampings[own_candidate(compared, changed)] == damping
    calibrated = study.with_changes(influence={"damping": "calibrated"})
    assert own_candidate(compared, calibrated) == compared["calibrated"]["candidate"]


def test_the_sentence_is_of_the_damping_in_use(compared, study):
    assert score_sentence(compared, study) == compared["sentence"]
    (one,) = [one for one in compared["candidates"] if (one["strategy"], one["damping"]) == ("diagonal", 0.01)]

    changed = score_sentence(compared, study.with_changes(influence={"damping": 0.01}))

    low, high = one["interval"]
    assert f"with a correlation of {one['mean']:.2f} (95% {low:.2f} to {high:.2f}), mean over classes." in changed
    assert "Chance between trainings leaves about" in changed


def test_runs_from_before_each_damping_had_its_interval_are_told_without_it(compared, study):
    before = [{name: value for name, value in one.items() if name != "interval"} for one in compared["candidates"]]

    changed = score_sentence({**compared, "candidates": before}, study.with_changes(influence={"damping": 0.01}))

    assert "(95%" not in changed


def test_a_choice_that_gains_nothing_is_called_that(compared):
    gains = {**compared, "calibrated": {**compared["calibrated"], "gain": 0.1}}
    nothing = {**compared, "calibrated": {**compared["calibrated"], "gain": -0.1}}

    assert "nothing to gain" not in gain_sentence(gains)
    assert gain_sentence(nothing).endswith("So there may be nothing to gain by choosing.")


def test_scores_stand_beside_what_chance_leaves(compared, study):
    frame = score_table(compared, study)

    own = compared["candidates"][compared["own"]]
    assert frame["class"].tolist() == compared["class_names"]
    np.testing.assert_array_equal(frame["score"], np.array(own["scores"], dtype=float))
    np.testing.assert_array_equal(frame["ceiling"], np.array(compared["ceiling"], dtype=float))
