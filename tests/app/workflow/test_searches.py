from app.workflow.searches import finished_searches, search_key, shown_search
from cache import Cache
from engine.study import load_study

FIRST, SECOND = {"key": "first", "targets": [1, 2]}, {"key": "second", "targets": [3]}
FINISHED = {"first": FIRST, "second": SECOND}


def test_the_chosen_search_is_shown_else_the_newest_of_the_targets_else_the_newest():
    assert shown_search(FINISHED, (1, 2), "second") is SECOND
    assert shown_search(FINISHED, (3,), None) is SECOND
    assert shown_search(FINISHED, (3,), "gone") is SECOND
    assert shown_search(FINISHED, (0,), None) is FIRST
    assert shown_search({}, (0,), "first") is None


def test_a_job_that_makes_a_candidate_the_result_belongs_to_the_search_of_the_candidate(trained_digits):
    study = load_study(trained_digits)
    options = {"targets": ["one"], "iterations": 2}

    assert search_key("run", study, {**options, "candidate": 4}) == search_key("run", study, options)
    assert search_key("run", study, {**options, "iterations": 3}) != search_key("run", study, options)


def test_searches_of_other_runs_and_settings_are_not_listed(digits_store):
    with Cache.open(digits_store) as cache:
        cache.ingest()
        (search,) = [run for run in cache.runs("reweight") if run["setting"] == "direct_improvement"]

        assert list(finished_searches(cache, search["influence"])) == [search["key"]]
        assert finished_searches(cache, "other") == {}
