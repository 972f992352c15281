import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures import held_out_gains
from app.figures.intervals import reading
from app.figures.palette import GAIN, LOSS, UNCLEAR
from engine.judged_by import WORDS, Measurement

NAMES = ("cat", "dog", "ship")
GAINS = (2.0, -3.0, 0.5)
INTERVALS = ((1.0, 3.0), (-4.0, -2.0), (-0.5, 1.5))


def test_an_interval_is_read_by_what_it_excludes() -> None:
    assert [reading(np.array(interval)) for interval in INTERVALS] == [GAIN, LOSS, UNCLEAR]
    assert reading(np.array([np.nan, np.nan])) is UNCLEAR
    assert reading(np.array([0.0, 1.0])) is UNCLEAR


def test_each_reading_is_a_trace_with_its_own_colour_and_shape() -> None:
    traces = held_out_gains(NAMES, GAINS, INTERVALS).data

    assert [(trace.name, trace.marker.color, trace.marker.symbol) for trace in traces] == [
        (meaning.words, meaning.colour, meaning.symbol) for meaning in (GAIN, UNCLEAR, LOSS)
    ]


@settings(max_examples=20)
@given(arrays(np.float64, st.integers(2, 45), elements=st.floats(-5, 5)))
def test_each_dot_carries_its_class_and_its_interval(gains: np.ndarray) -> None:
    names = [f"class {index}" for index in range(len(gains))]
    intervals = np.stack([gains - 1, gains + 2], axis=1)
    figure = held_out_gains(names, gains, intervals)
    labels, drawn = figure.layout.yaxis.ticktext, 0

    for trace in figure.data:
        for position, (index,) in enumerate(trace.customdata):
            drawn += 1
            assert trace.x[position] == gains[index]
            assert labels[trace.y[position]] == names[index]
            assert trace.x[position] - trace.error_x.arrayminus[position] == pytest.approx(intervals[index, 0])
            assert trace.x[position] + trace.error_x.array[position] == pytest.approx(intervals[index, 1])
    assert drawn == len(labels)


def test_the_weakest_is_on_top_unless_an_order_is_given() -> None:
    assert list(held_out_gains(NAMES, GAINS, INTERVALS).layout.yaxis.ticktext) == ["dog", "ship", "cat"]
    assert list(held_out_gains(NAMES, GAINS, INTERVALS, order=(2, 0, 1)).layout.yaxis.ticktext) == [
        "ship",
        "cat",
        "dog",
    ]


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        (INTERVALS, "1 of 3 classes clearly gain and 1 clearly lose"),
        (((1, 3), (1, 3), (1, 3)), "Every class gains on unseen data"),
        (((-1, 3), (-4, 3), (-1, 3)), "no class clearly gains or loses"),
    ],
)
def test_the_title_says_what_the_intervals_allow(intervals: tuple, said: str) -> None:
    title = held_out_gains(NAMES, GAINS, intervals).layout.title.text.replace("<br>", " ")

    assert said in title
    assert "the weakest is dog (−3.0%)" in title


def test_zero_is_a_line() -> None:
    assert [(line.x0, line.x1) for line in held_out_gains(NAMES, GAINS, INTERVALS).layout.shapes] == [(0, 0)]


def test_a_class_with_too_few_samples_says_so_on_hover() -> None:
    figure = held_out_gains(NAMES, (2.0, np.nan, 1.0), ((1, 3), (np.nan, np.nan), (0.5, 1.5)))
    unclear = next(trace for trace in figure.data if trace.name == UNCLEAR.words)

    assert unclear.hovertext == ("<b>dog</b><br>too few samples to say",)


def test_without_gains_it_says_so() -> None:
    assert "No held-out gain is known" in held_out_gains((), (), ()).layout.meta["alt"]


@pytest.mark.parametrize("measurement", WORDS)
def test_gains_are_told_in_per_cent_of_what_the_classes_are_judged_by(measurement: Measurement) -> None:
    figure = held_out_gains(NAMES, GAINS, INTERVALS, measurement=measurement)

    title = f"gain on unseen data<br>(% of the class's {WORDS[measurement].scale}; higher = better)"
    assert figure.layout.xaxis.title.text == title
