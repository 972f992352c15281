import numpy as np

from app.figures import prediction_check

NAMES = ("cat", "<b>dog</b>", "ship")
PREDICTED = np.array([[10.0, -5.0, np.nan], [-10.0, 5.0, np.nan]])
MEASURED = np.array([[8.0, 4.0, np.nan], [-9.0, 2.0, np.nan]])


def test_each_class_of_each_pair_is_a_point_but_for_classes_without_samples():
    points = prediction_check(NAMES, PREDICTED, MEASURED, 0.8, 0.6).data[-1]

    assert list(points.x) == [10.0, -5.0, -10.0, 5.0]
    assert list(points.y) == [8.0, 4.0, -9.0, 2.0]
    assert points.hovertext[1] == "<b>&lt;b&gt;dog&lt;/b&gt;</b>, pair 1<br>predicted −5.0%, measured +4.0%"


def test_the_lines_are_what_was_predicted_and_what_was_fitted():
    same, fitted, _ = prediction_check(NAMES, PREDICTED, MEASURED, 0.8, 0.6).data

    assert list(same.x) == list(same.y)
    np.testing.assert_allclose(fitted.y, 0.8 * np.array(fitted.x))


def test_the_title_says_how_often_the_direction_was_right():
    figure = prediction_check(NAMES, PREDICTED, MEASURED, 0.8, 0.6)

    assert "In 75% of the cases" in figure.layout.title.text.replace("<br>", " ")
    assert "rank correlation 0.60" in figure.layout.meta["alt"]


def test_without_a_class_that_was_probed_it_says_so():
    figure = prediction_check(NAMES, np.full((2, 3), np.nan), MEASURED, 0.0, 0.0)

    assert "nothing can be compared" in figure.layout.meta["alt"]
