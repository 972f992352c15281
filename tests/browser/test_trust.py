"""The Trust page as a user meets it: a small removal study from its button to its maps."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import chart, click_at, wait_for_view
from tests.browser.conftest import REPOSITORY, Server

pytestmark = pytest.mark.browser

STILL = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
SECONDS = 120_000
"""Milliseconds that a job may take on a slow machine."""


def test_a_quick_removal_study_is_started_and_its_maps_are_shown(tmp_path: Path, page: Page, server: Server) -> None:
    # A copy with its runs: what is computed for it lands in the server's own store.
    study = tmp_path / "digits"
    shutil.copytree(REPOSITORY / "sample_data" / "digits", study)
    page.goto(f"{server.address}/trust?study={study / 'study.toml'}")
    quick = page.get_by_role("radio", name="Quick")
    expect(quick).to_be_visible()
    page.wait_for_function(STILL)
    quick.click()
    expect(page.get_by_text("A smaller study than the usual one")).to_be_visible()

    page.get_by_role("button", name="Leave samples out and train anew").click()
    expect(page.locator(".st-key-removal_maps .js-plotly-plot")).to_be_visible(timeout=SECONDS)
    title = chart(page, "removal_maps").evaluate("plot => plot._fullLayout.title.text")
    assert "of 4 classes" in title.replace("<br>", " ")
    chart(page, "removal_scatter")

    click_at(page, "removal_maps", "(plot, cell) => cell", [3, 1])
    wait_for_view(page, "without", "3")
    expect(page.get_by_text("A click on a row's box opens the sample.")).to_be_visible()
