"""The composition's bars: which counts go where, what a click is told, and how many classes are drawn."""

import numpy as np
import pytest

from app.figures import class_composition, composition_of_bar

NAMES = ("cat", "<dog>", "bird")
COUNTS = np.array([[[5, 1, 2], [0, 7, 0], [3, 3, 0]], [[1, 4, 9], [2, 0, 2], [0, 0, 0]]])


def drawn(figure) -> dict[str, list[float]]:
    return {bar.name: list(bar.x) for bar in figure.data}


def test_help_goes_right_and_harm_left_each_split_by_own_class():
    figure = class_composition(NAMES, COUNTS, [0, 1, 2], "all samples")
    assert drawn(figure) == {
        "beneficial, of the class itself": [5, 7, 0],
        "beneficial, of other classes": [3, 0, 6],
        "detrimental, of the class itself": [-1, 0, 0],
        "detrimental, of other classes": [-13, -4, 0],
    }
    assert figure.layout.barmode == "relative"
    assert list(figure.data[0].y) == [0, 1, 2]


def test_a_click_is_told_class_effect_and_whose_samples():
    figure = class_composition(NAMES, COUNTS, [2, 0], "all samples")
    told = [list(map(list, bar.customdata)) for bar in figure.data]
    assert told == [[[2, e, o], [0, e, o]] for e in (0, 1) for o in (1, 0)]


def test_the_hover_names_the_three_own_classes_with_most_samples():
    figure = class_composition(NAMES, COUNTS, [0, 1, 2], "all samples")
    harm = figure.data[3].hovertext
    assert harm[0] == (
        "<b>cat</b>: 13 samples that harm it, of other classes<br>"
        "of 14 that harm it, most are bird 9, &lt;dog&gt; 4, cat 1"
    )
    assert harm[2] == "<b>bird</b>: 0 samples that harm it, of other classes<br>none harms it"
    four = np.zeros((2, 4, 4), int)
    four[0, 0] = [1, 2, 3, 4]
    assert class_composition("abcd", four, range(4), "all").data[0].hovertext[0].endswith("most are d 4, c 3, b 2")


def test_the_title_names_the_class_that_is_harmed_by_the_largest_part():
    figure = class_composition(NAMES, COUNTS, [1], "the strongest tenth")
    # Of all classes, also those that are not drawn: 14 of 22.
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "cat is harmed by the largest part: 64% of the samples that act on it"
    assert "Counted: the strongest tenth. Shown: 1 of 3 classes" in figure.layout.title.subtitle.text.replace(
        "<br>", " "
    )


@pytest.mark.parametrize("largest", [1, 3, 9, 10, 14, 99, 1234, 1_000_000])
def test_ticks_count_from_zero_to_both_sides(largest):
    counts = np.zeros((2, 2, 2), int)
    counts[1, 0, 0] = largest
    axis = class_composition("ab", counts, [0, 1], "all").layout.xaxis
    values = list(axis.tickvals)
    assert values == sorted(set(values))
    assert values == [-value for value in reversed(values)]
    assert 0 in values
    assert 3 <= len(values) <= 21
    assert [text.replace(",", "") for text in axis.ticktext] == [str(abs(value)) for value in values]


def test_colours_mean_help_and_harm_and_other_classes_are_hatched():
    own, others, _, hatched = class_composition(NAMES, COUNTS, [0, 1, 2], "all samples").data
    assert own.marker.color == "#2b7bba"
    assert others.marker.color.startswith("rgba(43, 123, 186")
    assert (own.marker.pattern.shape, hatched.marker.pattern.shape) == ("", "/")


def test_nothing_to_count_is_said():
    figure = class_composition(NAMES, np.zeros((2, 3, 3)), [0, 1, 2], "all samples")
    assert figure.layout.meta["alt"] == "No sample acts on any class."


def test_one_bar_is_told_by_own_class_the_most_first():
    figure = composition_of_bar(NAMES, COUNTS[1, 0], 0, 1)
    (bars,) = figure.data
    assert list(bars.x) == [9, 4, 1]
    assert list(map(list, bars.customdata)) == [[2], [1], [0]]
    assert figure.layout.yaxis.ticktext[2] == "★ cat"
    assert bars.marker.color[2] != bars.marker.color[0] == bars.marker.color[1]
    assert "9 samples, 64.3% of them" in bars.hovertext[0]
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "Of 14 samples that harm cat, 7% are labelled cat"


def test_of_many_classes_the_first_twenty_and_the_affected_one_are_drawn():
    names = [f"class {k}" for k in range(100)]
    figure = composition_of_bar(names, np.arange(100), 3, 0)
    assert [point[0] for point in figure.data[0].customdata] == [*range(99, 79, -1), 3]
    assert "Shown: 21 of 100 classes" in figure.layout.title.subtitle.text


def test_a_bar_of_nothing_says_so():
    assert composition_of_bar(NAMES, COUNTS[1, 2], 2, 1).layout.meta["alt"] == "No sample harms bird."
