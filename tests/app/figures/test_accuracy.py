import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures import OTHER, TARGET, accuracy_bars


@settings(max_examples=20)
@given(arrays(np.float64, st.integers(2, 45), elements=st.floats(0, 1)))
def test_each_bar_carries_the_class_that_it_shows(accuracy: np.ndarray) -> None:
    names = [f"class {index}" for index in range(len(accuracy))]
    figure = accuracy_bars(names, accuracy)
    bars, labels = figure.data[0], figure.layout.yaxis.ticktext

    assert len(bars.x) == len(bars.customdata) == len(labels)
    for row, (index,) in enumerate(bars.customdata):
        assert bars.x[row] == pytest.approx(100 * accuracy[index])
        assert labels[row] == names[index]
        assert f"<b>{names[index]}</b>" in bars.hovertext[row]


def test_the_worst_class_is_on_top() -> None:
    figure = accuracy_bars(("cat", "dog", "ship"), (0.7, 0.5, 0.9))

    assert list(figure.layout.yaxis.ticktext) == ["dog", "cat", "ship"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "row 0 is on top"
    assert (
        figure.layout.title.text.replace("<br>", " ")
        == "The weakest class is dog at 50.0%, the strongest ship at 90.0%"
    )


def test_bars_say_of_how_many_samples() -> None:
    figure = accuracy_bars(("cat", "dog"), (0.7, 0.5), counts=(1200, 4))

    assert list(figure.data[0].text) == ["50.0% of 4", "70.0% of 1,200"]
    assert "70.0% of 1,200 samples classified rightly" in figure.data[0].hovertext[1]


def test_targets_are_told_by_colour_and_by_a_star() -> None:
    figure = accuracy_bars(("cat", "dog"), (0.7, 0.5), targets=(0,))

    assert list(figure.data[0].marker.color) == [OTHER.colour, TARGET.colour]
    assert list(figure.layout.yaxis.ticktext) == ["dog", "★ cat"]


def test_a_class_without_samples_is_last_and_said_so() -> None:
    figure = accuracy_bars(("cat", "dog"), (np.nan, 0.5), counts=(0, 10))

    assert figure.data[0].text[1] == "no samples"
    assert [row[0] for row in figure.data[0].customdata] == [1, 0]
    assert "cat" not in figure.layout.title.text


def test_of_40_classes_the_worst_20_are_drawn_and_it_says_so() -> None:
    figure = accuracy_bars([f"class {index}" for index in range(40)], np.linspace(0.9, 0.3, 40), targets=(0,))

    assert [row[0] for row in figure.data[0].customdata] == [*range(39, 19, -1), 0]
    assert "21 of 40 classes" in figure.layout.title.subtitle.text
    assert "21 of 40 classes" in figure.layout.meta["alt"]


def test_a_click_dims_no_bar() -> None:
    bars = accuracy_bars(("cat", "dog"), (0.7, 0.5)).data[0]

    assert bars.selected.marker.opacity == bars.unselected.marker.opacity == 1


def test_without_an_evaluation_it_says_so() -> None:
    for accuracy in ((), (np.nan, np.nan)):
        assert "No class has been evaluated" in accuracy_bars(("a", "b")[: len(accuracy)], accuracy).layout.meta["alt"]
