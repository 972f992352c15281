"""Where long work runs: a choice beside the buttons of a dashboard that was started with a cluster, and of no other."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import app.components.job_panel
from app.jobs import JobFolder, start_job
from app.workflow.cluster import OFFERED
from cache.store import Store
from tests.app.components.contents import labels, told

ADDRESS = "10.0.0.1:6379"
LABEL = "Where it runs"
PAGES = {
    "ceiling": {"climb"},
    "harmful": {"harmful"},
    "improve": {"probe", "search", "all_classes"},
    "trust": {"probe", "removal", "halves"},
}
"""Forms of the pages of a study whose verdict is stored and of which nothing else is."""


@pytest.fixture
def offered(monkeypatch) -> None:
    monkeypatch.setenv(OFFERED, ADDRESS)


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[tuple[str, dict]]:
    """Jobs that pages ask for, none of which ends well."""
    jobs: list[tuple[str, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        jobs.append((command, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    return jobs


@pytest.fixture
def opened(digits, page_of, digits_store):
    """Opens a page of the small study, of which no more than the verdict is stored."""
    for run in digits_store.finished_runs():
        if run.manifest()["kind"] not in ("influence", "ceiling"):
            shutil.rmtree(run.path)
    return lambda name, **view: page_of(digits, name)(study=str(digits / "study.toml"), **view)


def choices(page: AppTest) -> dict[str, Any]:
    """What stands in the choices of a page, by their form."""
    found = [one for one in page.segmented_control if one.label == LABEL]
    return {str(one.key).removeprefix("work_place_"): one.value for one in found}


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [one for one in page.button if one.label == label]
    after = button.click().run()
    assert not after.exception
    return after


def choose(page: AppTest, form: str, on_cluster: bool) -> AppTest:
    after = page.segmented_control(f"work_place_{form}").set_value(on_cluster).run()
    assert not after.exception
    return after


def test_without_a_cluster_no_form_asks_and_work_is_begun_as_ever(opened, asked, monkeypatch):
    monkeypatch.delenv(OFFERED, raising=False)
    page = opened("improve")

    assert choices(page) == {}
    press(page, "Improve all classes")
    assert asked == [("reweight", {"setting": "all_classes"})]


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize("name", PAGES)
def test_a_cluster_is_offered_beside_each_start_and_this_machine_is_the_default(opened, asked, name):
    page = opened(name)

    assert choices(page) == dict.fromkeys(PAGES[name], False)
    for choice in page.segmented_control:
        if choice.label == LABEL:
            assert choice.options == ["This machine", "Ray cluster 10.0.0.1&#58;6379"]
    if name == "harmful":
        press(page, "Judge the labels")
        assert asked == [("harmful", {})]


@pytest.mark.usefixtures("offered")
def test_what_is_chosen_at_one_form_holds_for_all_of_the_session_and_is_what_jobs_are_begun_with(opened, asked):
    page = choose(opened("improve"), "search", on_cluster=True)

    assert set(choices(page).values()) == {True}
    assert "on_cluster" not in page.query_params
    page = press(page, "Improve all classes")
    page = press(page.switch_page("../pages/harmful.py").run(), "Judge the labels")
    page = choose(page, "harmful", on_cluster=False)
    press(page.switch_page("../pages/ceiling.py").run(), "Climb to the ceiling")
    assert asked == [
        ("reweight", {"setting": "all_classes", "ray": ADDRESS}),
        ("harmful", {"ray": ADDRESS}),
        ("climb", {"how": "reweight", "rounds": 8}),
    ]


@pytest.mark.usefixtures("offered")
def test_the_search_in_a_part_of_the_page_of_its_own_is_begun_on_the_cluster_and_found_again(opened, asked):
    page = press(choose(opened("improve"), "search", on_cluster=True), "Start the search")

    ((command, options),) = asked
    assert (command, options["ray"], options["targets"]) == ("reweight", ADDRESS, ["one", "eight"])
    # Its worker ended at once, so the page offers to try it again.
    assert "Try again" in labels(page)


@pytest.mark.usefixtures("offered")
def test_a_job_goes_on_where_it_was_begun_whatever_was_chosen_since(opened, asked):
    page = press(choose(opened("harmful"), "harmful", on_cluster=True), "Judge the labels")
    page = choose(page, "harmful", on_cluster=False)
    page = press(page, "Try again")
    assert asked == 2 * [("harmful", {"ray": ADDRESS})]

    page = press(page, "Judge the labels")
    page = choose(page, "harmful", on_cluster=True)
    press(page, "Try again")
    assert asked[2:] == 2 * [("harmful", {})]


@pytest.mark.parametrize("now", ["10.0.0.2:6379", ""])
def test_it_goes_on_at_the_cluster_that_the_server_offers_now_or_here(opened, asked, monkeypatch, now):
    monkeypatch.setenv(OFFERED, ADDRESS)
    page = press(choose(opened("harmful"), "harmful", on_cluster=True), "Judge the labels")
    monkeypatch.setenv(OFFERED, now)

    page = page.switch_page("../pages/studies.py").run()
    assert "on the Ray cluster 10.0.0.1" in told(page)
    press(page, "Try again")

    assert asked[1:] == [("harmful", {"ray": now} if now else {})]


def test_whoever_misses_a_cluster_is_told_among_the_jobs_how_to_add_one(opened, monkeypatch):
    monkeypatch.delenv(OFFERED, raising=False)
    assert "Jobs run on this machine. `python -m app --ray HOST:PORT` lets them" in told(opened("studies", part="Jobs"))

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))
    assert "after `pip install -r requirements-ray.txt`" in told(opened("studies", part="Jobs"))

    monkeypatch.setenv(OFFERED, ADDRESS)
    assert "or on the Ray cluster 10.0.0.1" in told(opened("studies", part="Jobs"))
