"""The section 'All classes at once' of the Improve page, beside the search that was there before."""

from pathlib import Path

import pytest

import app.components.job_panel
import app.components.server_state
import app.workflow.all_classes
from app.jobs import JobFolder, start_job
from cache.store import Store
from tests.app.components.contents import labels, pictures, told


@pytest.fixture
def improve(trained_digits, page_of):
    """The Improve page on the small study."""
    return page_of(trained_digits, "improve")


@pytest.fixture
def at_full_step(trained_digits, digits_store, run_use_case, monkeypatch) -> dict:
    """Improves all classes with the last step, whatever it does."""
    monkeypatch.setattr(app.workflow.all_classes, "choose_step", lambda changes: 3)
    return run_use_case("reweight", trained_digits, digits_store, setting="all_classes")


def titles(drawn: dict[str, dict]) -> dict[str, str]:
    return {key: figure["layout"]["title"]["text"].replace("<br>", " ") for key, figure in drawn.items()}


def test_before_it_was_run_the_page_offers_it_and_says_what_it_does(improve):
    page = improve()

    assert [header.value for header in page.header][-1] == "All classes at once"
    assert "Improve all classes" in labels(page)
    assert "The weights between 0.5 and 1.5" in told(page)
    assert "all_classes_loss_change" not in pictures(page)


def test_its_result_is_shown_by_class_in_loss_and_accuracy(improve, at_full_step):
    page = improve()

    assert at_full_step["sentence"] in told(page)
    assert "Improve all classes" not in labels(page)
    drawn = pictures(page)
    fallen = sum(change < 0 for change in at_full_step["loss_change"]["test"])
    assert f"The loss of {fallen} of 10 classes falls" in titles(drawn)["all_classes_loss_change"]
    assert "the worst class" in titles(drawn)["all_classes_change"]
    (after,) = [trace for trace in drawn["all_classes_loss_change"]["data"] if trace.get("name") == "after"]
    order = [k for (k,) in after["customdata"]]
    losses = [at_full_step["loss_after"]["test"][k] for k in order]
    assert [text.rsplit(" ", 1)[-1] for text in after["hovertext"]] == [f"{loss:.3f}" for loss in losses]
    assert "Step 1 was chosen on validation data" in told(page)
    table = page.dataframe[-1].value
    assert table["step"].tolist() == [0.1, 0.25, 0.5, 1.0]


def test_the_search_beside_it_stays_as_it_was(improve, at_full_step):
    page = improve()

    headers = [header.value for header in page.header]
    assert headers == ["1. Whom", "2. How far", "3. Search", "Before and after", "All classes at once"]
    # A single search is finished: all classes at once is none.
    assert "search_choice" not in page.session_state
    assert "one" in titles(pictures(page))["before_after"]


def test_a_job_of_all_classes_is_followed_there_and_not_by_the_search(improve, trained_digits, digits_store):
    job = start_job(digits_store, "reweight", trained_digits, {"setting": "all_classes"}, worker_argv=("false",))

    page = improve(job=job.id, study=str(trained_digits / "study.toml"))

    assert labels(page).count("Go on") + labels(page).count("Try again") == 1
    assert "Improve all classes" in labels(page)
    assert "frontier" in pictures(page)


def test_a_job_of_the_search_is_not_followed_there(improve, trained_digits, digits_store):
    options = {"setting": "direct_improvement", "targets": ["one"], "iterations": 1}
    job = start_job(digits_store, "reweight", trained_digits, options, worker_argv=("false",))

    page = improve(job=job.id, study=str(trained_digits / "study.toml"))

    assert labels(page).count("Go on") + labels(page).count("Try again") == 1


def test_the_button_starts_the_job(improve, monkeypatch, trained_digits, digits_store):
    asked: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        asked.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    page = improve()

    (button,) = [button for button in page.button if button.label == "Improve all classes"]
    after = button.click().run()

    assert not after.exception
    assert asked == [("reweight", trained_digits / "study.toml", {"setting": "all_classes"})]
