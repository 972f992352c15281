import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.shapes import MOST_VERTICES, Shape
from engine.errors import RefusedInput

NUMBERS = st.floats(-10, 10)
STAR = ([0.0, 2, -3, 3, -2], [3.0, -3, 1, 1, -3])
"""Crosses itself."""


def test_a_lasso_holds_what_the_even_odd_rule_says():
    x, y = np.random.default_rng(0).uniform(-4, 4, (2, 2000))
    shape = Shape.lasso(*STAR)
    # Each crossing of a ray to the right, counted one by one.
    crossings = np.zeros(len(x), dtype=int)
    corners = list(zip(*STAR, strict=True))
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        for place, (px, py) in enumerate(zip(x, y, strict=True)):
            low, high = min(y1, y2), max(y1, y2)
            if low <= py < high:
                crossings[place] += px < x1 + (py - y1) / (y2 - y1) * (x2 - x1)

    assert (shape.contains(x, y) == (crossings % 2 == 1)).all()
    assert not shape.contains([0], [-0.5])[0], "the middle of the star is crossed twice"


@settings(max_examples=40)
@given(st.lists(NUMBERS, min_size=3, max_size=3), st.lists(NUMBERS, min_size=3, max_size=3))
def test_a_triangle_holds_what_lies_on_the_inner_side_of_its_edges(x, y):
    shape = Shape.lasso(x, y)
    px, py = np.random.default_rng(1).uniform(-10, 10, (2, 200))
    (ax, ay), (bx, by), (cx, cy) = shape.points
    sides = [(bx - ax) * (py - ay) - (by - ay) * (px - ax), (cx - bx) * (py - by) - (cy - by) * (px - bx)]
    sides.append((ax - cx) * (py - cy) - (ay - cy) * (px - cx))
    clear = np.min(np.abs(sides), axis=0) > 1e-9
    within = np.all(np.array(sides) > 0, axis=0) | np.all(np.array(sides) < 0, axis=0)

    assert (shape.contains(px, py)[clear] == within[clear]).all()


def test_a_box_has_its_edges_and_a_region_is_that_of_the_signs():
    box = Shape.box(2, -1, 0, 1)
    assert box.contains([-1, 2, 2.01, 0], [0, 1, 0.5, 0.5]).tolist() == [True, True, False, True]
    x, y = [1, -1, 1, 0, 0], [1, -1, -1, 1, 0]
    assert Shape.of_region("joint_positive").contains(x, y).tolist() == [True, False, False, False, False]
    assert Shape.of_region("joint_negative").contains(x, y).tolist() == [False, True, False, False, False]
    assert Shape.of_region("trade_off").contains(x, y).tolist() == [False, False, True, True, True]


@settings(max_examples=40)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=80))
def test_a_shape_is_read_from_its_text_as_it_was_written(corners):
    x, y = zip(*corners, strict=True)
    for shape in (Shape.lasso(x, y), Shape.box(x[0], x[1], y[0], y[1]), Shape.of_region("trade_off")):
        assert Shape.read(shape.text) == shape
        assert Shape.read(shape.text).text == shape.text
    assert len(Shape.lasso(x, y).text) < 25 * MOST_VERTICES


def test_text_has_four_digits_and_few_corners():
    assert Shape.box(-0.123456, 2, 1e-7, 3).text == "box:-0.1235,2,1e-07,3"
    turn = np.linspace(0, 2 * np.pi, 1000)
    many = Shape.lasso(np.cos(turn).tolist(), np.sin(turn).tolist())
    assert len(many.points) == MOST_VERTICES == 60
    assert many.contains([0, 0.98, 1.1], [0, 0, 0]).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "box",
        "box:1,2,3",
        "box:1,2,3,nan",
        "box:1,2,3,inf",
        "lasso:1,2;3,4",
        "lasso:1,2;3;4,5",
        "circle:1,2",
        "region:all",
        "lasso:" + ";".join(["1,2"] * (MOST_VERTICES + 1)),
        "box:1,2,3,4;5,6,7,8",
        "lasso:a,b;c,d;e,f",
    ],
)
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(RefusedInput, match="no selection"):
        Shape.read(text)


def test_a_line_of_two_points_is_no_lasso():
    with pytest.raises(RefusedInput, match="a lasso of 2 points"):
        Shape.lasso([0, 1], [0, 1])
