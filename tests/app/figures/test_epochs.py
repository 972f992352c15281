import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures import accuracy_over_epochs
from app.figures.palette import LOSS
from tests.app.figures.conftest import over_epochs

NAMES = ["cat", "dog <b>", "bird", "frog", "horse"]
COST = {"epoch": 16, "classes": [4, 1], "drops": [0.048, 0.036]}
MILD = {"epoch": 9, "classes": [1], "drops": [0.02]}


def drawn(*detrimental: dict, classes: int = 5, split: str = "validation") -> go.Figure:
    names = NAMES[:classes] if classes <= len(NAMES) else [f"class {k}" for k in range(classes)]
    return accuracy_over_epochs(names, range(1, 17), over_epochs(classes), detrimental, split)


def title(figure: go.Figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


def lines(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def end_names(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def test_every_class_has_its_line_over_the_epochs():
    figure = drawn()

    (worst,) = lines(figure, "cat")
    assert list(worst.x) == list(range(1, 17))
    assert list(worst.y) == pytest.approx(100 * over_epochs(5)[:, 0])
    assert [trace.hovertemplate.split(",")[1].split(":")[0] for trace in lines(figure, "other classes")] == [
        " frog",
        " horse",
    ]
    assert "dog &lt;b&gt;" in lines(figure, "dog &lt;b&gt;")[0].hovertemplate
    assert figure.layout.yaxis.title.text == "accuracy on validation (%)"
    assert drawn(split="test").layout.yaxis.title.text == "accuracy on test (%)"


def test_the_three_weakest_classes_at_the_end_are_strong_told_apart_without_hue_and_named():
    figure = drawn()

    strong = [lines(figure, name)[0] for name in ("cat", "dog &lt;b&gt;", "bird")]
    assert len({trace.line.dash for trace in strong}) == len({trace.marker.symbol for trace in strong}) == 3
    assert min(trace.line.width for trace in strong) > 2
    assert {trace.line.width for trace in lines(figure, "other classes")} == {1}
    assert end_names(figure) == ["● cat", "■ dog &lt;b&gt;", "◆ bird"]


def test_names_of_lines_that_end_together_do_not_lie_on_each_other():
    accuracy = np.tile([[0.5, 0.501, 0.502, 0.9]], (4, 1))
    figure = accuracy_over_epochs(["a", "b", "c", "d"], [1, 2, 3, 4], accuracy)

    heights = [note.y for note in figure.layout.annotations]
    low, high = figure.layout.yaxis.range
    assert min(np.diff(heights)) >= 0.049 * (high - low)
    assert np.mean(heights) == pytest.approx(50.1)
    assert figure.layout.xaxis.range[1] > 4


def test_of_many_classes_the_worst_20_and_those_that_an_epoch_cost_something_are_drawn():
    figure = drawn({"epoch": 9, "classes": [39], "drops": [0.1]}, classes=40)

    assert len(figure.data) == 21 + 3
    assert lines(figure, "other classes")[-1].hovertemplate.startswith("epoch %{x}, class 39:")
    assert "Shown: 21 of 40 classes" in figure.layout.title.subtitle.text.replace("<br>", " ")
    assert "Shown" not in drawn().layout.title.subtitle.text


def test_a_detrimental_epoch_is_marked_at_the_classes_it_cost_and_a_click_tells_the_epoch():
    figure = drawn(COST, MILD)

    (marks,), (clicked,) = lines(figure, "detrimental epoch"), lines(figure, "chosen by a click")
    values = 100 * over_epochs(5)
    assert [list(row) for row in clicked.customdata] == [[16], [16], [9]]
    assert list(marks.x) == [16, 16, 9]
    assert list(marks.y) == pytest.approx([values[15, 4], values[15, 1], values[8, 1]])
    assert (marks.marker.color, marks.marker.symbol) == (LOSS.colour, LOSS.symbol)
    assert (list(clicked.x), list(clicked.y)) == (list(marks.x), list(marks.y))
    assert clicked.hovertext[0] == clicked.hovertext[1]
    assert "Epoch 16 cost<br>horse 4.8 points,<br>dog &lt;b&gt; 3.6 points" in clicked.hovertext[0]
    assert "dog &lt;b&gt; 2.0 points" in clicked.hovertext[2]
    assert [shape.x0 for shape in figure.layout.shapes] == [16, 9]
    assert all(trace.customdata is None for trace in figure.data if trace.name != "chosen by a click")


def test_what_a_class_lost_is_drawn_from_the_epoch_before():
    (fall,) = [trace for trace in drawn(COST).data if trace.name == ""]

    values = 100 * over_epochs(5)
    assert list(fall.x) == [15, 16, None, 15, 16, None]
    assert list(fall.y[:2]) == pytest.approx([values[14, 4], values[15, 4]])
    assert fall.hoverinfo == "skip"


def test_a_click_goes_to_the_epoch_and_not_to_the_line_below_its_mark():
    figure = drawn(COST)

    # Plotly takes the smallest mark of those in one place, and of these the last.
    (clicked,) = lines(figure, "chosen by a click")
    hovered = [trace for trace in figure.data if trace.hoverinfo != "skip"]
    assert hovered[-1] is clicked
    assert clicked.marker.size <= min(trace.marker.size or 6 for trace in hovered)


def test_a_click_dims_nothing():
    for trace in drawn(COST).data:
        if trace.mode != "lines":
            shown = 1 if trace.marker.opacity is None else trace.marker.opacity
            assert trace.unselected.marker.opacity == trace.selected.marker.opacity == shown


def test_the_title_says_what_was_found():
    assert title(drawn()) == "No epoch cost a class more than noise; the weakest class is cat at 49.1%"
    assert title(drawn(COST)) == "Epoch 16 cost horse and dog &lt;b&gt; more than noise"
    assert title(drawn(COST, MILD)) == (
        "2 epochs cost some class more than noise; epoch 16 was the worst, for horse and dog &lt;b&gt;"
    )


def test_who_does_not_see_the_figure_is_told_every_cost():
    told = drawn(COST, MILD).layout.meta["alt"]

    assert "Lines of accuracy on validation per class over 16 checkpoints" in told
    assert "Epoch 16 cost horse 4.8 points, dog <b> 3.6 points. Epoch 9 cost dog <b> 2.0 points." in told


def test_a_class_without_samples_is_left_out():
    accuracy = over_epochs(5)
    accuracy[:, 0] = np.nan

    figure = accuracy_over_epochs(NAMES, range(1, 17), accuracy)

    assert not lines(figure, "cat")
    assert end_names(figure)[0] == "● dog &lt;b&gt;"


def test_ticks_are_whole_epochs_that_there_were():
    assert list(drawn().layout.xaxis.tickvals) == list(range(1, 17, 2))
    few = accuracy_over_epochs(NAMES, [3, 4], over_epochs(5, 2))
    assert list(few.layout.xaxis.tickvals) == [3, 4]


def test_no_accuracy_is_a_sentence():
    assert "No checkpoint" in accuracy_over_epochs(NAMES, [], np.empty((0, 5))).layout.meta["alt"]


def test_where_a_click_does_nothing_none_is_asked_for():
    accuracy = over_epochs(5)

    still = accuracy_over_epochs(NAMES, range(1, 17), accuracy, [COST], clickable=False)

    assert "click" in drawn(COST).layout.title.subtitle.text
    assert "click" not in still.layout.title.subtitle.text
    assert "more than noise." in still.layout.title.subtitle.text.replace("<br>", " ")
