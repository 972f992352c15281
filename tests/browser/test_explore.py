"""The Explore page as a user meets it: clicks on cells and points, boxes and lassos, slices, links."""

import json
from collections.abc import Sequence

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import FARTHEST_POINT, chart, click_at, click_cell, wait_for_view
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

PAIR = "pair_1_8"


SCREEN_POINT = """(plot, points) => {
  const box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
  return points.map(([x, y]) => [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)]);
}"""
INSIDE_COUNT = """(plot, [left, right, low, high]) => plot._fullData
  .filter(trace => trace.customdata)
  .flatMap(trace => Array.from(trace.x, (x, i) => [x, trace.y[i]]))
  .filter(([x, y]) => left <= x && x <= right && low <= y && y <= high).length"""


def drag(page: Page, key: str, tool: str, path: Sequence[tuple[float, float]]) -> None:
    """Chooses a tool of a chart and draws with it through points in the chart's own units."""
    plot = chart(page, key)
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # Plotly binds its events after it has drawn.
    plot.hover()
    plot.locator(f'[data-title="{tool}"]').click()
    (x, y), *rest = plot.evaluate(SCREEN_POINT, [list(point) for point in path])
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in rest:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def view_of(page: Page, name: str) -> str:
    return page.evaluate("name => new URLSearchParams(location.search).get(name)", name)


def wait_for_any(page: Page, name: str) -> str:
    page.wait_for_function("name => new URLSearchParams(location.search).has(name)", arg=name)
    return view_of(page, name)


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text)).to_be_visible()


def axis_ranges(page: Page) -> list[list[float]]:
    return chart(page, PAIR).evaluate("plot => [plot._fullLayout.xaxis.range, plot._fullLayout.yaxis.range]")


def test_a_click_on_the_matrix_turns_to_its_pair_and_lets_go_of_what_was_drawn(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8&region=region:joint_negative")
    expect(page.get_by_text("All samples that are joint negative for 1 and 8.")).to_be_visible()
    chart(page, "matrix")
    click_cell(page, row=3, column=7)
    wait_for_view(page, "a", "7")
    chart(page, "pair_7_3")
    assert view_of(page, "region") is None
    expect(page.get_by_text("in the selection")).to_be_hidden()


def test_a_click_on_a_point_opens_its_sample_and_a_neighbour_the_next(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    click_at(page, PAIR, FARTHEST_POINT)
    sample = wait_for_any(page, "sample")
    heading(page, f"Sample {sample}")
    chart(page, "sample_bars")
    # A button with help is there twice, once for the touch of a finger, and seen once.
    neighbours = page.locator("[class*=st-key-neighbour_] button:visible")
    expect(neighbours).to_have_count(8)
    # Its own picture and those of the neighbours.
    expect(page.get_by_test_id("stImage")).to_have_count(9)

    nearest = neighbours.first.inner_text()
    neighbours.first.click()
    wait_for_view(page, "sample", nearest)
    heading(page, f"Sample {nearest}")
    page.reload()
    heading(page, f"Sample {nearest}")


def test_a_zoomed_plot_stays_as_it_is_when_something_is_picked_in_it(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    plot = chart(page, PAIR)
    before = axis_ranges(page)
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "([key, end]) => document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullLayout.xaxis.range[1] < end",
        arg=[PAIR, before[0][1]],
    )
    zoomed = axis_ranges(page)
    plot.evaluate("plot => { plot.dataset.same = 'yes' }")
    page.get_by_role("spinbutton", name="Open sample").fill("5")
    page.keyboard.press("Enter")
    heading(page, "Sample 5")
    chart(page, "sample_bars")
    assert axis_ranges(page) == zoomed
    assert chart(page, PAIR).evaluate("plot => plot.dataset.same") == "yes", "it was not drawn anew"


def test_a_box_becomes_a_table_a_slice_and_a_prediction_that_a_reload_shows_again(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    drag(page, PAIR, "Box Select", [(-3.0, -3.0), (0.5, 0.5)])
    region = wait_for_any(page, "region")
    assert region.startswith("box:")
    sides = [float(side) for side in region.removeprefix("box:").split(",")]
    count = chart(page, PAIR).evaluate(INSIDE_COUNT, sides)
    heading(page, f"{count} samples in the selection")
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    marked = chart(page, PAIR).evaluate("plot => plot._fullData.filter(trace => trace.selectedpoints).length")
    assert marked == 0, "the shape alone was sent, without the points in it"

    page.get_by_role("tab", name="Save and export").click()
    page.get_by_role("textbox", name="Save as slice").fill("near zero")
    page.get_by_role("button", name="Save", exact=True).click()
    saved = wait_for_any(page, "slice")
    kept = json.loads((server.store / "slices" / f"{saved}.json").read_text())
    assert (kept["name"], kept["region"]) == ("near zero", region)

    study = view_of(page, "study")
    page.goto(f"{server.address}/explore?study={study}&slice={saved}")
    heading(page, f"{count} samples in the selection")
    expect(page.locator(".st-key-slice_choice input")).to_have_value("near zero")
    wait_for_view(page, "region", region)
    page.get_by_role("tab", name="Predict without these").click()
    expect(page.get_by_text(f"Without these {count} samples")).to_be_visible()
    chart(page, "gains_without")


def test_after_a_box_a_click_opens_a_sample_and_what_was_cleared_stays_so(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    drag(page, PAIR, "Box Select", [(-3.0, -3.0), (0.5, 0.5)])
    region = wait_for_any(page, "region")
    plot = chart(page, PAIR)
    plot.hover()
    plot.locator('[data-title="Pan"]').click()
    click_at(page, PAIR, FARTHEST_POINT)
    sample = wait_for_any(page, "sample")
    heading(page, f"Sample {sample}")
    wait_for_view(page, "region", region)

    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_function("!new URLSearchParams(location.search).has('region')")
    page.get_by_role("button", name="Close", exact=True).click()
    page.wait_for_function("!new URLSearchParams(location.search).has('sample')")
    click_at(page, PAIR, FARTHEST_POINT)
    heading(page, f"Sample {sample}")
    assert view_of(page, "region") is None


def test_a_lasso_selects_exactly_what_lies_inside_it(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    # Bent, so that the box around it holds more.
    drag(page, PAIR, "Lasso Select", [(-4, -4), (4, -4), (4, 4), (3, 4), (3, -3), (-4, -3), (-4, -4)])
    region = wait_for_any(page, "region")
    assert region.startswith("lasso:")
    corners = [tuple(map(float, corner.split(","))) for corner in region.removeprefix("lasso:").split(";")]
    assert 6 <= len(corners) <= 60
    points = chart(page, PAIR).evaluate(
        "plot => plot._fullData.filter(trace => trace.customdata)"
        ".flatMap(trace => Array.from(trace.x, (x, i) => [x, trace.y[i]]))"
    )

    def inside(x: float, y: float) -> bool:
        crossed = False
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                crossed = not crossed
        return crossed

    count = sum(inside(x, y) for x, y in points)
    around = sum(-4 <= x <= 4 and -4 <= y <= 4 for x, y in points)
    assert 0 < count < around / 2
    heading(page, f"{count} sample{'s' if count > 1 else ''} in the selection")


def test_a_link_with_a_lasso_shows_the_same_selection(page: Page, server: Server) -> None:
    link = f"{server.address}/explore?a=1&b=8&region=lasso:-1,-1;1,-1;1,1;-1,1&sample=3"
    page.goto(link)
    told = page.get_by_role("heading", name="in the selection").inner_text()
    page.reload()
    heading(page, told)
    heading(page, "Sample 3")
    assert view_of(page, "region") == "lasso:-1,-1;1,-1;1,1;-1,1"
