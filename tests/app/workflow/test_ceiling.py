import json

import numpy as np
import pytest

from cache import Cache
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
    assert result["minimum"]["interval"] == gain["interval"][np.argmin(gain["held_out"])]


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
