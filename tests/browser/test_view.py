"""What is looked at is in the address: reload, link, the way back, and two sessions on one study."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.jobs import list_jobs
from cache.store import Store
from tests.browser.charts import chart, click_at, click_cell, wait_for_view
from tests.browser.conftest import PATIENCE, Server

pytestmark = pytest.mark.browser

LEVEL = "Other classes may lose"


def single_slider(page: Page, k: int) -> Locator:
    return page.locator(f".st-key-may_lose_{k}").get_by_role("slider")


def level_slider(page: Page) -> Locator:
    return page.get_by_role("slider", name=LEVEL)


def wait_for_level(page: Page, text: str) -> None:
    expect(level_slider(page)).to_have_attribute("aria-valuetext", text)


def move_right(page: Page, slider: Locator, text: str) -> None:
    """Moves a slider of Improve by one step, to what it then says.

    What is pressed while a slider is being drawn is lost. So the page has to stand still first, and a busy machine may
    draw once more between that look and the key.
    """
    for _ in range(5):
        chart(page, "frontier")
        slider.press("ArrowRight")
        try:
            expect(slider).to_have_attribute("aria-valuetext", text, timeout=PATIENCE / 5)
            return
        except AssertionError:
            continue
    expect(slider).to_have_attribute("aria-valuetext", text)


def test_a_slider_redraws_prediction_and_frontier_and_stands_in_the_address(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/improve?targets=1|8")
    star = "plot => plot._fullData.find(trace => trace.name === 'your thresholds').y[0]"
    before = chart(page, "frontier").evaluate(star)
    for name in ("6%", "7%", "8%"):
        move_right(page, level_slider(page), name)
    wait_for_view(page, "may_lose", "8")

    assert chart(page, "frontier").evaluate(star) > before
    page.reload()
    wait_for_level(page, "8%")


def test_sliders_of_single_classes_stand_in_the_address(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/improve?targets=1|8")
    chart(page, "frontier")
    page.get_by_text("Per class").first.click()
    page.get_by_text("Set each class by itself").click()
    single = single_slider(page, 3)
    move_right(page, single, "6%")
    page.wait_for_function("new URLSearchParams(location.search).get('slack')?.includes('3=6')")

    page.reload()
    expect(single_slider(page, 3)).to_have_attribute("aria-valuetext", "6%")
    expect(single_slider(page, 4)).to_have_attribute("aria-valuetext", "5%")


def test_the_way_back_leads_to_what_was_looked_at_before(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    chart(page, "pair_1_8")
    click_cell(page, row=3, column=7)
    chart(page, "pair_7_3")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Ceiling").click()
    chart(page, "gains")

    page.go_back()
    chart(page, "pair_7_3")
    page.go_back()
    chart(page, "pair_1_8")
    page.go_forward()
    chart(page, "pair_7_3")


def test_after_a_slider_the_way_back_from_another_page_is_one_step(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/improve?targets=1|8")
    chart(page, "frontier")
    for name in ("6%", "7%"):
        move_right(page, level_slider(page), name)
    wait_for_view(page, "may_lose", "7")
    chart(page, "before_after")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Trust").click()
    chart(page, "prediction_check")
    wait_for_view(page, "may_lose", "7")

    page.go_back()
    wait_for_level(page, "7%")


def test_a_copied_link_shows_a_colleague_the_same(page: Page, server: Server, chromium: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server.address}/improve?targets=1|8")
    move_right(page, level_slider(page), "6%")
    wait_for_view(page, "may_lose", "6")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")

    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    try:
        colleague = context.new_page()
        colleague.goto(copied)
        wait_for_level(colleague, "6%")
        expect(colleague.locator(".st-key-targets_improve")).to_contain_text("18")
    finally:
        context.close()


def test_a_click_on_a_candidate_shows_it_class_by_class_and_a_link_shows_it_again(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/improve")
    best = """plot => {
      const trace = plot._fullData.find(trace => trace.name === 'not beaten');
      return [trace.x[0], trace.y[0]];
    }"""
    click_at(page, "frontier", best)
    page.wait_for_function("new URLSearchParams(location.search).has('candidate')")
    number = page.evaluate("new URLSearchParams(location.search).get('candidate').split(':')[1]")
    expect(page.get_by_role("combobox", name="Candidate")).to_have_value(re.compile(rf"Candidate {number}\b"))
    expect(page.get_by_text("which flatters whoever leads there")).to_be_visible()

    page.reload()
    expect(page.get_by_text("which flatters whoever leads there")).to_be_visible()


def test_two_sessions_on_one_study_do_not_disturb_each_other(page: Page, server: Server, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    try:
        other = context.new_page()
        page.goto(f"{server.address}/improve?targets=1|8")
        other.goto(f"{server.address}/improve?targets=3")
        chart(other, "frontier")
        chart(page, "frontier")
        move_right(page, level_slider(page), "6%")
        wait_for_level(other, "5%")

        # Both ask for the same job: it is one, and both see it.
        for session in (page, other):
            session.get_by_test_id("stSidebar").get_by_role("link", name="Ceiling").click()
            session.get_by_role("combobox", name="Judge only some classes").click()
            for name, judged in (("3", "3"), ("8", "3|8")):
                session.get_by_role("option", name=name, exact=True).click()
                # A busy server answers the first choice after the second was made, and then takes that back.
                wait_for_view(session, "judged", judged)
            session.keyboard.press("Escape")
        for session in (page, other):
            session.get_by_role("button", name="Judge these classes").click()
        expect(page.get_by_test_id("stAlert").first).to_contain_text("without regard to", timeout=120_000)
        other.reload()
        expect(other.get_by_test_id("stAlert").first).to_contain_text("without regard to", timeout=60_000)
        assert len(list_jobs(Store(server.store))) == 1
    finally:
        context.close()


def test_a_click_on_a_price_makes_the_class_that_would_gain_a_target(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/?targets=1")
    click_at(page, "prices", "(plot, cell) => cell", [2, 7])
    wait_for_view(page, "targets", "1|7")
    expect(page.locator(".st-key-targets_ceiling")).to_contain_text("7")
