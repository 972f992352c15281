"""The Harmful page's suspects: ranked at once, and better once the labels were judged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import app.components.job_panel
from app.jobs import JobFolder, start_job
from cache.cache import Cache
from cache.fingerprints import harmful_key
from cache.parts import OPINIONS, read_opinions
from cache.store import Store
from engine.experiments.harm_ranking import suspects
from tests.app.components.contents import labels, pictures, told

BUTTON = "Judge the labels"


@pytest.fixture
def harmful(trained_digits, page_of):
    """The Harmful page on the small study."""
    return page_of(trained_digits, "harmful")


@pytest.fixture
def vectors(digits_store) -> np.ndarray:
    with Cache.open(digits_store) as cache:
        cache.ingest()
        (run,) = cache.runs("influence")
        return cache.vectors(run["key"])


@pytest.fixture
def judged(trained_digits, digits_store, run_use_case) -> dict:
    return run_use_case("harmful", trained_digits, digits_store, limit=25)


@pytest.fixture
def asked(monkeypatch) -> list:
    """Jobs that the page asks for, none of which ends well."""
    jobs: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        jobs.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    return jobs


def ranked(page: AppTest):
    (table,) = [frame.value for frame in page.dataframe if "harm" in frame.value]
    return table


def widget(page: AppTest, kind: str, label: str) -> Any:
    widgets: Any = page.get(kind)
    (found,) = [one for one in widgets if one.label == label]
    return found


def know_errors(result: dict, store: Store, errors: list[int]) -> None:
    """Lets the stored run say which labels are wrong."""
    folder = store.run(result["run"])
    table = folder.read_table(OPINIONS)
    wrong = [[number in errors for number in range(len(table))]]
    folder.write_table(OPINIONS, table.set_column(table.column_names.index("wrong"), "wrong", wrong))
    folder.finish(folder.manifest() | {"known_errors": len(errors)})


def test_before_the_labels_are_judged_samples_are_ranked_by_harm_and_the_search_can_be_started(
    harmful, vectors, trained_digits, asked
):
    page = harmful()

    expected = suspects(vectors, None, range(10), "influence")
    table = ranked(page)
    assert table["sample"].tolist() == expected.order[:25].tolist()
    assert table["harm"].tolist() == pytest.approx(expected.harm[expected.order[:25]])
    assert table["picture"].str.startswith("data:image/png").all()
    assert not {"suggested", "label_quality", "self_influence"} & set(table)
    assert "Ranked by" not in [group.label for group in page.segmented_control]
    assert "Ranked by harm alone" in told(page)
    assert f"{expected.joint.sum()} of 200 samples" in told(page)

    (button,) = [button for button in page.button if button.label == BUTTON]
    assert "5 trainings from scratch" in button.help
    after = button.click().run()
    assert not after.exception
    assert asked == [("harmful", trained_digits / "study.toml", {})]


def test_once_judged_the_combined_ranking_is_shown_with_all_that_speaks_for_it(harmful, judged):
    page = harmful()

    table = ranked(page)
    assert BUTTON not in labels(page)
    assert widget(page, "button_group", "Ranked by").value == "combined"
    assert table["sample"].tolist() == [one["index"] for one in judged["samples"]]
    for column, name in (("label", "label"), ("harm", "harm"), ("self_influence", "self_influence")):
        assert table[column].tolist() == [one[name] for one in judged["samples"]]
    assert table["suggested"].tolist() == [one["suggested"] or "" for one in judged["samples"]]
    assert table["label_quality"].tolist() == pytest.approx([one["quality"] for one in judged["samples"]])
    assert table["joint_negative"].tolist() == [one["joint"] for one in judged["samples"]]
    assert f"For {judged['suggested']} samples another label is suggested" in told(page)
    (command,) = [code.value for code in page.code if " harmful " in code.value]
    assert "--ranking combined --limit 25" in command
    assert "How well does it find wrong labels?" not in [heading.value for heading in page.subheader]


def test_ranking_and_classes_are_chosen_without_work_and_kept_in_the_address(
    harmful, judged, trained_digits, digits_store, run_use_case
):
    page = harmful()
    page = widget(page, "button_group", "Ranked by").set_value("influence").run()
    page = widget(page, "multiselect", "Harm to").set_value(["eight", "one"]).run()

    assert not page.exception
    some = run_use_case("harmful", trained_digits, digits_store, classes=[1, 8], ranking="influence", limit=25)
    assert ranked(page)["sample"].tolist() == [one["index"] for one in some["samples"]]
    assert ranked(page)["harm"].tolist() == [one["harm"] for one in some["samples"]]
    assert (page.query_params["ranking"], page.query_params["harmed"]) == ("influence", "one|eight")
    assert "samples harm each of one, eight" in told(page)
    again = harmful(ranking="influence", harmed="one|eight")
    assert ranked(again)["sample"].tolist() == ranked(page)["sample"].tolist()


def test_an_address_that_names_no_ranking_and_no_class_shows_the_first_one_for_all(harmful, judged):
    page = harmful(ranking="nonsense", harmed="eleven")

    assert ranked(page)["sample"].tolist() == [one["index"] for one in judged["samples"]]
    assert widget(page, "multiselect", "Harm to").value == []


def test_the_second_page_goes_on_where_the_first_one_ended(harmful, judged, trained_digits, digits_store, run_use_case):
    page = harmful()
    page = widget(page, "number_input", "Page").set_value(2).run()

    many = run_use_case("harmful", trained_digits, digits_store, limit=50)
    assert ranked(page)["sample"].tolist() == [one["index"] for one in many["samples"][25:]]


def test_a_sample_that_the_address_names_is_open_below_the_table(harmful, judged):
    page = harmful(sample="17")

    assert "Sample 17" in [heading.value for heading in page.subheader]
    assert "sample_bars" in pictures(page)
    assert "Sample 17" not in [heading.value for heading in harmful().subheader]


def test_where_wrong_labels_are_known_every_ranking_is_judged_by_them(harmful, judged, digits_store):
    errors = [one["index"] for one in judged["samples"][:5]] + [judged["samples"][24]["index"], 199]
    know_errors(judged, digits_store, errors)

    page = harmful()

    (table,) = [frame.value for frame in page.dataframe if "auc" in frame.value]
    assert table["ranking"].tolist() == ["Label and harm", "Harm alone", "Label alone"]
    in_first = {*errors} & {one["index"] for one in judged["samples"]}
    assert table["found"][0] == len(in_first) / 25
    assert f"{len(in_first)} of the first 25 are among the 7 labels known to be wrong." in told(page)


def test_a_damaged_result_is_told_and_can_be_computed_again(harmful, judged, digits_store):
    (digits_store.run(judged["run"]).path / OPINIONS).unlink()

    page = harmful()

    assert "A stored result is left out" in page.warning[0].value
    assert BUTTON in labels(page)


def test_the_ceiling_page_leads_here(trained_digits, page_of):
    page = page_of(trained_digits, "ceiling")()
    (button,) = [button for button in page.button if button.label == "See the harmful samples"]

    after = button.click().run()

    assert not after.exception
    assert after.title[0].value == "Which training samples do harm, and are their labels right?"


def test_the_page_reads_what_the_command_wrote(judged, digits_store):
    folder = digits_store.run(judged["run"])
    assert folder.key == harmful_key(folder.manifest()["influence"])
    assert len(read_opinions(folder).quality) == 200
