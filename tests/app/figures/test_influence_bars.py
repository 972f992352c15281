import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures import JOINT_NEGATIVE, JOINT_POSITIVE, influence_of_sample
from engine.judged_by import WORDS, Measurement


@settings(max_examples=20)
@given(arrays(np.float64, st.integers(2, 45), elements=st.floats(-5, 5)), st.integers(0, 1))
def test_each_bar_carries_the_class_that_it_shows_most_harmed_first(vector: np.ndarray, own: int) -> None:
    names = [f"class {index}" for index in range(len(vector))]
    figure = influence_of_sample(names, vector, own)
    bars = figure.data[0]
    order, labels = [index for (index,) in bars.customdata], figure.layout.yaxis.ticktext

    assert (np.diff(bars.x) >= 0).all()
    assert own in order
    for row, index in enumerate(order):
        assert bars.x[row] == vector[index]
        expected = f"{names[index]} (its label)" if index == own else names[index]
        assert labels[row] == expected


def test_what_helps_is_blue_and_what_harms_orange() -> None:
    figure = influence_of_sample(("cat", "dog", "ship"), (-1.0, 2.0, 0.0), 1)
    bars = figure.data[0]

    assert list(bars.marker.color) == [JOINT_NEGATIVE.colour, JOINT_POSITIVE.colour, JOINT_POSITIVE.colour]
    assert [text.split("</b>")[0] for text in bars.hovertext] == [
        "Its presence <b>harms cat",
        "Its presence <b>leaves unchanged ship",
        "Its presence <b>helps dog",
    ]
    assert (
        figure.layout.title.text.replace("<br>", " ") == "This sample helps 1 and harms 1 of 3 classes, most of all cat"
    )


def test_of_40_classes_the_strongest_20_and_its_own_are_drawn() -> None:
    vector = np.arange(40.0) - 9.5
    figure = influence_of_sample([f"class {index}" for index in range(40)], vector, 9)

    assert [row[0] for row in figure.data[0].customdata] == [9, *range(20, 40)]
    assert figure.layout.title.subtitle.text == "Shown: 21 of 40 classes, the strongest influence."


def test_an_unknown_influence_is_a_sentence() -> None:
    for vector in ((), (1.0, np.nan)):
        assert "not known" in influence_of_sample(("a", "b"), vector, 0).layout.meta["alt"]


@pytest.mark.parametrize("measurement", WORDS)
def test_the_axis_names_what_the_classes_are_judged_by(measurement: Measurement) -> None:
    figure = influence_of_sample(("cat", "dog"), (-1.0, 2.0), 1, measurement)

    assert f"({WORDS[measurement].name} × samples; higher" in figure.layout.xaxis.title.text
