import numpy as np
import pytest

from app.workflow.catalogue import run_keys
from cache import Cache
from engine.errors import RefusedInput
from engine.study import load_study


@pytest.mark.parametrize("sign", ["harmful", "helpful"])
@pytest.mark.parametrize("classes", [(3,), (1, 8), tuple(range(10))])
def test_the_ranking_is_that_of_the_cache(trained_digits, digits_store, run_use_case, sign, classes):
    options = {"classes": [str(k) for k in classes], "sign": sign, "limit": 60}
    result = run_use_case("samples", trained_digits, digits_store, **options)
    with Cache.open(digits_store) as cache:
        cache.ingest()
        ranked = cache.ranked_samples(result["run"], classes, sign, 60)

    assert result["run"] == run_keys(load_study(trained_digits)).influence
    assert [sample["index"] for sample in result["samples"]] == ranked["index"].tolist()
    assert [sample["source"] for sample in result["samples"]] == ranked["source"].tolist()
    labels = [result["class_names"].index(sample["label"]) for sample in result["samples"]]
    assert labels == ranked["label"].tolist()
    told = np.array([sample["influence"] for sample in result["samples"]])
    assert told == pytest.approx(np.stack(ranked["influence"]), rel=1e-6, abs=1e-8)


def test_harmful_samples_harm_and_helpful_samples_help(trained_digits, finished_store, run_use_case):
    for sign, factor in (("harmful", -1), ("helpful", 1)):
        samples = run_use_case("samples", trained_digits, finished_store, sign=sign)["samples"]
        assert len(samples) == 20
        assert all(factor * sum(sample["influence"]) > 0 for sample in samples)


def test_classes_are_found_by_name_and_number(trained_digits, finished_store, run_use_case):
    by_name = run_use_case("samples", trained_digits, finished_store, classes=("eight", "one"))
    by_number = run_use_case("samples", trained_digits, finished_store, classes=("8", "1"))

    assert by_name == by_number
    assert by_name["classes"] == [1, 8]
    assert {len(sample["influence"]) for sample in by_name["samples"]} == {2}


def test_without_classes_all_are_judged_by(trained_digits, finished_store, run_use_case):
    result = run_use_case("samples", trained_digits, finished_store, classes=(), limit=1)

    assert result["classes"] == list(range(10))
    assert len(result["samples"]) == 1
    assert len(result["samples"][0]["influence"]) == 10


@pytest.mark.parametrize(
    ("options", "problem"), [({"sign": "evil"}, "--sign is 'evil'"), ({"limit": 0}, "--limit is 0")]
)
def test_a_wrong_option_is_refused_before_anything_is_computed(
    trained_digits, empty_store, run_use_case, options, problem
):
    with pytest.raises(RefusedInput, match=problem):
        run_use_case("samples", trained_digits, empty_store, **options)

    assert not empty_store.root.exists()


def test_an_unknown_class_is_refused_with_the_nearest_name(trained_digits, finished_store, run_use_case):
    with pytest.raises(RefusedInput, match="Write 'seven'"):
        run_use_case("samples", trained_digits, finished_store, classes=("sevn",))
