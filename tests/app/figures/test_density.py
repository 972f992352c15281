import numpy as np
import pandas as pd
import pytest

from app.figures import REGION_MEANINGS, pair_density

NAMES = ["cat", "dog"]
COUNTS = {"joint_positive": 400, "joint_negative": 300, "trade_off": 300}
VIEW = (-2.0, 2.0, -1.0, 3.0)
POINTS = pd.DataFrame(
    {
        "index": [7, 8, 9],
        "label": 0,
        "predicted": 1,
        "confidence": 0.5,
        "x": np.array([1, -1, 1], np.float32),
        "y": np.array([1, -1, -1], np.float32),
    }
)


@pytest.fixture
def bins() -> np.ndarray:
    counts = np.zeros((4, 4), dtype=np.int64)
    counts[0, 1], counts[3, 2] = 1, 100
    return counts


def drawn(bins: np.ndarray, zoomed: bool = False):
    return pair_density(POINTS, ("cat", "dog"), COUNTS, (bins, VIEW), NAMES, 120, zoomed)


def test_bins_lie_in_the_middle_of_their_part_of_the_view_with_the_logarithm_of_their_count(bins):
    heatmap = drawn(bins).data[0]

    assert (heatmap.x0, heatmap.dx, heatmap.y0, heatmap.dy) == (-1.5, 1.0, -0.5, 1.0)
    assert (heatmap.z[0, 1], heatmap.z[3, 2]) == pytest.approx((0, 2))
    assert np.isnan(heatmap.z).sum() == 14, "where nothing lies, nothing hides the tinted regions"
    assert heatmap.z.dtype == np.float32
    assert (heatmap.zmin, heatmap.zmax) == pytest.approx((0, 2))
    assert list(heatmap.colorbar.ticktext) == ["1", "10", "100"]
    assert (heatmap.customdata == bins).all()


def test_points_over_the_bins_are_of_their_region_and_can_be_clicked(bins):
    figure = drawn(bins)

    assert [trace.customdata[0] for trace in figure.data[1:4]] == [7, 8, 9]
    assert [(trace.type, trace.marker.color, trace.marker.symbol) for trace in figure.data[1:4]] == [
        ("scatter", meaning.colour, meaning.symbol) for meaning in REGION_MEANINGS.values()
    ]
    assert figure.data[4].name == "y = −x"


def test_corners_count_exactly_and_the_notes_say_what_is_left_out(bins):
    figure = drawn(bins)

    texts = {(note.x, note.y): note.text for note in figure.layout.annotations}
    assert texts[0, 1] == "<b>120</b><br>help dog, harm cat"
    assert texts[1, 0] == "<b>180</b><br>help cat, harm dog"
    assert "899 samples lie outside the view." in figure.layout.title.subtitle.text.replace("<br>", " ")
    assert figure.layout.title.text.startswith("300 samples harm both cat and dog, 30.0%")


def test_a_zoomed_view_says_how_many_lie_in_it(bins):
    told = drawn(bins, zoomed=True).layout.title.subtitle.text.replace("<br>", " ")

    assert told.startswith("Zoomed in: 101 of 1,000 samples lie in this view.")


def test_a_view_without_samples_is_drawn_empty():
    heatmap = drawn(np.zeros((4, 4), dtype=np.int64)).data[0]

    assert np.isnan(heatmap.z).all()


def test_a_picture_of_a_million_samples_is_a_small_message():
    bins = np.random.default_rng(0).integers(0, 1000, (200, 200))

    assert len(drawn(bins).to_json()) < 600_000
