import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from app.figures import CLASS_LOOKS, JOINT_NEGATIVE, REGION_MEANINGS
from app.figures.synthetic import Boundary, points_by_class, points_by_region, removal_rounds

NAMES = ("blue", "orange")
POINTS = pd.DataFrame(
    {
        "x": [-2.0, -1.0, 1.0, 2.0, 1.5],
        "y": [0.0, 1.0, 0.0, -1.0, 3.0],
        "label": [0, 0, 1, 1, 0],
        "flipped": [False, False, False, False, True],
        "region": ["joint_positive", "trade_off", "joint_positive", "trade_off", "joint_negative"],
    }
)
UNFLIPPED = POINTS.assign(flipped=False)


def round_of(number: int, samples: int, harmful: int, loss: float, test: bool = True) -> dict:
    measured = {"accuracy": [0.5, 0.75], "loss": [loss, loss / 2]}
    return {
        "round": number,
        "samples": samples,
        "removed": harmful,
        "regions": {"joint_positive": 1, "joint_negative": harmful, "trade_off": 2},
        **{name: {"validation": [9.0, 9.0], "test": values if test else None} for name, values in measured.items()},
    }


ROUNDS = [round_of(0, 600, 70, 0.4), round_of(1, 530, 5, 0.1), round_of(2, 525, 0, 0.05)]


def title(figure: go.Figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


def drawn(figure: go.Figure) -> dict[str, list[tuple[float, float]]]:
    return {trace.name: list(zip(trace.x, trace.y, strict=True)) for trace in figure.data}


def test_each_point_is_drawn_as_its_given_class():
    figure = points_by_class(POINTS, NAMES)

    assert drawn(figure)["blue"] == [(-2, 0), (-1, 1), (1.5, 3)]
    assert drawn(figure)["orange"] == [(1, 0), (2, -1)]
    assert [(t.marker.color, t.marker.symbol) for t in figure.data[:2]] == [(m.colour, m.symbol) for m in CLASS_LOOKS]
    assert figure.data[0].text[2] == "Sample 4: labelled <b>blue</b> (flipped)"
    assert figure.layout.yaxis.scaleanchor == "x"


def test_each_point_is_drawn_in_its_region():
    figure = points_by_region(POINTS, NAMES)

    assert drawn(figure)["joint negative"] == [(1.5, 3)]
    assert drawn(figure)["trade-off"] == [(-1, 1), (2, -1)]
    assert [t.marker.symbol for t in figure.data[:3]] == [meaning.symbol for meaning in REGION_MEANINGS.values()]


@pytest.mark.parametrize("draw", [points_by_class, points_by_region])
def test_a_ring_marks_the_flipped_ones_and_no_others(draw):
    assert drawn(draw(POINTS, NAMES))["flipped label"] == [(1.5, 3)]
    assert "flipped label" not in drawn(draw(UNFLIPPED, NAMES))


def test_titles_count_what_is_flipped_and_what_is_on_the_wrong_side():
    boundary = Boundary((1.0, 0.0))

    assert title(points_by_class(POINTS, NAMES, boundary)) == "1 label is flipped among 5 training samples"
    assert title(points_by_class(UNFLIPPED, NAMES)) == "None of the 5 training samples has a flipped label"
    assert title(points_by_class(UNFLIPPED, NAMES, boundary)) == (
        "No label is flipped, yet 1 of 5 samples lie on the wrong side of the line"
    )


def test_titles_count_what_harms_both():
    traded = UNFLIPPED.assign(region="trade_off")

    assert title(points_by_region(POINTS, NAMES)) == "1 sample harms both classes, among them 1 of the 1 flipped ones"
    assert title(points_by_region(UNFLIPPED, NAMES)) == "1 sample harms both classes"
    assert title(points_by_region(traded, NAMES)) == "No sample harms both classes; 5 of 5 help one and harm the other"


@pytest.mark.parametrize("boundary", [Boundary((2.0, 0.0)), Boundary((0.0, -3.0), 4.5), Boundary((1.0, -2.0), 0.5)])
def test_the_boundary_is_where_the_model_s_sum_is_zero_and_near_the_points(boundary):
    (start, end) = drawn(points_by_class(POINTS, NAMES, boundary))["the model's line"]

    for point in (start, end):
        assert np.dot(boundary.normal, point) + boundary.offset == pytest.approx(0)
    assert np.hypot(*np.subtract(end, start)) == pytest.approx(4)
    assert boundary.side(np.array([0.0]), np.array([0.0])) == [int(boundary.offset > 0)]


def test_a_model_without_a_line_is_drawn_all_the_same():
    ends = drawn(points_by_class(POINTS, NAMES, Boundary((0.0, 0.0))))["the model's line"]

    assert np.isfinite(ends).all()


def test_removal_shows_accuracy_loss_and_harm_of_each_round():
    figure = removal_rounds(ROUNDS, NAMES)
    by_axis = {(trace.yaxis, trace.name): trace for trace in figure.data}

    assert {trace.x for trace in figure.data} == {(0, 1, 2)}
    assert list(by_axis["y", "orange"].y) == [75, 75, 75]
    assert list(by_axis["y2", "blue"].y) == [0.4, 0.1, 0.05]
    assert list(by_axis["y2", "orange"].y) == [0.2, 0.05, 0.025]
    harmful = by_axis["y3", JOINT_NEGATIVE.words]
    assert (list(harmful.y), harmful.marker.color) == ([70, 5, 0], JOINT_NEGATIVE.colour)
    assert harmful.customdata == ([600], [530], [525])
    assert title(figure) == "Without 75 samples the worst class's loss is 0.05, with them it was 0.4"
    assert "70, 5, 0" in figure.layout.meta["alt"]


def test_without_test_samples_removal_is_measured_on_validation_and_says_so():
    figure = removal_rounds([round_of(0, 600, 0, 0.4, test=False)], NAMES)

    assert list(figure.data[0].y) == [900]
    assert "validation samples" in figure.layout.title.subtitle.text.replace("<br>", " ")
    assert title(figure) == "Nothing was removed in 1 round"
    assert "test samples" in removal_rounds(ROUNDS, NAMES).layout.title.subtitle.text.replace("<br>", " ")


def test_removal_without_a_round_is_a_sentence():
    assert "No round" in removal_rounds([], NAMES).layout.meta["alt"]
