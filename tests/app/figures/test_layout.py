import html
import json
from collections.abc import Callable

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from app.figures import empty_figure
from app.figures.layout import SUBTITLE_WIDTH, TITLE_WIDTH, class_axis, lay_out, wrapped

MakeFigure = Callable[[], go.Figure]
UNITS = ("%", "points", "loss", "higher =", "number")


def as_drawn(figure: go.Figure) -> dict:
    return json.loads(figure.to_json())


def test_every_figure_has_a_sentence_as_title_that_fits_half_a_page(figure: go.Figure) -> None:
    lines = figure.layout.title.text.split("<br>")

    assert len(figure.layout.title.text.split()) >= 5
    assert max(len(line) for line in lines) <= TITLE_WIDTH
    assert max(len(line) for line in figure.layout.title.subtitle.text.split("<br>")) <= SUBTITLE_WIDTH


def test_every_figure_leaves_room_for_its_title_subtitle_and_legend(figure: go.Figure) -> None:
    title, subtitle = figure.layout.title.text, figure.layout.title.subtitle.text
    lines = 16 * (title.count("<br>") + 1) + (13 * (subtitle.count("<br>") + 1) if subtitle else 0)
    legend = 20 if figure.layout.showlegend else 0

    assert figure.layout.margin.t >= 1.3 * lines + legend
    assert figure.layout.height - figure.layout.margin.t >= 150


def test_every_figure_says_in_its_alternative_text_what_its_title_says(figure: go.Figure) -> None:
    alternative = figure.layout.meta["alt"]

    assert html.unescape(figure.layout.title.text.replace("<br>", " ")) in alternative
    assert len(alternative) > len(figure.layout.title.text)


def test_every_figure_takes_its_colours_of_text_and_page_from_the_theme(figure: go.Figure) -> None:
    drawn = as_drawn(figure)["layout"]
    fonts: list[dict] = []

    def collect(node: object) -> None:
        if isinstance(node, dict):
            fonts.extend(value for key, value in node.items() if key.endswith("font") and isinstance(value, dict))
            for value in node.values():
                collect(value)
        if isinstance(node, list):
            for value in node:
                collect(value)

    collect(drawn)
    assert fonts
    assert all("color" not in font for font in fonts)
    assert drawn["paper_bgcolor"] == drawn["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert "layout" not in drawn["template"]


def test_every_axis_grows_for_long_names_and_writes_its_unit(figure: go.Figure) -> None:
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    titles = [axis.title.text for axis in axes if axis.title.text]
    if figure.data[0].type == "heatmap":
        titles = [figure.data[0].colorbar.title.text]

    assert all(axis.automargin for axis in axes)
    assert titles
    assert all(any(unit in title for unit in (*UNITS, "−1 to +1")) for title in titles)


def test_clickable_points_carry_their_numbers_as_nested_lists_or_packed(figure: go.Figure) -> None:
    drawn = as_drawn(figure)["data"]
    carried = [trace["customdata"] for trace in drawn if "customdata" in trace]

    for data in carried:
        if isinstance(data, dict):
            # Of large figures: one number a point, which the browser unpacks.
            assert set(data) <= {"dtype", "bdata", "shape"}
            continue
        assert all(isinstance(row, list) and all(type(value) is int for value in row) for row in data)


def test_a_figure_depends_on_its_arguments_only(make_figure: MakeFigure, monkeypatch: pytest.MonkeyPatch) -> None:
    before = as_drawn(make_figure())
    monkeypatch.setattr(pio.templates, "default", "plotly_dark")

    assert as_drawn(make_figure()) == before


def test_hover_text_is_words_without_the_trace_box(figure: go.Figure) -> None:
    traces = [trace for trace in figure.data if trace.hoverinfo != "skip"]

    assert traces
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in traces)


def test_alternative_text_is_read_aloud_and_so_has_no_markup() -> None:
    figure = lay_out(go.Figure(), title="", alt="R&amp;D and &lt;b&gt;<br>lose 3%, R&amp;amp;D gains.", height=200)

    assert figure.layout.meta["alt"] == "R&D and <b> lose 3%, R&amp;D gains."


def test_an_empty_figure_says_its_sentence_on_screen_and_to_screen_readers() -> None:
    figure = empty_figure("No sample lies in this selection.")

    assert figure.layout.annotations[0].text == "No sample lies in this selection."
    assert figure.layout.meta["alt"] == "No sample lies in this selection."
    assert figure.layout.xaxis.visible is figure.layout.yaxis.visible is False


def test_a_long_title_is_broken_between_words_and_gets_more_room() -> None:
    short = lay_out(go.Figure(), title="All is well here today", alt="", height=200)
    long = lay_out(go.Figure(), title="All is well here today " * 8, alt="", height=200)

    assert "<br>" in long.layout.title.text
    assert long.layout.margin.t > short.layout.margin.t
    assert long.layout.height - long.layout.margin.t == short.layout.height - short.layout.margin.t
    assert wrapped("one-hyphen and averyverylongword", 8) == ["one-hyphen", "and", "averyverylongword"]


def test_a_legend_that_wraps_on_half_a_page_gets_a_second_row() -> None:
    def room(names: list[str]) -> int:
        figure = go.Figure([go.Scatter(x=[0], y=[0], name=name) for name in names])
        return lay_out(figure, title="A title", alt="", height=200, legend=True).layout.margin.t

    assert room(["predicted", "trained", "class weights", "chosen"]) == room(["a", "b"]) + 20


def test_rows_of_classes_named_alike_or_by_numbers_stay_apart() -> None:
    figure = go.Figure(go.Bar(x=[1, 2, 3], y=[0, 1, 2], orientation="h"))
    class_axis(figure, ("1", "1", "<b>"), [2, 0, 1], targets=(0,))

    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert list(figure.layout.yaxis.ticktext) == ["&lt;b&gt;", "★ 1", "1"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
