"""The section 'Which curvature predicts best?' of the Trust page."""

import shutil
from pathlib import Path

import pytest

import app.components.server_state
from app.figures import score_bars, strategy_scores
from app.jobs import JobFolder, start_job
from app.workflow.trust_view import gain_sentence
from cache.store import Store
from engine.study import load_study
from tests.app.components.contents import labels, pictures, told

COMPARE, CALIBRATE, USE = "Train on halves and compare", "Calibrate the damping", "Use the calibrated damping"


@pytest.fixture
def trust(digits, page_of):
    """The Trust page on a copy of the small study."""
    return page_of(digits, "trust")


@pytest.fixture
def started(monkeypatch) -> list[tuple[str, Path, dict]]:
    """What jobs were asked for; their workers end at once."""
    asked: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        asked.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr("app.components.job_panel.start_job", start)
    return asked


def button_of(page, label: str):
    (button,) = [button for button in page.button if button.label == label]
    return button


def commands(page) -> str:
    return " ".join(code.value for code in page.code)


def test_before_it_was_run_both_are_offered_with_their_size(trust):
    page = trust()

    assert {COMPARE, CALIBRATE} <= set(labels(page))
    assert USE not in labels(page)
    assert "random halves of the training data" in told(page)
    assert "64 trainings from scratch of 4 epochs (32 halves, 2 each), roughly" in told(page)


@pytest.mark.parametrize(
    ("label", "quick", "asked"),
    [
        (COMPARE, False, ("validate", {"what": "lds"})),
        (COMPARE, True, ("validate", {"what": "lds", "quick": True})),
        (CALIBRATE, False, ("calibrate", {})),
    ],
)
def test_the_buttons_start_the_jobs(trust, started, digits, label, quick, asked):
    page = trust()
    page.toggle("halves_quick").set_value(quick).run()
    assert ("Scores are less certain, and no damping is chosen" in told(page)) == quick

    after = button_of(page, label).click().run()

    assert not after.exception
    assert started == [(asked[0], digits / "study.toml", asked[1])]


def test_the_result_is_scores_per_class_and_strategies_in_one_picture(trust, validated, digits):
    found = validated["datamodelling"]
    page = trust()

    assert found["sentence"] in told(page)
    assert gain_sentence(found) in told(page)
    own = found["candidates"][found["own"]]
    strategies = strategy_scores(
        found["candidates"], found["own"], found["calibrated"]["candidate"], found["mean_ceiling"]
    )
    bars = score_bars(found["class_names"], own["scores"], found["ceiling"])
    drawn = pictures(page)
    assert drawn["strategy_scores"]["layout"]["title"]["text"] == strategies.layout.title.text
    assert drawn["score_bars"]["layout"]["title"]["text"] == bars.layout.title.text
    assert not {COMPARE, CALIBRATE} & set(labels(page)), "nothing is left to do"
    study = digits / "study.toml"
    assert f"validate {study} --what lds" in commands(page)
    assert f"calibrate {study}" in commands(page)


def test_a_calibration_alone_is_shown_and_the_comparison_is_still_offered(trust, digits, digits_store, run_use_case):
    calibrated = run_use_case("calibrate", digits, digits_store)

    page = trust()

    assert calibrated["sentence"] in told(page)
    assert COMPARE in labels(page)
    assert CALIBRATE not in labels(page)
    assert "validate" not in commands(page), "that would compute other strategies as well"


def test_a_small_comparison_is_shown_and_the_whole_one_is_still_offered(trust, digits, digits_store, run_use_case):
    run_use_case("validate", digits, digits_store, what="lds", subsets=8)

    page = trust()

    assert {"strategy_scores", "score_bars"} <= set(pictures(page))
    assert {COMPARE, CALIBRATE} <= set(labels(page))
    assert "--what lds --subsets 8" in commands(page)


def test_the_calibrated_damping_is_written_and_influence_has_to_be_computed_anew(trust, validated, digits):
    page = button_of(trust(), USE).click().run()

    assert not page.exception
    assert load_study(digits / "study.toml").influence.damping == "calibrated"
    assert [toast.value for toast in page.toast] == [
        "The study file asks for the calibrated damping now. Influence has to be computed anew."
    ]
    assert "Compute influence and verdict" in labels(page)


def test_a_study_that_uses_it_says_so_with_the_score_of_that_damping(
    trust, validated, digits, digits_store, edited, run_use_case
):
    edited(digits, 'strategy = "diagonal"\n', 'strategy = "diagonal"\ndamping = "calibrated"\n')
    run_use_case("ceiling", digits, digits_store)

    page = trust()

    assert "The study's influence is computed with this damping." in told(page)
    assert USE not in labels(page)
    best = validated["datamodelling"]["calibrated"]
    assert f"a correlation of {best['score']:.2f}" in told(page)


def test_a_shipped_study_is_left_as_it_is(digits, validated, digits_store, page_of, monkeypatch, tmp_path):
    samples = tmp_path / "samples"
    shipped = Path(shutil.copytree(digits, samples / "digits"))
    trust = page_of(shipped, "trust")
    monkeypatch.setattr(app.components.server_state, "SAMPLES", samples)

    button = button_of(trust(study=str(shipped / "study.toml")), USE)

    assert button.disabled
    assert "shipped" in button.help


def test_comparisons_of_other_data_are_not_shown(trust, validated, digits, digits_store, edited, run_use_case):
    # Looked at before as well: what was found then is not kept for other settings.
    assert "strategy_scores" in pictures(trust())
    edited(digits, "learning_rate = 0.15\n", "learning_rate = 0.2\n")
    run_use_case("ceiling", digits, digits_store)

    page = trust()

    assert "strategy_scores" not in pictures(page)
    assert COMPARE in labels(page)


@pytest.mark.parametrize(("command", "options"), [("validate", {"what": "lds"}), ("calibrate", {})])
def test_a_job_is_followed(trust, digits, digits_store, command, options):
    job = start_job(digits_store, command, digits, options, worker_argv=("false",))

    page = trust(job=job.id, study=str(digits / "study.toml"))

    assert labels(page).count("Go on") + labels(page).count("Try again") == 1
