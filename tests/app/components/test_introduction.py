"""The Introduction as the dashboard shows it, on samples that are made here as `make samples` makes them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import app.components.introduction
import app.components.server_state
from app.workflow.synthetic import make_synthetic
from cache.store import Store

DASHBOARD = Path(app.components.introduction.__file__).parents[1] / "dashboard" / "main.py"
STEPS = [
    "1. The data",
    "2. What each sample does to each class",
    "3. Three kinds of samples",
    "4. The verdict",
    "And your classifier?",
]
PICTURES = {f"{name}_{kind}" for name in ("data", "vectors", "regions") for kind in ("separable", "frontier")}


def loss_of(*values: float) -> dict:
    return {"validation": list(values), "test": [2 * value for value in values]}


CLIMB = {
    "kind": "climb",
    "how": "remove",
    "study": {"name": "separable"},
    "created": "2026-01-01T00:00:00",
    "class_names": ["blue", "orange"],
    "rounds": [
        {
            "round": number,
            "samples": samples,
            "removed": harmful,
            "verdict": "improvable",
            "held_out": [1.0, 1.0],
            "accuracy": {"validation": [1.0, 1.0], "test": [1.0, 1.0]},
            "loss": loss,
            "regions": {"joint_positive": samples - harmful, "joint_negative": harmful, "trade_off": 0},
        }
        for number, samples, harmful, loss in ((0, 600, 70, loss_of(0.17, 0.16)), (1, 530, 0, loss_of(0.004, 0.005)))
    ],
    "best_round": 1,
    "most_rounds": 8,
    "ceiling": {"validation": [1.0, 1.0], "test": [1.0, 1.0]},
    "stopped": "No sample harms every class any more.",
}


@pytest.fixture(scope="module")
def made_samples(tmp_path_factory, run_use_case) -> Path:
    """The two shipped sets with their finished runs; not to be changed."""
    folder = tmp_path_factory.mktemp("samples")
    for kind in ("separable", "frontier"):
        make_synthetic(kind, folder / kind)
        store = Store(folder / "store" / kind)
        run_use_case("ceiling", folder / kind, store)
        shutil.copytree(store.runs_folder, folder / kind / "runs", ignore=shutil.ignore_patterns(".*"))
    return folder


@pytest.fixture
def samples(made_samples, tmp_path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made_samples, tmp_path / "samples"))


@pytest.fixture
def opened(samples, tmp_path, monkeypatch) -> Iterator[Callable[[], AppTest]]:
    """Opens the dashboard on those samples, then its Introduction."""
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "store"))
    for module in (app.components.introduction, app.components.server_state):
        monkeypatch.setattr(module, "SAMPLES", samples)

    def introduction() -> AppTest:
        dashboard = AppTest.from_file(str(DASHBOARD), default_timeout=60).run()
        assert not dashboard.exception
        page = dashboard.switch_page("../pages/introduction.py").run()
        assert not page.exception
        return page

    st.cache_resource.clear()
    st.cache_data.clear()
    yield introduction
    app.components.server_state.opened().cache.close()
    st.cache_resource.clear()
    st.cache_data.clear()


def told(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.info, *page.success, *page.warning))


def pictures(page: AppTest) -> dict[str, dict]:
    charts = page.get("plotly_chart")
    return {chart.proto.id.rsplit("-", 1)[-1]: json.loads(chart.proto.spec) for chart in charts}


def title(figure: dict) -> str:
    return figure["layout"]["title"]["text"].replace("<br>", " ")


def test_both_sets_are_told_from_data_to_verdict(opened):
    page = opened()

    assert [header.value for header in page.header] == STEPS
    assert not page.warning
    shown = pictures(page)
    assert set(shown) == PICTURES
    assert "70 labels are flipped" in title(shown["data_separable"])
    assert title(shown["vectors_separable"]).startswith("70 samples harm both blue and orange")
    assert "70 of the 70 flipped ones" in title(shown["regions_separable"])
    assert "No sample harms both classes; 700 of 700" in title(shown["regions_frontier"])
    assert [verdict.value.partition(":")[0] for verdict in page.success] == ["**Room to improve"]
    assert "**At the ceiling:**" in told(page)
    metrics = [(metric.label, metric.value) for metric in page.metric]
    assert metrics[0] == ("Harm both classes", "70 samples")
    assert metrics[2] == ("Harm both classes", "0 samples")
    assert float(metrics[3][1]) < -0.95


def test_the_line_of_the_model_is_drawn(opened):
    traces = [trace["name"] for trace in pictures(opened())["data_frontier"]["data"]]

    assert traces == ["blue", "orange", "the model's line"]


def test_where_no_removal_is_stored_the_story_has_no_such_step(opened):
    page = opened()

    assert "round by round" not in told(page)
    assert "removal" not in pictures(page)


def test_a_stored_removal_is_told_round_by_round(opened, samples):
    run = samples / "separable" / "runs" / "climb"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({**CLIMB, "key": "climb"}))

    page = opened()

    assert not any("climb" in code.value for code in page.code)
    assert "70 samples" in title(pictures(page)["removal"])
    words = told(page)
    assert "**Round 0**: trained on 600 samples, 70 of which harm both classes" in words
    assert "is 0.17. 70 removed." in words
    assert "**Round 1**: trained on 530 samples, 0 of which harm both classes" in words
    assert "is 0.005.\n" in words
    assert "No sample harms every class any more." in words


def test_the_removal_that_the_climb_makes_is_told_between_verdict_and_the_way_on(opened, samples, run_use_case):
    store = Store(samples / "climbs")
    run_use_case("climb", samples / "separable", store, how="remove")
    (climb,) = store.finished_runs()
    shutil.copytree(climb.path, samples / "separable" / "runs" / climb.key, ignore=shutil.ignore_patterns(".*"))

    page = opened()

    assert [header.value for header in page.header] == [*STEPS[:4], "5. Removing what harms, round by round", STEPS[4]]
    assert app.components.server_state.opened().cache.refused == {}
    assert "70 samples" in title(pictures(page)["removal"])
    words = told(page)
    assert "**Round 0**: trained on 600 samples, 70 of which harm both classes" in words
    assert "70 removed." in words
    assert "After round 1 no training sample harms every class any more." in words


@pytest.mark.parametrize("lost", ["study.toml", "runs", "train.csv", "checkpoints"])
def test_a_set_that_is_not_shipped_costs_its_own_pictures_only(opened, samples, lost):
    path = samples / "frontier" / lost
    path.unlink() if path.is_file() else shutil.rmtree(path)

    page = opened()

    assert "`frontier`" in page.warning[0].value
    assert "`separable`" not in page.warning[0].value
    assert set(pictures(page)) == {name for name in PICTURES if name.endswith("separable")}
    assert [header.value for header in page.header] == STEPS


def test_a_button_opens_one_of_the_sets_on_the_first_page(opened, samples):
    page = opened()
    assert page.button("open_digits").disabled

    page.button("open_separable").click().run()

    assert [found.value for found in page.title] == ["Has the classifier reached its ceiling?"]
    assert page.session_state["view"]["study"] == str(samples / "separable" / "study.toml")
    assert "**Room to improve:**" in told(page)


def test_who_has_no_study_open_is_shown_the_way(opened, samples):
    for kind in ("separable", "frontier"):
        shutil.rmtree(samples / kind)
    dashboard = AppTest.from_file(str(DASHBOARD), default_timeout=60).run()

    (way,) = [button for button in dashboard.button if "introduction" in button.label]
    page = way.click().run()

    assert not page.exception
    assert [header.value for header in page.header] == STEPS
    assert "`separable` and `frontier`" in page.warning[0].value
