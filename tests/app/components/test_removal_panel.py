"""The section 'Predicted and measured' of the Trust page."""

import shutil
from pathlib import Path

import pytest

import app.components.job_panel
from app.figures import removal_maps, removal_scatter
from app.jobs import JobFolder, start_job
from app.workflow.trust_view import agreement_of, left_out_for, random_of, removal_of
from cache.store import Store
from tests.app.components.contents import labels, pictures, told

BUTTON = "Leave samples out and train anew"


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

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    return asked


def captions(page) -> str:
    return "\n".join(caption.value for caption in page.caption)


def title_of(page, key: str) -> str:
    return pictures(page)[key]["layout"]["title"]["text"]


def press(page, label: str):
    (button,) = [button for button in page.button if button.label == label]
    return button.click().run()


def test_before_it_was_run_the_page_says_what_it_does_and_how_long_it_takes(trust):
    page = trust()

    assert "trained from scratch without them" in told(page)
    assert "125 trainings from scratch of 4 epochs, roughly" in captions(page)
    assert "A smaller study" not in captions(page)
    assert "removal_maps" not in pictures(page)


def test_the_button_starts_a_whole_study(trust, started, digits):
    after = press(trust(), BUTTON)

    assert not after.exception
    assert started == [("validate", digits / "study.toml", {"what": "removal"})]


def test_a_quick_one_says_what_it_gives_up(trust, started, digits):
    page = trust()
    page.segmented_control("removal_size").set_value("quick").run()

    assert "26 trainings from scratch of 2 epochs" in captions(page)
    assert "4 of 10 classes only; 2 trainings of each set in place of 5" in captions(page)
    press(page, BUTTON)
    assert started == [("validate", digits / "study.toml", {"what": "removal", "quick": True})]


def test_classes_share_and_trainings_can_be_chosen(trust, started, digits):
    page = trust()
    page.multiselect("removal_classes").set_value(["eight", "one"])
    page.number_input("removal_share").set_value(25.0)
    page.number_input("removal_seeds_whole").set_value(3).run()

    assert "19 trainings from scratch" in captions(page)
    press(page, BUTTON)
    options = {"what": "removal", "classes": ["one", "eight"], "share": 0.25, "seeds": 3}
    assert started == [("validate", digits / "study.toml", options)]


def test_the_result_is_maps_scatter_and_table(trust, validated, digits):
    study = validated["removal"]
    page = trust()

    assert study["sentence"] in told(page)
    removal = removal_of(study, "validation", "beneficial", "loss")
    assert title_of(page, "removal_maps") == removal_maps(removal).layout.title.text
    random = random_of(study, "validation", "beneficial", "loss")
    scatter = removal_scatter(removal, agreement_of(study, "validation", "beneficial", "loss"), random)
    assert title_of(page, "removal_scatter") == scatter.layout.title.text
    (table,) = [frame.value for frame in page.dataframe if "left_out" in frame.value.columns]
    assert table["class"].tolist() == study["class_names"]
    assert "Without as many random samples" in captions(page)
    assert "This checkpoint's influence alone" in captions(page)
    assert any("A smaller study than the usual one" in caption.value for caption in page.caption)
    command = f"validate {digits / 'study.toml'} --what removal --seeds 2 --epochs 2"
    assert command in " ".join(code.value for code in page.code)
    assert BUTTON in labels(page), "others can be left out"


@pytest.mark.parametrize(
    ("view", "asked"),
    [
        ({"sign": "detrimental"}, ("validation", "detrimental", "loss")),
        ({"measured_as": "accuracy"}, ("validation", "beneficial", "accuracy")),
        ({"split": "test", "sign": "detrimental"}, ("test", "detrimental", "loss")),
        ({"sign": "nonsense"}, ("validation", "beneficial", "loss")),
    ],
)
def test_a_link_shows_the_same_choice(trust, validated, view, asked):
    page = trust(**view)

    expected = removal_maps(removal_of(validated["removal"], *asked))
    assert title_of(page, "removal_maps") == expected.layout.title.text
    agreement = agreement_of(validated["removal"], *asked)
    assert f"{agreement.spearman:.2f}".replace("-", "−") in title_of(page, "removal_scatter")


def test_a_link_is_followed_beside_another_study_of_the_same_name(trust, validated, digits, digits_store, tmp_path):
    copied = Path(shutil.copytree(digits, tmp_path / "copied"))
    digits_store.register_study(copied / "study.toml")

    for study in (digits, copied):
        page = trust(study=str(study / "study.toml"), sign="detrimental")
        expected = removal_maps(removal_of(validated["removal"], "validation", "detrimental", "loss"))
        assert title_of(page, "removal_maps") == expected.layout.title.text


def test_a_choice_is_held_in_the_address(trust, validated):
    page = trust()
    page.segmented_control("removal_sign").set_value("detrimental").run()

    assert page.query_params["sign"] in ("detrimental", ["detrimental"])
    assert "harm" in title_of(page, "removal_maps")


def test_samples_that_were_left_out_for_a_class_are_listed(trust, validated, digits_store):
    samples = left_out_for(digits_store.run(validated["removal"]["key"]), "beneficial", 3)

    page = trust(without="three")

    (rows,) = [frame.value for frame in page.dataframe if "influence" in frame.value.columns]
    assert rows["sample"].tolist() == samples[:25].tolist()
    assert (rows["influence"] > 0).all()
    assert rows["influence"].is_monotonic_decreasing
    page.selectbox("without_choice").set_value(None).run()
    assert not [frame for frame in page.dataframe if "influence" in frame.value.columns]


def test_a_click_on_a_cell_opens_the_samples_of_its_row(trust, validated, monkeypatch):
    from app.components import removal_panel, view_state

    put: list[dict] = []
    monkeypatch.setattr(view_state, "put", lambda **values: put.append(values))
    selection = {"removal_maps": {"selection": {"points": [{"x": 5, "y": 1}]}}}
    monkeypatch.setattr("streamlit.session_state", selection)

    removal_panel._clicked({"class_names": ["a", "b", "c"], "classes": [0, 2]})

    assert put == [{"without": "c"}]


def test_of_several_studies_a_whole_one_is_shown_and_another_can_be_chosen(
    trust, validated, digits, digits_store, run_use_case
):
    quick = run_use_case("validate", digits, digits_store, what="removal", quick=True, epochs=1, seeds=1)

    page = trust()
    assert validated["removal"]["sentence"] in told(page)
    page.selectbox("removal_choice").set_value(quick["run"]).run()
    assert quick["sentence"] in told(page)
    assert quick["sentence"] in told(trust(removal=quick["run"]))


def test_a_study_of_another_influence_is_not_shown(trust, validated, digits, digits_store, edited, run_use_case):
    edited(digits, "epochs = 4\n", "epochs = 5\n")
    run_use_case("ceiling", digits, digits_store)

    page = trust()

    assert "removal_maps" not in pictures(page)
    assert BUTTON in labels(page)


@pytest.mark.parametrize(("what", "shown"), [("removal", 1), ("lds", 0)])
def test_a_job_is_followed_where_it_belongs(trust, digits, digits_store, what, shown):
    job = start_job(digits_store, "validate", digits, {"what": what}, worker_argv=("false",))

    page = trust(job=job.id, study=str(digits / "study.toml"))

    again = [button.key for button in page.button if (button.key or "").startswith("resume_")]
    assert len(again) == 1, "each job has one place"
    before = [button.label for button in page.button].index(BUTTON)
    resumed = [button.key for button in page.button].index(again[0])
    assert (resumed < before) == bool(shown)


def test_a_run_of_data_as_they_were_cannot_be_worked_on(trust, digits, edited, digits_store, run_use_case):
    (influence,) = [run.key for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    edited(digits, "epochs = 4\n", "epochs = 5\n")
    run_use_case("ceiling", digits, digits_store)

    page = trust(run=influence, study=str(digits / "study.toml"))

    assert BUTTON not in labels(page)
    assert "its data or settings have changed since" in told(page)
