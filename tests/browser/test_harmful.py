"""The Harmful page as a user meets it: a bar that is clicked lists its samples, and the link keeps it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import chart, click_bar, wait_for_view
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


def test_a_click_on_a_bar_lists_its_samples_and_a_second_one_puts_them_away(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/harmful?counted=strongest")
    # The first bars are of samples that help their own class.
    clicked = click_bar(page, "composition_strongest", 2)
    wait_for_view(page, "bar", f"beneficial|own|{clicked}")
    heading = page.get_by_role("heading", name=f"that help {clicked}, labelled so themselves")
    expect(heading).to_be_visible()
    chart(page, "composition_of_bar")

    page.goto(page.url)
    expect(heading).to_be_visible()
    chart(page, "composition_of_bar")
    click_bar(page, "composition_strongest", 2)
    click_bar(page, "composition_strongest", 2)
    page.wait_for_function("!new URLSearchParams(location.search).has('bar')")
    expect(heading).to_be_hidden()
