"""Charts of a page: waiting until one stands still, and clicking into it in its own units."""

import itertools

from playwright.sync_api import Locator, Page, TimeoutError

STANDS_STILL = """([selector, call]) => {
  const plots = document.querySelectorAll(selector);
  const running = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'notRunning';
  const drawn = plots.length === 1 && plots[0]._fullLayout && !plots[0].closest('[data-stale=true]');
  const now = performance.now();
  if (running || !drawn || window.stillCall !== call || window.stillPlot !== plots[0])
    [window.stillCall, window.stillPlot, window.stillSince] = [call, plots[0], now];
  return now - window.stillSince > 300;
}"""
_calls = itertools.count()


def chart(page: Page, key: str) -> Locator:
    """Returns a chart when its page has stood still for a moment.

    While a page is drawn anew, the chart of the last run stays beside the new one: a count of one may be two at the
    next look. So one look has to see it all, and see it again, until nothing has moved for 0.3 s.
    """
    selector = f".st-key-{key} .js-plotly-plot"
    page.wait_for_function(STANDS_STILL, arg=[selector, next(_calls)])
    return page.locator(selector).first


def click_at(page: Page, key: str, where: str, argument: object = None) -> None:
    """Clicks a point of a chart.

    Args:
        key: of the chart.
        where: a script that returns the point in the chart's own units, given the chart and the argument.
        argument: of the script.
    """
    plot = chart(page, key)
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # Plotly binds its events after it has drawn.
    found = "key => document.querySelector(`.st-key-${key} .js-plotly-plot`)._hoverdata?.length > 0"
    for patience in (*[3_000] * 20, None):
        # Computed anew each time: what loads above a chart moves it.
        plot.scroll_into_view_if_needed()
        x, y = plot.evaluate(
            """(plot, [where, argument]) => {
              const [x, y] = eval(where)(plot, argument);
              const box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
              return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
            }""",
            [where, argument],
        )
        page.mouse.move(x, y)
        try:
            # Plotly clicks what it has found under the pointer, and a busy machine takes its time to look.
            page.wait_for_function(found, arg=key, timeout=patience)
            break
        except TimeoutError:
            page.mouse.move(0, 0)
            if patience is None:
                raise
    page.mouse.click(x, y)


def click_cell(page: Page, row: int, column: int) -> None:
    click_at(page, "matrix", "(plot, cell) => cell", [column, row])


def click_bar(page: Page, key: str, position: int) -> str:
    """Clicks the bar that is drawn at a position; returns the class index that it stands for."""
    bars = "plot._fullData.find(trace => trace.type === 'bar')"
    click_at(page, key, f"(plot, i) => [{bars}.x[i] / 2, {bars}.y[i]]", position)
    return str(chart(page, key).evaluate(f"(plot, i) => {bars}.customdata[i][0]", position))


def wait_for_view(page: Page, name: str, value: str) -> None:
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).get(name) === value", arg=[name, value]
    )


FARTHEST_POINT = """plot => {
  const {xaxis, yaxis} = plot._fullLayout;
  const inside = (value, axis) => axis.range[0] < value && value < axis.range[1];
  let far = [0, 0];
  for (const trace of plot._fullData.filter(trace => trace.customdata && trace.customdata.length))
    trace.x.forEach((x, i) => {
      const y = trace.y[i];
      if (inside(x, xaxis) && inside(y, yaxis) && Math.hypot(x, y) > Math.hypot(...far)) far = [x, y];
    });
  return far;
}"""
