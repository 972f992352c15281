"""A real server on the shipped samples, and a real Chromium that looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.dashboard_server import served
from tests.browser.provide_chromium import provide_chromium

REPOSITORY = Path(__file__).resolve().parents[2]
# What a headless browser without a network of its own needs, and no more.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


PATIENCE = 90_000
"""Milliseconds: a busy machine draws a page in more than the five seconds that playwright waits for by itself."""
expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Server:
    """A running dashboard."""

    address: str
    store: Path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=provide_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    store = tmp_path / "store"
    with served(store) as address:
        yield Server(address, store)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
