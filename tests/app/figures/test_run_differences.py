import numpy as np
import pytest

from app.figures.run_differences import run_differences

NAMES = ["cat", "dog", "<b>bird</b>"]


def text(figure) -> str:
    return " ".join(figure.layout.title.text.split("<br>"))


def test_the_class_that_loses_most_is_on_top_and_each_mark_names_its_class():
    figure = run_differences(NAMES, [0.5, 0.5, 0.5], [0.75, 0.25, 0.5], [4, 4, 4])

    (bars,) = [trace for trace in figure.data if trace.type == "bar"]
    assert bars.x.tolist() == [-25, 0, 25]
    assert [list(row) for row in bars.customdata] == [[1], [2], [0]]
    assert figure.layout.yaxis.ticktext[0] == "dog"
    assert figure.layout.yaxis.ticktext[1] == "&lt;b&gt;bird&lt;/b&gt;"
    assert "−25.0 points, 1 sample of 4" in bars.hovertext[0]
    first, second = [trace for trace in figure.data if trace.name in ("first run", "second run")]
    assert (first.x.tolist(), second.x.tolist()) == ([50, 50, 50], [25, 50, 75])
    assert figure.layout.meta["alt"]


@pytest.mark.parametrize(
    ("second", "title"),
    [
        ([0.75, 0.25, 0.5], "From the first run to the second cat gains 25.0 points, dog loses 25.0 points"),
        ([0.75, 0.5, 0.5], "No class is worse in the second run; cat gains 25.0 points most"),
        ([0.5, 0.25, 0.5], "No class is better in the second run; dog loses 25.0 points most"),
        ([0.5, 0.5, 0.5], "No class is classified better or worse in the second run"),
    ],
)
def test_the_title_says_what_changed(second, title):
    assert text(run_differences(NAMES, [0.5, 0.5, 0.5], second)) == title


def test_a_class_without_samples_is_told_and_takes_no_part_in_the_title():
    figure = run_differences(NAMES, [0.5, np.nan, 0.5], [0.75, 0.5, 0.5], [4, 0, 4])

    assert "no samples" in figure.data[1].hovertext[2]
    assert "dog" not in text(figure)
    assert "annotations" in run_differences(["a"], [np.nan], [0.5]).to_dict()["layout"]


def test_of_many_classes_those_that_lose_most_are_drawn():
    second = np.linspace(0, 1, 40)

    figure = run_differences([f"class {k}" for k in range(40)], np.full(40, 0.5), second)

    assert figure.layout.yaxis.ticktext[0] == "class 0"
    assert len(figure.layout.yaxis.ticktext) == 20
    assert "Shown: 20 of 40" in figure.layout.title.subtitle.text
