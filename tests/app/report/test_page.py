"""The file as a reader gets it: what it says, and that nothing in it runs or shows but what it was made of."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from app.report import findings_of, report_page
from app.report.page import figure_data
from cache.store import Store
from engine.study import load_study
from tests.app.detrimental_epoch import add_detrimental_epoch

MADE = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
EVIL = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "\"> & 'quotes'", "{{ 7 * 7 }}", "<!--"]


class Page(HTMLParser):
    """The tags, the text and the figures of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.figures: list[dict] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = "figure" if dict(attrs).get("type") == "application/json" else tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "figure":
            self.figures.append(json.loads(data))
        elif self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def having(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [have for known, have in self.tags if known == tag and attributes.items() <= have.items()]


@pytest.fixture(scope="module")
def findings(trained_digits, finished_store):
    return findings_of(trained_digits, load_study(trained_digits), finished_store, {})


@pytest.fixture(scope="module")
def page(findings) -> Page:
    return Page(report_page(findings, MADE))


def test_the_page_begins_with_verdict_date_and_contents(page, findings):
    assert findings.ceiling["sentence"] in page.text
    assert "report of 2026-02-03 04:05 UTC" in page.text
    assert "small digits: has the classifier reached its ceiling?" in page.text
    links = [have["href"] for have in page.having("a")]
    assert links == [f"#section-{number}" for number in range(1, len(links) + 1)]
    assert {have.get("id") for have in page.having("h2")} == {link[1:] for link in links}


def test_every_figure_has_its_data_a_place_and_a_text_for_who_does_not_see_it(page):
    places = page.having("div", **{"class": "chart"})

    assert [have["data-figure"] for have in places] == [f"figure-{number}" for number in range(6)]
    assert len(page.figures) == 6
    assert [have["aria-label"] for have in places] == [figure["layout"]["meta"]["alt"] for figure in page.figures]
    titles = " ".join(figure["layout"]["title"]["text"].replace("<br>", " ") for figure in page.figures)
    for part in ("The weakest class is", "on unseen data", "Most opposed", "first direction", "Candidate", "control"):
        assert part.lower() in titles.lower()


def test_the_library_of_the_figures_is_there_once_and_nothing_is_fetched(page):
    assert page.scripts[0] == get_plotlyjs()
    assert len(page.scripts) == 2
    assert not [have for _, have in page.tags if "src" in have]
    assert not page.having("link")
    (policy,) = page.having("meta", **{"http-equiv": "Content-Security-Policy"})
    assert "default-src 'none'; script-src 'sha256-" in str(policy["content"])
    assert "unsafe-inline" not in str(policy["content"]).partition("script-src")[2].partition(";")[0]


def test_settings_environment_runs_commands_and_size_are_told(page, findings, trained_digits):
    study = trained_digits / "study.toml"
    assert 'architecture = "mlp"' in page.text
    for run in (findings.influence, *findings.searches):
        assert run.key in page.text
    assert "torch" in page.text
    for command in (
        f"ceiling {study}",
        f"samples {study} --sign harmful --limit 20",
        f"probe {study}",
        f"reweight {study} --epoch 4 --setting direct_improvement --targets one,eight --slack 0.5 --iterations 2",
        f"export {study} --out FOLDER",
    ):
        assert f"python -m app {command}" in page.text
    assert "about 4.9 MB, 4.8 MB of them the library" in page.text


def test_the_search_is_told_with_before_and_after(page, findings):
    result = findings.searches[0].manifest()
    assert result["sentence"] in page.text
    assert "★ one" in page.text
    assert f"{result['control']['test'][1]:.1%}" in page.text
    (frontier,) = [figure for figure in page.figures if "Pareto frontier" in figure["layout"]["meta"]["alt"]]
    assert {"predicted", "chosen"} <= {trace["name"] for trace in frontier["data"]}


def test_a_search_of_other_settings_has_no_command(findings):
    study = findings.study.with_changes(reweight={"weight_bounds": (0.25, 1.5)})

    text = Page(report_page(replace(findings, study=study))).text

    assert "The study file has other settings now than this search had." in text
    assert "app reweight" not in text


def test_epochs_corrections_climbs_and_all_classes_have_sections(digits, digits_store, run_use_case):
    add_detrimental_epoch(digits)
    run_use_case("ceiling", digits, digits_store)
    told = [
        run_use_case("ceiling", digits, digits_store, classes=["one", "two"]),
        run_use_case("reweight", digits, digits_store, setting="all_classes"),
        run_use_case("reweight", digits, digits_store, setting="course_correction", epoch=4, targets=["zero", "six"]),
        run_use_case("climb", digits, digits_store, rounds=2),
    ]
    run_use_case("epochs", digits, digits_store)

    page = Page(report_page(findings_of(digits, load_study(digits), digits_store, {})))

    for result in told:
        assert result["sentence"] in page.text
    assert "Epoch 5 cost zero 100.0 points, six 91.7 points." in page.text
    assert "Epoch 5 corrected" in page.text
    assert "--classes one,two" in page.text
    assert "--setting course_correction --targets zero,six" in page.text
    assert "--how reweight --rounds 2" in page.text
    assert len(page.figures) == 9
    assert "click" not in " ".join(figure["layout"]["meta"]["alt"] for figure in page.figures)


@pytest.fixture(scope="module")
def evil_page(tmp_path_factory, trained_digits, finished_store) -> Page:
    """Of a study whose class names and sources try to become markup."""
    import shutil

    import pyarrow as pa
    import pyarrow.parquet as pq

    store = Store(shutil.copytree(finished_store.root, tmp_path_factory.mktemp("evil") / "store"))
    names = [*EVIL, *(f"{name} again" for name in EVIL)]
    renamed = dict(zip(json.loads(json.dumps(store.finished_runs()[0].manifest()["class_names"])), names, strict=True))
    for run in store.finished_runs():
        manifest = run.manifest()
        text = json.dumps(manifest)
        for old, new in renamed.items():
            text = text.replace(json.dumps(old), json.dumps(new)).replace(f" {old} ", f" {json.dumps(new)[1:-1]} ")
        (run.path / "run.json").write_text(text)
    findings = findings_of(trained_digits, load_study(trained_digits), store, {})
    samples = findings.samples()
    sources = pa.array([EVIL[0]] * len(samples), pa.string())
    pq.write_table(samples.set_column(2, "source", sources), findings.influence.path / "samples.parquet")
    return Page(report_page(replace(findings, text=f"# {EVIL[0]}")))


def test_names_that_try_to_become_markup_stay_text(evil_page, page):
    assert len(evil_page.scripts) == 2
    assert not evil_page.having("img")
    for name in EVIL:
        assert name in evil_page.text
    assert [tag for tag, _ in evil_page.tags if tag == "script"] == [tag for tag, _ in page.tags if tag == "script"]
    assert len(evil_page.figures) == len(page.figures), "no figure's data ended early"
    told = [figure["layout"].pop("meta") for figure in evil_page.figures]
    assert any("<" in meta["alt"] for meta in told), "it is read aloud, and not drawn"
    assert not any("&lt;" in meta["alt"] for meta in told)
    labels = json.dumps(evil_page.figures)
    assert "&lt;/script&gt;" in labels
    assert "<script" not in labels, "the library reads a part of HTML in its labels"


def test_the_data_of_a_figure_hold_nothing_that_html_would_read():
    name = "</script><!--&\u2028"
    figure = go.Figure(go.Bar(x=[1], y=[name]), {"title": {"text": name}})

    data = figure_data(figure)

    assert not set("<>&\u2028") & set(data)
    assert json.loads(data)["layout"]["title"]["text"] == name
