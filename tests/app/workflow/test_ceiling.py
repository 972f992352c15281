import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from app.workflow.ceiling import judged_classes
from cache import Cache
from cache.store import Store
from engine.errors import RefusedInput
from engine.frontier import ceiling_verdict
from engine.study import load_study


def test_regions_and_correlation_are_those_of_the_cache(trained_digits, digits_store, run_use_case):
    result = run_use_case("ceiling", trained_digits, digits_store)
    with Cache.open(digits_store) as cache:
        cache.ingest()
        shares = cache.region_shares(result["influence"])
        correlation = cache.correlation(result["influence"])
        everywhere = cache.subset_counts(result["influence"], range(10))

    assert result["regions"].keys() == {"joint_positive", "joint_negative", "trade_off"}
    for region, share in result["regions"].items():
        assert np.array(share) == pytest.approx(shares[region], abs=1e-12)
    assert np.array(result["correlation"]) == pytest.approx(correlation, abs=1e-6)
    assert result["all_classes"] == everywhere


def test_every_per_class_list_is_in_class_order(trained_digits, finished_store, run_use_case):
    result = run_use_case("ceiling", trained_digits, finished_store)

    assert result["class_names"][:3] == ["zero", "one", "two"]
    gain = result["gain"]
    assert [len(gain[name]) for name in ("in_sample", "held_out", "interval")] == [10, 10, 10]
    assert all(
        low <= held_out <= high for held_out, (low, high) in zip(gain["held_out"], gain["interval"], strict=True)
    )
    assert result["minimum"]["value"] == min(gain["held_out"])
    low, high = result["minimum"]["interval"]
    assert high == min(upper for _, upper in gain["interval"])
    # The lower end needs no correction for their number, and so lies above the lowest of these.
    assert min(lower for lower, _ in gain["interval"]) < low < result["minimum"]["value"]


def test_the_verdict_follows_from_its_own_numbers(trained_digits, finished_store, run_use_case):
    result = run_use_case("ceiling", trained_digits, finished_store)

    intervals = np.array(result["gain"]["interval"])
    told = (
        "improvable"
        if (intervals[:, 0] > 0).all()
        else "at_ceiling"
        if result["minimum"]["interval"][1] < 1
        else "inconclusive"
    )
    assert result["few_samples"] == []
    assert result["verdict"] == told


def test_asking_twice_judges_once(trained_digits, influence_store, run_use_case, contents):
    first = run_use_case("ceiling", trained_digits, influence_store)
    before = contents(influence_store.runs_folder)
    second = run_use_case("ceiling", trained_digits, influence_store)

    assert (first.pop("cached"), second.pop("cached")) == (False, True)
    assert first == second
    assert contents(influence_store.runs_folder) == before


def test_other_weight_bounds_are_judged_anew_from_the_same_influence(trained_digits, influence_store, run_use_case):
    study = load_study(trained_digits).with_changes(reweight={"weight_bounds": (0.9, 1.1)})
    narrow = run_use_case("ceiling", study, influence_store)
    wide = run_use_case("ceiling", trained_digits, influence_store)

    assert narrow["influence"] == wide["influence"]
    assert narrow["run"] != wide["run"]
    assert max(narrow["gain"]["in_sample"]) < max(wide["gain"]["in_sample"])


def test_a_class_with_a_single_validation_sample_has_no_interval_and_no_nan(digits, empty_store, run_use_case):
    with np.load(digits / "validation.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    kept = np.concatenate([np.flatnonzero(label == 4)[:1], np.flatnonzero(label != 4)])
    np.savez(digits / "validation.npz", image=image[kept], label=label[kept])

    result = run_use_case("ceiling", digits, empty_store)

    assert result["few_samples"] == ["four"]
    assert result["verdict"] == "inconclusive"
    assert result["gain"]["held_out"][4] is not None
    assert result["gain"]["interval"][4] == [None, None]
    assert "NaN" not in json.dumps(result)


@pytest.fixture(scope="module")
def judged(trained_digits, finished_store, run_use_case, tmp_path_factory):
    """The verdict on 'one' and 'eight' alone, and the store that it is in."""
    store = Store(shutil.copytree(finished_store.root, tmp_path_factory.mktemp("judged") / "store"))
    return run_use_case("ceiling", trained_digits, store, classes=["eight", 1]), store


def test_some_classes_are_judged_alone_and_what_the_others_do_is_told(judged):
    result, _ = judged

    assert result["classes"] == ["one", "eight"]
    assert len(result["class_names"]) == len(result["prices"]) == 10
    gain = result["gain"]
    assert [len(gain[name]) for name in ("in_sample", "held_out", "interval")] == [10, 10, 10]
    assert None not in gain["held_out"]
    assert result["minimum"]["value"] == min(gain["held_out"][k] for k in (1, 8))
    assert "one and eight" in result["sentence"]
    assert "without regard to the other 8" in result["sentence"]
    assert result["evidence"][0].startswith("Improving only one and eight costs")
    assert len(result["evidence"]) == 3
    assert "NaN" not in json.dumps(result)


def test_of_the_others_headroom_and_price_are_not_known_and_said_so(judged):
    result, _ = judged

    entries = result["headroom"]
    assert [entry["class"] for entry in entries] == result["class_names"]
    known = [k for k, entry in enumerate(entries) if entry["held_out"] is not None]
    assert known == [k for k, entry in enumerate(entries) if entry["evidence"]] == [1, 8]
    assert {entries[k]["evidence"] for k in known} == set(result["evidence"][1:])
    assert entries[0]["interval"] == [None, None]
    assert entries[0]["in_sample"] is None
    assert set(result["prices"][0]) == {None}
    assert None not in result["prices"][1]


def test_one_verdict_a_choice_however_it_is_written_and_all_classes_are_no_choice(
    judged, trained_digits, finished_store, run_use_case
):
    result, store = judged
    every = run_use_case("ceiling", trained_digits, store)

    again = run_use_case("ceiling", trained_digits, store, classes=("1", "8", "one"))
    assert again == {**result, "cached": True}
    assert result["cached"] is False
    assert result["run"] != every["run"]
    assert run_use_case("ceiling", trained_digits, store, classes=list(range(10))) == every
    assert every["classes"] == every["class_names"]
    assert every["run"] in {run.key for run in finished_store.finished_runs()}


def test_payers_are_told_with_what_they_lose_and_the_evidence_is_of_every_class(
    trained_digits, influence_store, run_use_case, monkeypatch
):
    def with_payers(*arguments):
        found = ceiling_verdict(*arguments)
        first, *rest = found.class_evidence
        return replace(found, class_evidence=(replace(first, payers=(5, 3)), *rest))

    monkeypatch.setattr("app.workflow.ceiling.ceiling_verdict", with_payers)
    result = run_use_case("ceiling", trained_digits, influence_store)
    manifest = influence_store.run(result["run"]).manifest()

    entries = result["headroom"]
    assert sorted(entry["evidence"] for entry in entries) == sorted(result["evidence"])
    assert [payer["class"] for payer in entries[0]["payers"]] == ["five", "three"]
    assert [payer["held_out"] for payer in entries[0]["payers"]] == [manifest["effects"][0][m] for m in (5, 3)]
    for payer in entries[0]["payers"]:
        low, high = payer["interval"]
        assert (low + high) / 2 == pytest.approx(payer["held_out"])
    assert {len(entry["payers"]) for entry in entries[1:]} == {0}


def test_judged_classes_are_told_in_class_order_and_all_of_them_are_no_choice():
    names = ("cat", "dog", "ship")
    assert judged_classes(["ship", 0, "2"], names) == (0, 2)
    assert judged_classes(["ship", "dog", 0], names) is None


@pytest.mark.parametrize(
    ("classes", "problem"), [(["nin"], "Write 'nine'"), ([11], "11 is no class"), ([], "no class is named")]
)
def test_classes_that_are_none_are_refused_before_the_long_work(digits, empty_store, run_use_case, classes, problem):
    with pytest.raises(RefusedInput, match=problem):
        run_use_case("ceiling", digits, empty_store, classes=classes)
    assert not empty_store.root.exists()
