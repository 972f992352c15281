"""The section 'How high is the ceiling?' of the Ceiling page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import app.components.job_panel
import app.components.server_state
from app.figures import climb_curve
from app.jobs import JobFolder, start_job
from cache.store import Store
from tests.app.components.contents import labels, pictures, told

BUTTON = "Climb to the ceiling"


@pytest.fixture
def ceiling(digits, page_of):
    """The Ceiling page on a copy of the small study."""
    return page_of(digits, "ceiling")


@pytest.fixture
def climbed(digits, digits_store, run_use_case) -> dict:
    """Two rounds, which is not how many the page asks for."""
    return run_use_case("climb", digits, digits_store, rounds=2)


def per_class(page: AppTest):
    (table,) = [frame.value for frame in page.dataframe if "ceiling" in frame.value.columns]
    return table


def test_before_it_was_run_the_page_offers_it_and_says_what_it_does(ceiling):
    page = ceiling()

    assert "How high is the ceiling?" in [header.value for header in page.header]
    assert BUTTON in labels(page)
    assert "Each round trains from scratch" in told(page)
    assert "test samples decide nothing" in told(page)
    assert "climb_curve" not in pictures(page)


def test_the_result_is_the_curve_and_the_estimate_per_class(ceiling, climbed, digits):
    page = ceiling()

    assert BUTTON not in labels(page)
    assert "Climb further" in labels(page)
    assert climbed["sentence"] in told(page)
    assert climbed["stopped"] in told(page)
    expected = climb_curve(climbed["rounds"], climbed["class_names"], climbed["best_round"], 3)
    assert pictures(page)["climb_curve"]["layout"]["title"]["text"] == expected.layout.title.text
    table, words = per_class(page), told(page)
    assert table["class"].tolist() == climbed["class_names"]
    assert table["plain"].tolist() == climbed["rounds"][0]["accuracy"]["test"]
    assert table["ceiling"].tolist() == climbed["ceiling"]["test"]
    figures = [100 * value for value in (climbed["change"]["test"][3], *climbed["interval"]["test"][3])]
    assert table.loc[3, ["change", "from", "to"]].tolist() == pytest.approx(figures)
    assert "intervals are over those and over samples" in words
    assert f"Round {climbed['best_round']} was chosen on 40 validation samples" in words
    downloads = {element.proto.label for element in page.get("download_button")}
    assert downloads >= {"Download the weights", "Download the improved checkpoint"}
    assert f"climb {digits / 'study.toml'} --how reweight --rounds 2" in " ".join(code.value for code in page.code)


def test_the_other_way_is_another_climb(ceiling, climbed):
    page = ceiling()
    page.segmented_control("climb_how").set_value("remove").run()

    assert not page.exception
    assert BUTTON in labels(page)
    assert "removes the training samples that harm every class" in told(page)
    assert "climb_curve" not in pictures(page)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[reweight]", "[reweight]\nweight_bounds = [0.0, 2.0]"),
        ("epochs = 4", "epochs = 5"),
        ('test = "test.npz"', 'test = "validation.npz"'),
    ],
)
def test_a_climb_of_other_settings_or_data_is_not_shown(
    ceiling, climbed, digits, digits_store, edited, run_use_case, old, new
):
    edited(digits, f"{old}\n", f"{new}\n")
    run_use_case("ceiling", digits, digits_store)

    page = ceiling()

    assert BUTTON in labels(page)
    assert "climb_curve" not in pictures(page)


def test_the_button_starts_the_job(ceiling, monkeypatch, digits):
    asked: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        asked.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    page = ceiling()

    (button,) = [button for button in page.button if button.label == BUTTON]
    after = button.click().run()

    assert not after.exception
    assert asked == [("climb", digits / "study.toml", {"how": "reweight", "rounds": 8})]


@pytest.mark.parametrize(("rounds", "label", "disabled"), [(1, "Climb again", False), (2, "Climb again", True)])
def test_after_a_climb_another_number_of_rounds_can_be_asked_for(
    ceiling, climbed, monkeypatch, rounds, label, disabled
):
    asked: list[dict] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        asked.append(options)
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    page = ceiling()
    page.number_input("climb_rounds").set_value(rounds).run()

    (button,) = [button for button in page.button if button.label == label]
    assert button.disabled == disabled
    if not disabled:
        button.click().run()
        assert asked == [{"how": "reweight", "rounds": rounds}]


def test_the_rounds_are_from_1_to_100_and_8_unless_asked(ceiling):
    rounds = ceiling().number_input("climb_rounds")

    assert (rounds.min, rounds.max, rounds.value) == (1, 100, 8)


def rounds_shown(page: AppTest) -> list[float]:
    (mean,) = [line for line in pictures(page)["climb_curve"]["data"] if line["name"] == "mean of the classes"]
    return mean["x"] if isinstance(mean["x"], list) else list(range(len(mean["hovertext"])))


def test_the_climb_of_most_rounds_is_shown_unless_a_job_asks_for_others(
    ceiling, climbed, digits, digits_store, run_use_case
):
    run_use_case("climb", digits, digits_store, rounds=1)

    assert len(rounds_shown(ceiling())) == 2
    job = start_job(digits_store, "climb", digits, {"how": "reweight", "rounds": 1}, worker_argv=("false",))
    assert len(rounds_shown(ceiling(job=job.id, study=str(digits / "study.toml")))) == 1


@pytest.mark.parametrize(("how", "shown"), [("reweight", 1), ("remove", 0)])
def test_a_job_is_followed_where_its_way_is_looked_at(ceiling, digits, digits_store, how, shown):
    job = start_job(digits_store, "climb", digits, {"how": how}, worker_argv=("false",))

    page = ceiling(job=job.id, study=str(digits / "study.toml"))

    assert labels(page).count("Go on") + labels(page).count("Try again") == shown
    assert BUTTON in labels(page)
