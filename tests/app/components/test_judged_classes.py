"""The choice of judged classes on the Ceiling page, and the verdict that it shows."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import app.components.job_panel
import app.components.server_state
from app.jobs import JobFolder, start_job
from cache.store import Store
from tests.app.components.contents import labels


@pytest.fixture
def ceiling(trained_digits, page_of):
    """The Ceiling page on the small study."""
    return page_of(trained_digits, "ceiling")


@pytest.fixture
def verdicts(trained_digits, digits_store, run_use_case) -> dict[str, dict]:
    """What is stored: the verdict on all classes, and that on 'one' and 'eight'."""
    return {
        "all": run_use_case("ceiling", trained_digits, digits_store),
        "some": run_use_case("ceiling", trained_digits, digits_store, classes=["one", "eight"]),
    }


def card(page: AppTest) -> str:
    """The first alert of the page: the verdict."""
    alerts = [*page.success, *page.info, *page.warning]
    (found,) = [alert.value for alert in alerts if alert.value.startswith("**")]
    return found


def reason(result: dict) -> str:
    return result["sentence"].partition(":")[2]


def picker(page: AppTest):
    (found,) = [widget for widget in page.multiselect if widget.label == "Judge only some classes"]
    return found


def table(page: AppTest):
    (found,) = [frame.value for frame in page.dataframe if "evidence" in frame.value]
    return found


def test_at_first_all_classes_are_judged_with_the_evidence_on_the_card(ceiling, verdicts):
    page = ceiling()

    assert picker(page).value == []
    assert reason(verdicts["all"]) in card(page)
    shown, kept = verdicts["all"]["evidence"][:3], verdicts["all"]["evidence"][3:]
    assert all(f"\n- {sentence}" in card(page) for sentence in shown)
    assert not any(sentence in card(page) for sentence in kept)
    assert sorted(table(page)["evidence"]) == sorted(verdicts["all"]["evidence"])
    assert "Judge these classes" not in labels(page)
    assert "judged" not in page.query_params


def test_a_choice_is_held_in_the_address_and_its_stored_verdict_is_shown(ceiling, verdicts):
    page = picker(ceiling()).set_value(["eight", "one"]).run()

    assert not page.exception
    assert page.query_params["judged"] == "one|eight"
    assert reason(verdicts["some"]) in card(page)
    assert verdicts["some"]["evidence"][0] in card(page)
    assert "Judged: one, eight. The other 8 were left free." in [caption.value for caption in page.caption]
    assert sorted(table(page)["class"]) == ["eight", "one"]
    assert any("smallest judged class" in caption.value for caption in page.caption)
    back = picker(page).set_value([]).run()
    assert reason(verdicts["all"]) in card(back)
    assert "judged" not in back.query_params


def test_a_link_shows_the_same_and_marks_the_judged_classes(ceiling, verdicts):
    page = ceiling(judged="eight|one")

    assert picker(page).value == ["one", "eight"]
    assert reason(verdicts["some"]) in card(page)
    (gains,) = [chart for chart in page.get("plotly_chart") if chart.proto.id.endswith("-gains")]
    assert gains.proto.spec.count("\\u2605 ") + gains.proto.spec.count("★ ") == 2
    assert any("(★)" in caption.value for caption in page.caption)


def test_a_choice_that_is_not_stored_leaves_the_verdict_on_all_and_starts_a_job(
    ceiling, verdicts, monkeypatch, trained_digits
):
    asked: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        asked.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    page = ceiling(judged="two|one")

    assert reason(verdicts["all"]) in card(page)
    assert any("That of one, two alone is not computed yet" in info.value for info in page.info)
    (button,) = [button for button in page.button if button.label == "Judge these classes"]
    after = button.click().run()
    assert not after.exception
    assert asked == [("ceiling", trained_digits / "study.toml", {"classes": ["one", "two"]})]


def test_a_job_of_other_classes_is_not_followed(ceiling, verdicts, trained_digits, digits_store):
    job = start_job(digits_store, "ceiling", trained_digits, {"classes": ["one", "two"]}, worker_argv=("false",))
    study = str(trained_digits / "study.toml")

    def followed(page: AppTest) -> int:
        return labels(page).count("Go on") + labels(page).count("Try again")

    assert followed(ceiling(job=job.id, study=study, judged="one|two")) == 1
    assert followed(ceiling(job=job.id, study=study, judged="one|three")) == 0


@pytest.mark.parametrize("judged", ["nobody", "zero|one|two|three|four|five|six|seven|eight|nine"])
def test_names_that_the_study_lacks_and_all_of_them_are_no_choice(ceiling, verdicts, judged):
    page = ceiling(judged=judged)

    assert picker(page).value == []
    assert reason(verdicts["all"]) in card(page)
