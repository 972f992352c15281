"""The dashboard as a user meets it: clicks, a search, a reload in its middle, a command beside it."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import FARTHEST_POINT, chart, click_at, click_bar, click_cell, wait_for_view
from tests.browser.conftest import REPOSITORY, Server

pytestmark = pytest.mark.browser


def test_the_first_page_answers_with_real_numbers(page: Page, server: Server) -> None:
    page.goto(server.address)
    expect(page.get_by_role("heading", name="Has the classifier reached its ceiling?")).to_be_visible()
    expect(page.get_by_test_id("stAlert").first).to_contain_text("of its loss")
    chart(page, "gains")
    page.wait_for_function("new URLSearchParams(location.search).get('study')?.includes('sample_data')")


def test_a_click_on_the_matrix_shows_that_pair_and_a_link_shows_it_again(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore")
    chart(page, "matrix")
    click_cell(page, row=3, column=7)
    wait_for_view(page, "a", "7")
    wait_for_view(page, "b", "3")
    scatter = chart(page, "pair_7_3")
    assert "influence on 7" in scatter.evaluate("plot => plot._fullLayout.xaxis.title.text")

    copied = page.url
    page.goto(copied)
    chart(page, "pair_7_3")


def test_a_click_on_a_point_opens_its_sample(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/explore?a=1&b=8")
    click_at(
        page,
        "pair_1_8",
        FARTHEST_POINT,
    )
    expect(page.get_by_role("heading", name="Sample ")).to_be_visible()
    chart(page, "sample_bars")
    expect(page.get_by_test_id("stImage").first).to_be_visible()


def test_a_search_survives_a_reload_and_ends_in_before_and_after(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/improve?targets=1")
    clicked = click_bar(page, "bars_improve", 0)
    assert clicked != "1"
    both = "|".join(sorted(("1", clicked)))
    wait_for_view(page, "targets", both)
    expect(page.locator(".st-key-targets_improve")).to_contain_text(clicked)

    # Long enough to be met again after the reload.
    page.get_by_role("slider", name="Iterations of the search").press("End")
    page.get_by_role("button", name="Start the search").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.wait_for_function("new URLSearchParams(location.search).has('job')")
    page.reload()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.locator(".st-key-targets_improve")).to_contain_text(clicked)

    expect(page.get_by_role("button", name="Cancel")).to_be_hidden(timeout=240_000)
    expect(page.get_by_role("heading", name="Before and after")).to_be_visible()
    result = json.loads(next((server.store / "runs").glob("*/run.json")).read_text())
    assert "|".join(str(k) for k in result["targets"]) == both
    expect(page.get_by_text(result["sentence"])).to_be_visible()
    traces = chart(page, "before_after").evaluate("plot => plot._fullData.map(trace => trace.name)")
    assert {"before", "control", "after"} <= set(traces)


def test_a_verdict_on_some_classes_is_computed_and_a_link_shows_it(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/?judged=3|8")
    chart(page, "gains")
    expect(page.get_by_test_id("stAlert").first).not_to_contain_text("without regard to")
    page.get_by_role("button", name="Judge these classes").click()
    expect(page.get_by_test_id("stAlert").first).to_contain_text("without regard to the other 8", timeout=120_000)
    expect(page.get_by_text("Judged: 3, 8. The other 8 were left free.")).to_be_visible()
    chart(page, "gains")

    page.goto(page.url)
    expect(page.get_by_test_id("stAlert").first).to_contain_text("Improving only 3 and 8 costs")


def test_a_click_on_a_target_s_bar_again_lets_it_go(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/?targets=1")
    clicked = click_bar(page, "bars_ceiling", 0)
    wait_for_view(page, "targets", "|".join(sorted(("1", clicked))))
    click_bar(page, "bars_ceiling", 0)
    wait_for_view(page, "targets", "1")


@pytest.fixture
def own_study(tmp_path: Path) -> Path:
    """The shipped study under another seed, so that nothing of it is stored."""
    folder = tmp_path / "own"
    shutil.copytree(REPOSITORY / "sample_data" / "digits", folder, ignore=shutil.ignore_patterns("runs"))
    text = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(text.replace('name = "digits"', 'name = "own"').replace("seed = 0", "seed = 5"))
    return folder


def test_the_result_of_a_command_appears_in_the_open_dashboard(page: Page, server: Server, own_study: Path) -> None:
    page.goto(server.address)
    chart(page, "gains")
    done = subprocess.run(
        [sys.executable, "-m", "app", "ceiling", str(own_study), "--json", "--cache", str(server.store)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    sentence = json.loads(done.stdout)["sentence"]
    page.reload()
    page.get_by_role("combobox", name="Study").click()
    page.get_by_role("option", name="own", exact=True).click()
    expect(page.get_by_test_id("stAlert").first).to_contain_text(sentence.partition(":")[2].strip())


def test_bad_studies_are_refused_on_the_page_and_nothing_is_written(
    page: Page, server: Server, own_study: Path
) -> None:
    page.goto(server.address)
    chart(page, "gains")
    before = sorted(path.name for path in (server.store / "studies").glob("*"))

    def refused(path: Path, words: str) -> None:
        if not page.get_by_role("textbox", name="Study file or folder").is_visible():
            page.get_by_text("Open another study").click()
        page.get_by_role("textbox", name="Study file or folder").fill(str(path))
        page.get_by_role("textbox", name="Study file or folder").press("Tab")
        page.get_by_role("button", name="Open study").click()
        expect(page.get_by_test_id("stSidebar").get_by_test_id("stAlert")).to_contain_text(words)

    refused(own_study / "absent.toml", "there is no file")
    text = (own_study / "study.toml").read_text()
    (own_study / "study.toml").write_text(text.replace("hidden =", "hiden ="))
    refused(own_study, "hiden")
    (own_study / "study.toml").write_text(text.replace("train.npz", "trian.npz"))
    refused(own_study, "trian.npz")
    assert sorted(path.name for path in (server.store / "studies").glob("*")) == before


def wider(study: Path) -> None:
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text(text.replace("hidden = [32]", "hidden = [48]"))


def pickled(study: Path) -> None:
    (study / "checkpoints" / "epoch-021.pt").write_bytes(pickle.dumps({"weights": [1.0]}))


@pytest.mark.parametrize(("damage", "words"), [(wider, "shape"), (pickled, "pickle")])
def test_a_checkpoint_that_cannot_be_used_is_refused_on_the_page(
    page: Page, server: Server, own_study: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(own_study)
    page.goto(server.address)
    chart(page, "gains")
    page.get_by_text("Open another study").click()
    page.get_by_role("textbox", name="Study file or folder").fill(str(own_study))
    page.get_by_role("textbox", name="Study file or folder").press("Tab")
    page.get_by_role("button", name="Open study").click()
    page.get_by_role("button", name="Compute influence and verdict").click()
    refusal = page.get_by_test_id("stMain").get_by_test_id("stAlert").filter(has_text=words)
    expect(refusal).to_be_visible(timeout=90_000)
    assert not list((server.store / "runs").glob("*/*"))


def test_a_second_server_on_the_same_store_is_refused_by_name(server: Server, page: Page) -> None:
    page.goto(server.address)
    chart(page, "gains")
    second = subprocess.run(
        [sys.executable, "-m", "app", "--cache", str(server.store), "--port", "1"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 2
    assert server.address in second.stderr
