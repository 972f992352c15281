"""The stopwatch of the dashboard's benchmark, on pages whose answer comes when the page says so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from benchmarks.dashboard_browser import chromium, visiting

pytestmark = pytest.mark.browser

LATE = """<div data-testid="stApp" data-test-script-state="notRunning"><main data-testid="stMain">
<div class="st-key-targets_ceiling" id="list">cat</div><button id="bar">dog</button></main></div>"""
ADD_LATER = """() => document.getElementById("bar").addEventListener("mousedown", () => setTimeout(() => {
  document.getElementById("list").innerText += " dog";
  window.answered = performance.now();
}, 200))"""
ARM = '(chosen) => stopwatch.arm("mousedown", "target", { key: "targets_ceiling", name: "dog", chosen })'


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser, visiting(browser, "") as visit:
        visit.page.goto("about:blank")
        visit.page.set_content(LATE)
        yield visit.page


def test_time_runs_from_the_press_to_the_frame_that_has_the_answer(page):
    page.evaluate(ADD_LATER)
    page.evaluate(ARM, True)
    assert page.evaluate("stopwatch.result") is None

    page.locator("#bar").click()
    page.wait_for_function("stopwatch.result")
    # Not before the answer was there, and in a frame of its own.
    seconds, answered, now = page.evaluate("[stopwatch.result.seconds, window.answered, performance.now()]")
    assert 0.2 <= seconds <= now / 1000
    assert answered <= now


def test_an_answer_that_was_there_before_the_press_does_not_count(page):
    page.evaluate("document.getElementById('list').innerText = 'cat'")
    page.evaluate(ARM, False)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("stopwatch.result") is None


def test_a_page_stands_still_only_when_no_script_runs(page):
    page.wait_for_function("stopwatch.still(50)")
    page.evaluate("document.querySelector('[data-testid=stApp]').dataset.testScriptState = 'running'")
    assert not page.evaluate("stopwatch.still(0)")
