"""The Studies page as a user meets it: a study made from a table, its jobs, its runs, and what is deleted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import chart, wait_for_view
from tests.browser.conftest import REPOSITORY, Server

pytestmark = pytest.mark.browser

STILL = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
SECONDS = 120_000
"""Milliseconds that a job may take on a slow machine."""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three CSV files of three classes below the only allowed root; made before the server that looks at them."""
    folder = tmp_path / "birds"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for split, count in (("train", 240), ("validation", 120), ("test", 120)):
        labels = generator.integers(0, 3, count)
        inputs = generator.normal(size=(count, 4))
        inputs[np.arange(count), labels] += 1.5
        names = np.array(["cat", "dog", "bird"])[labels]
        rows = [",".join([*map("{:.4f}".format, row), name]) for row, name in zip(inputs, names, strict=True)]
        (folder / f"{split}.csv").write_text("\n".join(["a,b,c,d,species", *rows]) + "\n")
    monkeypatch.setenv("PARETOSCOPE_ROOTS", str(tmp_path))
    return folder


def part(page: Page, name: str) -> None:
    choice = page.get_by_role("radio", name=name)
    # A click while the page is drawn for the first time may be lost.
    expect(choice).to_be_visible()
    page.wait_for_function(STILL)
    choice.click()
    expect(choice).to_be_checked()
    page.wait_for_function(STILL)


def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(text)
    field.press("Enter")
    page.wait_for_function(STILL)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).first.click()


def command(server: Server, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "app", *arguments, "--cache", str(server.store)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        capture_output=True,
    )


def test_a_study_is_made_from_a_table_trained_and_judged(tables: Path, page: Page, server: Server) -> None:
    page.goto(f"{server.address}/studies")
    part(page, "New study")
    # The first is of the folder that the form may begin with.
    page.get_by_role("button", name="Browse").nth(1).click()
    choose(page, "Go to", "birds")
    expect(page.get_by_role("dialog").get_by_text(str(tables), exact=True)).to_be_visible()
    page.wait_for_function(STILL)
    choose(page, "File", "train.csv")
    page.get_by_role("button", name="Choose this file").click()
    expect(page.get_by_role("textbox", name="Training data", exact=True)).to_have_value(str(tables / "train.csv"))
    fill(page, "Test data (optional)", "birds/tset.csv")
    expect(page.get_by_text("Write 'test.csv' if that is what was meant")).to_be_visible()
    fill(page, "Test data (optional)", "birds/test.csv")
    fill(page, "Validation data", "birds/validation.csv")
    fill(page, "Hidden layers", "8")
    expect(page.get_by_text("The study file is valid.")).to_be_visible()

    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("3 classes; samples of each by split:")).to_be_visible(timeout=SECONDS)
    assert not (tables / "study.toml").exists()

    page.get_by_role("button", name="Create the study").click()
    expect(page.get_by_text("The study was created")).to_be_visible()
    page.get_by_role("button", name="Train it").click()
    wait_for_view(page, "study", str(tables / "study.toml"))
    expect(page.get_by_text("train finished")).to_be_visible(timeout=SECONDS)

    part(page, "Studies")
    page.locator("[class*=st-key-card_open_] button").first.click()
    page.get_by_role("button", name="Compute influence and verdict").click()
    expect(page.get_by_role("heading", name="Each class by itself")).to_be_visible(timeout=SECONDS)
    chart(page, "gains")


@pytest.fixture
def long_study(tables: Path) -> Path:
    """A study whose training takes long enough to be cancelled."""
    (tables / "study.toml").write_text(
        'name = "long"\n[data]\nformat = "csv"\ntrain = "train.csv"\nvalidation = "validation.csv"\nlabel = "species"\n'
        '[model]\narchitecture = "mlp"\n[training]\nepochs = 20000\nbatch_size = 8\n'
    )
    return tables


def test_a_job_is_cancelled_and_goes_on(long_study: Path, page: Page, server: Server) -> None:
    entry = {"file": str(long_study / "study.toml"), "registered": 0}
    (server.store / "studies").mkdir(parents=True)
    (server.store / "studies" / "entry.json").write_text(json.dumps(entry))
    page.goto(f"{server.address}/studies")
    page.get_by_role("button", name="Train it").click()
    expect(page.get_by_text("of 600,000", exact=False).first).to_be_visible(timeout=SECONDS)
    job = page.evaluate("new URLSearchParams(location.search).get('job')")

    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("train cancelled")).to_be_visible(timeout=SECONDS)
    assert not (server.store / "jobs" / job / "result.json").exists()

    page.get_by_role("button", name="Go on").click()
    try:
        expect(page.get_by_text("train running")).to_be_visible(timeout=SECONDS)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("train cancelled")).to_be_visible(timeout=SECONDS)
    finally:
        # A worker outlives its server: it must not outlive the test.
        (server.store / "jobs" / job / "cancel").touch()


def test_two_runs_are_compared_and_one_is_deleted(tables: Path, page: Page, server: Server) -> None:
    study = tables.parent / "digits"
    shutil.copytree(REPOSITORY / "sample_data" / "digits", study, ignore=shutil.ignore_patterns("runs"))
    text = (study / "study.toml").read_text().replace('name = "digits"', 'name = "mine"')
    (study / "study.toml").write_text(
        f"{text}\n[influence]\nstrategy = 'diagonal'\n" if "[influence]" not in text else text
    )
    for epoch in ("2", "20"):
        command(server, "influence", str(study), "--epoch", epoch)

    page.goto(f"{server.address}/studies?study={study / 'study.toml'}")
    part(page, "Runs of the study")
    title = chart(page, "run_differences").evaluate("plot => plot._fullLayout.title.text")
    assert "second run" in title or "to the second" in title

    choose(page, "Chosen run", "influence · epoch 2 ")
    page.get_by_role("button", name="Delete …").click()
    expect(page.get_by_text("No other run depends on it.")).to_be_visible()
    runs = sorted(path.name for path in (server.store / "runs").iterdir())
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("are compared here once there are two of a kind")).to_be_visible()
    assert len(runs) == 2
    assert len(list((server.store / "runs").iterdir())) == 1
