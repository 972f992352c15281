import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures import climb_curve
from app.figures.palette import AFTER
from tests.app.figures.conftest import climbed

NAMES = ["cat", "dog <b>", "bird"]


def title(figure: go.Figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


def lines(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def test_mean_lowest_and_single_classes_are_drawn_by_round():
    figure = climb_curve(climbed(3, 0.8, 0.9), NAMES, 1, 3)

    (mean,), (lowest,) = lines(figure, "mean of the classes"), lines(figure, "lowest class")
    assert list(mean.x) == [0, 1]
    assert list(mean.y) == pytest.approx([80.1, 90.1])
    assert list(lowest.y) == pytest.approx([80, 90])
    assert list(lowest.hovertext) == ["cat", "cat"]
    assert [list(np.round(trace.y, 6)) for trace in lines(figure, "single classes")] == [
        [80.0, 90.0],
        [80.1, 90.1],
        [80.2, 90.2],
    ]
    assert "dog &lt;b&gt;" in lines(figure, "single classes")[1].hovertemplate
    assert mean.hovertext[1] == "mean loss 0.099, 600 training samples"


def test_the_best_round_is_ringed():
    (ring,) = lines(climb_curve(climbed(3, 0.8, 0.9, 0.85), NAMES, 1, 3), "best round")

    assert list(ring.x) == [1]
    assert list(ring.y) == pytest.approx([90.1])
    assert ring.marker.color == AFTER.colour


def test_the_title_says_what_was_found():
    assert title(climb_curve(climbed(3, 0.8, 0.9), NAMES, 1, 3)) == "Mean accuracy rises from 80.1% to 90.1% by round 1"
    assert title(climb_curve(climbed(3, 0.9, 0.8), NAMES, 1, 3)) == "Mean accuracy falls from 90.1% to 80.1% by round 1"
    assert title(climb_curve(climbed(3, 0.9, 0.8), NAMES, 0, 3)) == (
        "Plain training has a mean accuracy of 90.1%, and no later round was better"
    )
    assert "no other round was tried" in title(climb_curve(climbed(3, 0.9), NAMES, 0, 3))
    flat = climbed(3, 0.9, 0.9)
    flat[1]["loss"]["test"] = [0.05, 0.05, 0.05]
    assert title(climb_curve(flat, NAMES, 1, 3)) == (
        "Mean accuracy stays at 90.1%; the mean loss goes from 0.099 to 0.05 by round 1"
    )


def test_the_subtitle_says_of_how_many_trainings_the_points_are():
    subtitle = climb_curve(climbed(3, 0.8), NAMES, 0, 5).layout.title.subtitle.text

    assert subtitle.replace("<br>", " ").startswith("Mean of 5 trainings from scratch a round, on test samples.")


def test_without_test_samples_validation_is_drawn_and_named():
    figure = climb_curve(climbed(3, 0.8, 0.9, test=False), NAMES, 1, 3)

    assert list(lines(figure, "mean of the classes")[0].y) == [50, 50]
    assert figure.layout.yaxis.title.text == "accuracy on validation (%)"
    assert "chosen on validation" not in figure.layout.title.subtitle.text.replace("<br>", " ")
    with_test = climb_curve(climbed(3, 0.8), NAMES, 0, 3).layout.title.subtitle.text.replace("<br>", " ")
    assert "best round was chosen on validation samples" in with_test


def test_a_class_without_test_samples_is_left_out():
    told = climbed(3, 0.8, 0.9)
    for entry in told:
        for name in ("accuracy", "loss"):
            entry[name]["test"][1] = None

    figure = climb_curve(told, NAMES, 1, 3)

    assert len(lines(figure, "single classes")) == 2
    assert list(lines(figure, "mean of the classes")[0].y) == pytest.approx([80.1, 90.1])


def test_no_rounds_are_a_sentence():
    assert "No round" in climb_curve([], NAMES, 0, 3).layout.meta["alt"]
