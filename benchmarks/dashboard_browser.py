"""A real Chromium before the dashboard: what is clicked, and how long its answer took.

Time is taken in the page (``dashboard_stopwatch.js``), from the event to the frame that has the answer; nothing of
what Playwright spends counts, but for the work that it gives to the same cores.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as TookTooLong

from tests.browser.conftest import ARGUMENTS
from tests.browser.provide_chromium import provide_chromium

_STOPWATCH = Path(__file__).with_name("dashboard_stopwatch.js")
ANSWERS = {"": "verdict", "explore": "explore", "improve": "improve"}
"""What a page is there for; of any other its heading, ``page``."""
LONGEST = 30.0
"""Seconds after which an answer is given up; it then counts as these."""
_REST = 150
"""Milliseconds between reaching a point and pressing."""
_STILL = 300
"""Milliseconds for which nothing may have moved before something is clicked."""

# Each returns a chart and a place in it, in the chart's own units, or nothing while it is not drawn.
_CELL = """([row, column]) => {
  const plot = stopwatch.last("matrix");
  if (!plot) return null;
  const cells = plot._fullData.find((trace) => trace.customdata);
  const at = Array.from(cells.customdata).findIndex((cell) => cell[0] === row && cell[1] === column);
  return [plot, cells.x[at], cells.y[at]];
}"""
_BAR = """([key, k]) => {
  const plot = stopwatch.last(key), bars = plot?._fullData.find((trace) => trace.type === "bar");
  if (!bars) return null;
  const at = Array.from(bars.customdata).findIndex((bar) => bar[0] === k);
  return [plot, bars.x[at] / 2, bars.y[at]];
}"""
# Of the outermost points in view: others lie closer to the middle, so that it is hit and not its neighbour.
_POINT = """(nth) => {
  const plot = stopwatch.pair(), points = [];
  if (!plot) return null;
  const { xaxis, yaxis } = plot._fullLayout, shown = stopwatch.sample();
  const inside = (value, axis) => 0.95 * axis.range[0] < value && value < 0.95 * axis.range[1];
  for (const trace of plot._fullData.filter((trace) => trace.customdata && /scatter/.test(trace.type)))
    Array.from(trace.x).forEach((x, i) => {
      const isNew = trace.customdata[i] !== shown;
      if (isNew && inside(x, xaxis) && inside(trace.y[i], yaxis)) points.push([x, trace.y[i]]);
    });
  points.sort((one, other) => Math.hypot(...other) - Math.hypot(...one));
  return [plot, ...points[nth % points.length]];
}"""
_CORNER = """(share) => {
  const plot = stopwatch.pair();
  if (!plot) return null;
  const { xaxis, yaxis } = plot._fullLayout;
  return [plot, share * xaxis.range[1], share * yaxis.range[1]];
}"""
_SELECT = "stopwatch.pair().querySelector('.modebar-btn[data-val=select]').click()"


@dataclass(frozen=True)
class Answer:
    """How long an answer took, in seconds from the event.

    Attributes:
        seconds: to the frame that has it.
        asked: of them, until the page had sent its message to the server.
        server: from then until the server's last message before that frame had come; what is left is drawing.
        megabytes: that came from the server meanwhile.
    """

    seconds: float
    asked: float
    server: float
    megabytes: float


@dataclass
class Visit:
    """One session in the browser.

    Attributes:
        page: of Playwright.
        address: of the server.
        study: that is looked at.
        largest: bytes of the largest message so far, by the page on which it came.
    """

    page: Page
    address: str
    study: Path | None = None
    largest: dict[str, int] = field(default_factory=dict)
    _where: str = ""

    def open(self, name: str, answer: str, argument: dict[str, Any] | None = None, **view: str) -> Answer:
        """Loads a page anew and returns how long it took from the start of the navigation to the answer."""
        self._where = name or "ceiling"
        view |= {} if self.study is None else {"study": str(self.study)}
        self.page.goto(f"{self.address}/{name}?{urlencode(view)}", wait_until="commit")
        return self._timed("load", answer, argument or {}, lambda: None)

    def pages(self) -> list[str]:
        """Returns the names of the pages that the sidebar links to; the first, the Ceiling, is empty."""
        links = "[...document.querySelectorAll('[data-testid=stSidebar] a[href]')].map((link) => new URL(link.href))"
        own = ".filter((link) => link.origin === location.origin).map((link) => link.pathname.slice(1))"
        names: list[str] = self.page.evaluate(links + own)
        return names

    def watch_messages(self) -> None:
        """Keeps the size of what the server sends, from the next page on."""

        def came(payload: str | bytes) -> None:
            self.largest[self._where] = max(self.largest.get(self._where, 0), len(payload))

        self.page.on("websocket", lambda socket: socket.on("framereceived", came))

    def click_cell(self, names: Sequence[str], row: int, column: int) -> Answer:
        """Clicks a cell of the matrix; the answer is the pair's scatter."""
        pair = {"a": names[column], "b": names[row]}
        return self._click(_CELL, [row, column], "pair", pair)

    def choose_pair(self, names: Sequence[str], a: int, b: int) -> Answer:
        """Chooses the class to the right of the scatter by name; the answer is the pair's scatter.

        Args:
            names: class names.
            a: the class that is chosen; not the one in view.
            b: the class upwards, which stays.
        """
        self.settle()
        self.page.locator(".st-key-pair_a").scroll_into_view_if_needed()
        self.page.locator(".st-key-pair_a").get_by_role("combobox").click()
        option = self.page.get_by_role("option", name=names[a], exact=True)
        pair = {"a": names[a], "b": names[b]}
        return self._timed("mousedown", "pair", pair, option.click)

    def click_point(self, nth: int) -> Answer:
        """Clicks the nth farthest point in view; the answer is the sample: its heading and its bars."""
        return self._click(_POINT, nth, "sample", {})

    def draw_box(self, share: float) -> Answer:
        """Draws a box around the middle, so wide as this share of the view; the answer is the table of samples."""
        self.settle()
        self.page.evaluate(_SELECT)
        one, other = (self._place(_CORNER, corner) for corner in (-share, share))
        self.page.mouse.move(*one)
        self.page.mouse.down()
        self.page.mouse.move(*other, steps=4)
        return self._timed("mouseup", "table", {}, self.page.mouse.up)

    def click_bar(self, page: str, name: str, k: int, chosen: bool) -> Answer:
        """Clicks an accuracy bar; the answer is that its class is in the list of targets, or no longer there."""
        wanted = {"key": f"targets_{page}", "name": name, "chosen": chosen}
        return self._click(_BAR, [f"bars_{page}", k], "target", wanted)

    def move_slider(self, key: str) -> Answer:
        """Moves the slider of all other classes by a key; the answer is the prediction and the frontier's point."""
        self.settle()
        slider = self.page.get_by_role("slider", name="Other classes may lose")
        slider.scroll_into_view_if_needed()
        slider.focus()
        return self._timed("keydown", "prediction", {}, lambda: slider.press(key))

    def _click(self, place: str, where: Any, answer: str, argument: dict[str, Any]) -> Answer:
        x, y = self._place(place, where)
        self.page.mouse.move(x, y)
        # As long as a hand rests before it presses: Plotly finds out first what lies under the pointer.
        self.page.wait_for_timeout(_REST)
        return self._timed("mousedown", answer, argument, lambda: self.page.mouse.click(x, y))

    def _timed(self, event: str, answer: str, argument: dict[str, Any], act: Callable[[], object]) -> Answer:
        self.page.evaluate("(armed) => stopwatch.arm(...armed)", [event, answer, argument])
        act()
        try:
            self.page.wait_for_function("stopwatch.result", timeout=1000 * LONGEST)
        except TookTooLong:
            return Answer(LONGEST, 0.0, LONGEST, 0.0)
        result = self.page.evaluate("stopwatch.result")
        return Answer(result["seconds"], result["asked"], result["server"], result["bytes"] / 1e6)

    def settle(self) -> None:
        """Waits until nothing has moved for a moment."""
        self.page.wait_for_function(f"stopwatch.still({_STILL})", timeout=1000 * 2 * LONGEST)

    def _place(self, script: str, argument: Any) -> tuple[float, float]:
        """Returns where something in a chart is on the screen, once the page stands still and it is in view."""
        for _ in range(2):  # The second time after scrolling: what moved has another place.
            self.settle()
            place = self.page.wait_for_function(
                f"(argument) => {{ const found = ({script})(argument); if (found === null) return null;"
                " found[0].scrollIntoView({block: 'center'}); return stopwatch.onScreen(...found); }",
                arg=argument,
            )
            x, y = place.json_value()
        return x, y


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the browser, the one that the browser tests use."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=provide_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, address: str, study: Path | None = None) -> Iterator[Visit]:
    """Opens a session of its own, with nothing kept from an earlier one."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.add_init_script(path=_STOPWATCH)
    page.set_default_timeout(1000 * LONGEST)
    yield Visit(page, address, study)
    context.close()
