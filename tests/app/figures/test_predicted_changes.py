import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures import OTHER, TARGET, predicted_changes
from engine.judged_by import WORDS, Measurement

NAMES = ("cat", "dog", "ship", "frog")


@settings(max_examples=20)
@given(
    arrays(np.float64, st.integers(2, 45), elements=st.floats(-5, 5)),
    st.lists(st.integers(0, 1), min_size=1, max_size=2, unique=True),
)
def test_each_bar_carries_the_class_that_it_shows_targets_first(gains: np.ndarray, targets: list[int]) -> None:
    names = [f"class {index}" for index in range(len(gains))]
    figure = predicted_changes(names, gains, targets)
    rows: list[int] = []
    labels = figure.layout.yaxis.ticktext

    for bars in figure.data:
        for position, (index,) in enumerate(bars.customdata):
            rows.append(index)
            assert bars.x[position] == gains[index]
            star = "★ " if index in targets else ""
            assert labels[bars.y[position]] == star + names[index]
    assert rows[: len(targets)] == targets
    assert rows[len(targets) :] == sorted(rows[len(targets) :]), "rows keep their place while thresholds move"


def test_targets_and_others_are_traces_of_their_own() -> None:
    targets, others = predicted_changes(NAMES, (1, 2, -1, 0), (1,)).data

    assert (targets.name, targets.marker.color) == (TARGET.words, TARGET.colour)
    assert (others.name, others.marker.color) == (OTHER.words, OTHER.colour)
    assert list(targets.text) == ["+2.0%"]
    assert list(others.text) == ["+1.0%", "−1.0%", "0.0%"]


def test_others_follow_the_order_that_is_given() -> None:
    figure = predicted_changes(NAMES, (1, 2, -1, 0), (1,), order=(3, 2, 1, 0))

    assert list(figure.layout.yaxis.ticktext) == ["★ dog", "frog", "ship", "cat"]


def test_the_title_says_what_the_targets_get_and_who_pays() -> None:
    title = predicted_changes(NAMES, (3.1, 2.2, -0.9, 0), (0, 1)).layout.title.text.replace("<br>", " ")

    assert title == "Predicted: cat and dog +2.2% to +3.1%; the worst other class, ship, −0.9%"


def test_all_classes_may_be_targets_and_none() -> None:
    assert len(predicted_changes(NAMES, (1, 2, 3, 4), (0, 1, 2, 3)).data) == 1
    assert len(predicted_changes(NAMES, (1, 2, 3, 4), ()).data) == 1


def test_of_40_classes_the_targets_and_the_most_endangered_are_drawn() -> None:
    gains = np.arange(40.0) - 10
    figure = predicted_changes([f"class {index}" for index in range(40)], gains, (39, 38))
    targets, others = figure.data

    assert [row[0] for row in targets.customdata] == [39, 38]
    assert [row[0] for row in others.customdata] == list(range(18))
    assert "20 of 40 classes, the targets and the most endangered" in figure.layout.title.subtitle.text.replace(
        "<br>", " "
    )


def test_numbers_at_the_ends_of_bars_stay_in_view() -> None:
    low, high = predicted_changes(NAMES, (1, 2, 3, 4), (0,)).layout.xaxis.range

    assert low < 0
    assert high > 4


def test_a_class_whose_gain_is_not_known_is_written_so() -> None:
    figure = predicted_changes(NAMES, (1, np.nan, 2, -1), (0,))

    assert list(figure.data[1].text) == ["not known", "+2.0%", "−1.0%"]
    assert "the worst other class, frog, −1.0%" in figure.layout.title.text.replace("<br>", " ")


def test_without_a_prediction_it_says_so() -> None:
    assert "choose at least one target" in predicted_changes((), (), ()).layout.meta["alt"]


@pytest.mark.parametrize("measurement", WORDS)
def test_gains_are_told_in_per_cent_of_what_the_classes_are_judged_by(measurement: Measurement) -> None:
    figure = predicted_changes(NAMES, (1, 2, -1, 0), (1,), measurement=measurement)

    scale = WORDS[measurement].scale
    assert figure.layout.xaxis.title.text == f"predicted gain<br>(% of the class's {scale}; higher = better)"
    assert all(text.endswith(f"of its {scale}") for trace in figure.data for text in trace.hovertext)
