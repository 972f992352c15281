import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures import AFTER, BEFORE, CONTROL, before_after
from app.figures.before_after import MEAN_LOSS
from app.figures.palette import GAIN, LOSS, UNCLEAR

NAMES = ("cat", "dog", "ship")
BEFORE_, AFTER_, CONTROL_ = (0.6, 0.5, 0.9), (0.66, 0.58, 0.88), (0.62, 0.55, 0.9)
INTERVALS = ((0.01, 0.07), (-0.01, 0.07), (-0.04, -0.001))


@settings(max_examples=20)
@given(arrays(np.float64, st.tuples(st.just(3), st.integers(2, 45)), elements=st.floats(0, 1)))
def test_each_point_carries_the_class_that_it_shows_worst_before_first(accuracies: np.ndarray) -> None:
    before, after, control = accuracies
    names = [f"class {index}" for index in range(len(before))]
    interval = np.stack([after - control - 0.1, after - control + 0.1], axis=1)
    figure = before_after(names, before, after, control, interval)
    rows = figure.layout.yaxis.ticktext

    for trace, values in zip(figure.data[1:4], (before, control, after), strict=True):
        order = [index for (index,) in trace.customdata]
        assert list(trace.x) == pytest.approx(100 * values[order])
        assert [names[index] for index in order] == list(rows)
        assert (np.diff(before[order]) >= 0).all()
    for trace in figure.data[4:]:
        for position, (index,) in enumerate(trace.customdata):
            assert trace.x[position] == pytest.approx(100 * (after - control)[index])
            assert rows[trace.y[position]] == names[index]


def test_before_control_and_after_have_their_colour_and_shape() -> None:
    figure = before_after(NAMES, BEFORE_, AFTER_, CONTROL_, INTERVALS)

    assert [(t.name, t.marker.color, t.marker.symbol) for t in figure.data[1:4]] == [
        (meaning.words, meaning.colour, meaning.symbol) for meaning in (BEFORE, CONTROL, AFTER)
    ]
    assert [trace.name for trace in figure.data[4:]] == [GAIN.words, UNCLEAR.words, LOSS.words]
    assert all(trace.xaxis == "x2" for trace in figure.data[4:])


def test_a_line_joins_control_and_after_of_each_class_and_takes_no_click() -> None:
    joined = before_after(NAMES, BEFORE_, AFTER_, CONTROL_, INTERVALS).data[0]

    assert joined.x[:3] == pytest.approx((55, 58, None))
    assert joined.y[:3] == (0, 0, None), "the worst before, dog, is the first row"
    assert joined.hoverinfo == "skip"
    assert not joined.showlegend


def test_the_change_is_after_less_control_in_points_with_its_interval() -> None:
    gain = before_after(NAMES, BEFORE_, AFTER_, CONTROL_, INTERVALS).data[4]

    assert list(gain.x) == pytest.approx([4])
    assert gain.x[0] + gain.error_x.array[0] == pytest.approx(7)
    assert gain.hovertext == ("<b>cat</b> gains<br>+4.0 points, 95% interval +1.0 to +7.0 points",)


def test_the_mean_change_of_several_trainings_is_drawn_where_it_is_given() -> None:
    figure = before_after(NAMES, BEFORE_, AFTER_, CONTROL_, INTERVALS, (0,), [0.05, 0.0, -0.03])
    drawn = {row[0]: x for trace in figure.data[4:] for row, x in zip(trace.customdata, trace.x, strict=True)}

    assert drawn == pytest.approx({0: 5, 1: 0, 2: -3})
    assert "cat changes by +5.0 points" in figure.layout.title.text.replace("<br>", " ")


def test_the_title_compares_with_the_control() -> None:
    def title(targets: tuple[int, ...]) -> str:
        figure = before_after(NAMES, BEFORE_, AFTER_, CONTROL_, INTERVALS, targets)
        return figure.layout.title.text.replace("<br>", " ")

    assert title((0, 1)) == (
        "Against the control cat and dog change by +3.5 points on average, the worst other class, ship, by −2.0 points"
    )
    assert title((0,)).startswith("Against the control cat changes by +4.0 points, ")
    assert title(()) == "Against the control the worst class, ship, by −2.0 points"


def test_targets_carry_a_star_and_stay_among_many_classes() -> None:
    accuracy = np.linspace(0.9, 0.1, 40)
    names = [f"class {index}" for index in range(40)]
    figure = before_after(names, accuracy, accuracy, accuracy, np.zeros((40, 2)), (0,))

    assert figure.layout.yaxis.ticktext[-1] == "★ class 0"
    assert len(figure.layout.yaxis.ticktext) == 21
    assert "21 of 40 classes" in figure.layout.title.subtitle.text


def test_without_an_improved_model_it_says_so() -> None:
    assert "No improved model" in before_after((), (), (), (), ()).layout.meta["alt"]


def losses(changes: tuple[float, ...] = (-0.1, -0.02, 0.05)) -> go.Figure:
    intervals = [(change - 0.03, change + 0.03) for change in changes]
    return before_after(
        NAMES, (0.2, 0.9, 0.5), (0.1, 0.8, 0.6), (0.2, 0.85, 0.5), intervals, changes=changes, measure=MEAN_LOSS
    )


def test_losses_are_drawn_in_nats_with_the_largest_on_top() -> None:
    figure = losses()

    assert list(figure.layout.yaxis.ticktext) == ["dog", "ship", "cat"]
    assert list(figure.data[3].x) == [0.8, 0.6, 0.1]
    assert figure.data[3].hovertext[0] == "<b>dog</b>, after: 0.800"
    assert figure.layout.xaxis.title.text == "mean loss (nats)"
    assert figure.layout.meta["alt"].startswith("Mean loss per class before, after and of the control.")


def test_a_loss_that_falls_is_drawn_as_a_gain_with_its_interval_turned_round() -> None:
    drawn = {trace.name: trace for trace in losses().data[4:]}

    assert {name: [k for (k,) in trace.customdata] for name, trace in drawn.items()} == {
        GAIN.words: [0],
        UNCLEAR.words: [1],
        LOSS.words: [2],
    }
    assert list(drawn[GAIN.words].x) == pytest.approx([0.1])
    assert drawn[GAIN.words].hovertext == ("<b>cat</b> gains<br>+0.100 nats, 95% interval +0.070 to +0.130 nats",)


def test_the_title_of_losses_counts_those_that_fall_and_names_the_last() -> None:
    def title(figure: go.Figure) -> str:
        return figure.layout.title.text.replace("<br>", " ")

    assert title(losses()) == ("The loss of 2 of 3 classes falls against the control; ship does worst, by +0.050 nats")
    assert title(losses((-0.1, -0.02, np.nan))) == (
        "The loss of 2 of 2 classes falls against the control; dog falls least, by −0.020 nats"
    )
