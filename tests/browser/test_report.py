"""The report in a real browser: opened as a file, without a network, in light, in dark and for paper."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.report import findings_of, report_page
from app.serving import SAMPLES
from cache.store import Store
from engine.study import load_study
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

DARK_TEXT_ON_LIGHT, LIGHT_TEXT_ON_DARK = "rgb(34, 39, 46)", "rgb(230, 232, 235)"
Opened = Callable[..., tuple[Page, list[str]]]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the shipped digits, as it is sent to somebody."""
    folder = tmp_path_factory.mktemp("report")
    study = SAMPLES / "digits"
    page = report_page(findings_of(study, load_study(study), Store(folder / "store", SAMPLES), {}))
    (folder / "digits-report.html").write_text(page, encoding="utf-8")
    return folder / "digits-report.html"


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Opened]:
    """Opens a file in a browser without a network; returns the page and what the browser complains of."""
    contexts = []

    def open_file(file: Path, **options: Any) -> tuple[Page, list[str]]:
        context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        return page, complaints

    yield open_file
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("scheme", "text", "background"),
    [("light", DARK_TEXT_ON_LIGHT, "rgb(255, 255, 255)"), ("dark", LIGHT_TEXT_ON_DARK, "rgb(22, 25, 29)")],
)
def test_the_file_shows_every_figure_without_a_network(
    opened: Opened, report: Path, scheme: str, text: str, background: str
) -> None:
    page, complaints = opened(report, color_scheme=scheme)
    expect(page.locator("body.drawn")).to_be_attached()

    charts = page.locator(".chart")
    assert charts.count() == 7
    for place in range(charts.count()):
        assert charts.nth(place).locator(".main-svg").count() == 3
        assert charts.nth(place).get_attribute("aria-label")
    # Figures are as readable as the text around them.
    expect(charts.first.locator(".gtitle")).to_have_css("fill", text)
    expect(page.locator("body")).to_have_css("background-color", background)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []


def test_figures_follow_the_readers_light_and_go_to_paper_in_light(opened: Opened, report: Path) -> None:
    page, complaints = opened(report, color_scheme="dark")
    expect(page.locator("body.drawn")).to_be_attached()
    title = page.locator(".chart .gtitle").first
    # What waits for a condition in the page is a script of its own, which the file does not let run.
    expect(title).to_have_css("fill", LIGHT_TEXT_ON_DARK)

    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(title).to_have_css("fill", DARK_TEXT_ON_LIGHT)
    assert (
        page.evaluate("Math.max(...[...document.querySelectorAll('.chart .main-svg')].map(e => e.clientWidth))") == 640
    )
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(title).to_have_css("fill", LIGHT_TEXT_ON_DARK)
    page.emulate_media(color_scheme="light")
    expect(title).to_have_css("fill", DARK_TEXT_ON_LIGHT)
    assert complaints == []


def test_a_script_that_came_into_the_file_all_the_same_does_not_run(opened: Opened, report: Path) -> None:
    page_text = report.read_text(encoding="utf-8").replace("<main>", "<main><script>window.ran = true</script>", 1)
    (report.parent / "changed.html").write_text(page_text, encoding="utf-8")

    page, complaints = opened(report.parent / "changed.html")
    expect(page.locator("body.drawn")).to_be_attached()

    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in complaints)


def test_the_report_is_downloaded_from_the_head_of_a_page(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto(server.address)
    expect(page.get_by_role("heading", name="Has the classifier reached its ceiling?")).to_be_visible()
    page.get_by_role("button", name="Report").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()

    assert download.value.suggested_filename == "digits-report.html"
    download.value.save_as(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
