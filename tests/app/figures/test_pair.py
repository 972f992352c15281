import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.figures import REGION_MEANINGS, pair_scatter

CLASSES = ("cat", "dog")
COUNTS = {"joint_positive": 1, "joint_negative": 2, "trade_off": 3}


def points(x: object, y: object) -> pd.DataFrame:
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)
    return pd.DataFrame(
        {"index": np.arange(len(x)) + 100, "label": 0, "predicted": 1, "confidence": 0.834, "x": x, "y": y}
    )


SIX = points([1, -1, -2, -1, -2, 3], [1, -1, -1, 2, 3, -1])


def corners(figure: object) -> dict[tuple[float, float], str]:
    return {(note.x, note.y): note.text for note in figure.layout.annotations}  # type: ignore[attr-defined]


@settings(max_examples=20)
@given(arrays(np.float32, st.tuples(st.integers(1, 60), st.just(2)), elements=st.floats(-3, 3, width=32)))
def test_every_sample_is_drawn_once_in_the_region_of_its_signs(vectors: np.ndarray) -> None:
    x, y = vectors.T
    figure = pair_scatter(points(x, y), "cat", "dog", COUNTS)
    drawn = {}

    for trace, region in zip(figure.data, REGION_MEANINGS, strict=False):
        for index, a, b in zip(trace.customdata, trace.x, trace.y, strict=True):
            drawn[index] = (a, b)
            helps, harms = a > 0 and b > 0, a < 0 and b < 0
            assert region == ("joint_positive" if helps else "joint_negative" if harms else "trade_off")
    assert drawn == {index + 100: (a, b) for index, (a, b) in enumerate(vectors.tolist())}


def test_each_region_is_a_gl_trace_with_its_colour_and_shape_even_when_empty() -> None:
    figure = pair_scatter(points([1.0], [1.0]), "cat", "dog", COUNTS)

    assert [(t.type, t.name, t.marker.color, t.marker.symbol) for t in figure.data[:3]] == [
        ("scattergl", meaning.words, meaning.colour, meaning.symbol) for meaning in REGION_MEANINGS.values()
    ]


def test_the_dashed_line_is_y_equals_minus_x_and_takes_no_click() -> None:
    line = pair_scatter(SIX, "cat", "dog", COUNTS).data[3]

    assert list(line.y) == [-x for x in line.x]
    assert line.line.dash == "dash"
    assert line.hoverinfo == "skip"
    assert line.customdata is None


def test_the_corners_count_the_whole_run() -> None:
    assert corners(pair_scatter(SIX, "cat", "dog", COUNTS)) == {
        (1, 1): "<b>1</b><br>help both",
        (0, 0): "<b>2</b><br>harm both",
        (0, 1): "<b>2</b><br>help dog, harm cat",
        (1, 0): "<b>1</b><br>help cat, harm dog",
    }


def test_a_drawn_part_divides_the_trade_offs_only_about() -> None:
    figure = pair_scatter(SIX, "cat", "dog", {"joint_positive": 10, "joint_negative": 20, "trade_off": 3000})

    assert corners(figure)[0, 1] == "<b>about 2,000</b><br>help dog, harm cat"
    assert corners(figure)[1, 0] == "<b>about 1,000</b><br>help cat, harm dog"
    assert "Drawn: 6 of 3,030 samples." in figure.layout.title.subtitle.text


def test_trade_offs_that_are_not_drawn_are_not_divided() -> None:
    figure = pair_scatter(SIX.iloc[:1], "cat", "dog", COUNTS)

    assert corners(figure)[0, 1] == "<b>3 with the opposite corner</b><br>help dog, harm cat"
    assert corners(figure)[1, 0] == "<b>3 with the opposite corner</b><br>help cat, harm dog"


def test_four_tinted_regions_meet_in_the_origin() -> None:
    tinted = pair_scatter(SIX, "cat", "dog", COUNTS).layout.shapes

    assert {(np.sign(shape.x1), np.sign(shape.y1)) for shape in tinted} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    assert all((shape.x0, shape.y0, shape.layer) == (0, 0, "below") for shape in tinted)
    assert len({shape.fillcolor for shape in tinted}) == 3


def test_one_scale_for_both_axes_ignores_single_outliers_and_says_so() -> None:
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(2, 2000))
    x[0] = 1e6
    figure = pair_scatter(points(x, y), "cat", "dog", {"joint_positive": 500, "joint_negative": 500, "trade_off": 1000})
    low, high = figure.layout.xaxis.range

    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    assert -low == high < 10
    assert "outside the view" in figure.layout.title.subtitle.text
    assert max(figure.data[3].x) > 1e6, "zoomed out, the line and the tint still reach the farthest sample"


def test_axes_and_title_say_what_is_seen() -> None:
    figure = pair_scatter(SIX, "cat", "dog", COUNTS)

    assert figure.layout.xaxis.title.text == "influence on cat<br>(higher = its presence helps)"
    assert figure.layout.yaxis.title.text == "influence on dog<br>(higher = its presence helps)"
    assert figure.layout.title.text == "2 samples harm both cat and dog, 33.3% of 6"


@pytest.mark.parametrize(("names", "label", "predicted"), [(CLASSES, "cat", "dog"), ((), "0", "1")])
def test_hover_names_the_label_and_what_the_model_says(names: tuple, label: str, predicted: str) -> None:
    trace = pair_scatter(points([1.0], [1.0]), "cat", "dog", COUNTS, names).data[0]

    assert list(trace.text) == [f"<b>{label}</b>, predicted {predicted} (83% sure)"]
    assert trace.hovertemplate.startswith("Sample %{customdata}: labelled %{text}<br>")
    assert "influence on cat %{x:+.3g}, on dog %{y:+.3g}" in trace.hovertemplate


def test_samples_without_any_influence_are_drawn_too() -> None:
    figure = pair_scatter(points([0.0, 0.0], [0.0, 0.0]), "cat", "dog", {**COUNTS, "trade_off": 2})

    assert len(figure.data[2].x) == 2
    assert figure.layout.xaxis.range[1] > 0


def test_no_sample_is_a_sentence() -> None:
    assert pair_scatter(points([], []), "cat", "dog", COUNTS).layout.meta["alt"] == "No sample lies in this selection."


def test_a_zoomed_view_shows_that_part_of_the_plane_and_says_how_much_lies_in_it() -> None:
    figure = pair_scatter(SIX, "cat", "dog", COUNTS, zoom=((1.0, 4.0, -2.0, 3.0), 2_000))

    assert tuple(figure.layout.xaxis.range) == (1, 4)
    assert tuple(figure.layout.yaxis.range) == (-2, 3)
    assert not figure.layout.annotations, "the corners of this view are not those of the regions"
    assert figure.layout.title.subtitle.text.replace("<br>", " ") == (
        "Zoomed in: 2,000 of 6 samples lie in this view. Drawn: 6 of them."
    )
    assert corners(pair_scatter(SIX, "cat", "dog", COUNTS, zoom=((-1.0, 4.0, -2.0, 3.0), 6)))


def test_twenty_thousand_points_are_a_small_message() -> None:
    draws = np.random.default_rng(0).normal(size=(2, 20_000))
    names = [f"class number {index}" for index in range(10)]
    figure = pair_scatter(points(*draws), "cat", "dog", COUNTS, names)

    assert len(figure.to_json()) < 2.2e6


def test_long_class_names_are_cut_in_the_hover_of_every_point() -> None:
    name = "c" * 10_000
    figure = pair_scatter(SIX, name, "dog", COUNTS, [name, "dog"])

    assert all(len(line) < 100 for trace in figure.data[:3] for line in trace.text)
