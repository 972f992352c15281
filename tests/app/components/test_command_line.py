"""The command beside each result of a page."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.components.server_state import opened
from tests.app.components.contents import told


@pytest.fixture
def pages(digits, page_of):
    """Pages of the small study by their names."""
    return lambda name, **view: page_of(digits, name)(study=str(digits / "study.toml"), **view)


def commands(page: AppTest) -> list[str]:
    return [code.value for code in page.code if code.value.startswith("python -m app")]


def test_verdict_samples_and_search_have_their_commands(pages, digits, digits_store):
    end = f"--cache {digits_store.root}"
    shown = commands(pages("ceiling", targets="one|two"))
    assert f"python -m app ceiling {digits / 'study.toml'} {end}" in shown
    assert f"python -m app samples {digits / 'study.toml'} --classes one,two --limit 10 {end}" in shown

    shown = commands(pages("improve"))
    (search,) = [command for command in shown if " reweight " in command]
    assert "--epoch 4 --setting direct_improvement --targets one,eight --slack 0.5 --iterations 2" in search


def test_the_command_of_some_judged_classes_names_them(pages, digits, digits_store, run_use_case):
    run_use_case("ceiling", digits, digits_store, classes=["two", "three"])

    assert any("--classes two,three" in command for command in commands(pages("ceiling", judged="two|three")))


def test_a_candidate_that_was_made_the_result_has_its_number_in_the_command(pages, digits, digits_store, run_use_case):
    (number, *_) = [
        row["number"] for row in run_use_case("reweight", digits, digits_store)["candidates"] if row["feasible"]
    ]
    chosen = run_use_case("reweight", digits, digits_store, candidate=number)

    shown = commands(pages("improve", search=chosen["run"]))

    assert any(f"--candidate {number}" in command for command in shown)


def test_a_search_of_other_settings_has_no_command(pages, digits, edited):
    edited(digits, "[reweight]\n", "[reweight]\nbudget = 0.5\n")

    page = pages("improve")

    assert "No command line: the study has other data or settings now" in told(page)
    assert not [command for command in commands(page) if " reweight " in command]


def test_a_store_that_the_command_finds_by_itself_is_not_named(pages, digits, digits_store, monkeypatch, tmp_path):
    pages("ceiling")
    store = opened().store
    shutil.copytree(digits_store.root, tmp_path / ".paretoscope")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "root", Path(".paretoscope").absolute())

    from app.components.command_line import shown_command

    assert shown_command("epochs", digits / "study.toml", {}) == f"python -m app epochs {digits / 'study.toml'}"


def test_tables_hold_figures_and_can_be_taken_away(pages):
    page = pages("improve")

    (table,) = [frame.value for frame in page.dataframe if "control" in frame.value.columns]
    assert table[["before", "control", "after", "change", "from", "to"]].dtypes.eq("float64").all()
    assert table["target"].tolist() == [name in ("one", "eight") for name in table["class"]]
    downloads = [element.proto.label for element in page.get("download_button")]
    assert {"CSV", "Parquet"} <= set(downloads)
