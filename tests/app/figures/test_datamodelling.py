import numpy as np
import pytest

from app.figures import score_bars, strategy_scores
from tests.app.figures.conftest import compared


def title(figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


def named(figure) -> dict:
    return {trace.name: trace for trace in figure.data}


def test_the_class_that_is_ranked_worst_is_on_top_beside_what_chance_leaves():
    bars, marks = score_bars(["cat", "<dog>", "ship"], [0.5, -0.1, 0.7], [0.9, 0.8, np.nan]).data

    assert list(bars.x) == [-0.1, 0.5, 0.7]
    assert list(marks.x[:2]) == [0.8, 0.9]
    assert np.isnan(marks.x[2])
    assert bars.hovertext[0] == "<b>&lt;dog&gt;</b><br>score −0.10, at most 0.80"
    assert bars.hovertext[2].endswith("at most not known")


def test_the_title_names_the_worst_and_the_best_class():
    figure = score_bars(["cat", "dog", "ship"], [0.5, 0.1, np.nan], [1, 1, 1])

    assert title(figure) == "Influence ranks trainings worst for dog (0.10), best for cat (0.50)"
    assert figure.layout.title.subtitle.text == ""


def test_a_bar_that_passes_its_mark_is_explained():
    note = score_bars(["cat", "dog"], [0.5, 0.1], [0.4, 1]).layout.title.subtitle.text

    assert "Marks are estimates" in note


@pytest.mark.parametrize(("classes", "rows"), [(2, 2), (30, 30), (31, 20), (100, 20)])
def test_of_many_classes_the_worst_are_shown(classes, rows):
    figure = score_bars([f"class {k}" for k in range(classes)], np.linspace(0, 0.9, classes), np.ones(classes))

    assert len(figure.data[0].x) == rows
    assert ("Shown: 20" in figure.layout.title.subtitle.text) == (rows < classes)


def test_trainings_that_came_out_alike_have_no_scores():
    assert "came out alike" in score_bars(["a", "b"], [np.nan] * 2, [1, 1]).layout.meta["alt"]
    nothing = [{"strategy": "ekfac", "damping": "training", "mean": None}]
    assert "came out alike" in strategy_scores(nothing, 0, 0, None).layout.meta["alt"]


def test_each_strategy_is_a_line_over_dampings_and_no_curvature_a_level():
    lines = named(strategy_scores(compared(), 0, 1, 0.8))

    assert list(lines["EKFAC"].y) == [0.5, 0.6]
    assert list(lines["KFAC"].y) == [0.4], "a damping without a score is left out"
    assert list(lines["no curvature: 0.20"].y) == [0.2, 0.2]
    assert list(lines["the most that chance leaves: 0.80"].y) == [0.8, 0.8]
    assert lines["EKFAC"].marker.symbol != lines["KFAC"].marker.symbol


def test_named_dampings_come_first_and_numbers_rise():
    candidates = [
        {"strategy": "ekfac", "damping": damping, "mean": 0.1}
        for damping in (0.1, "heuristic", 0.001, "training", 0.02)
    ]
    axis = strategy_scores(candidates, 3, None, None).layout.xaxis

    assert list(axis.ticktext) == ["'training'", "'heuristic'", "0.001", "0.02", "0.1"]


def test_the_studys_own_choice_and_the_calibrated_one_are_marked():
    marks = named(strategy_scores(compared(), 0, 1, None))

    assert (list(marks["the study's own"].x), list(marks["the study's own"].y)) == ([0], [0.5])
    assert (list(marks["its best damping"].x), list(marks["its best damping"].y)) == ([1], [0.6])
    assert "its best damping" not in named(strategy_scores(compared(), 0, None, None))


def test_a_study_without_curvature_has_nothing_to_mark():
    alone = [{"strategy": "identity", "damping": "training", "mean": 0.3}]
    figure = strategy_scores(alone, 0, 0, None)

    assert list(named(figure)) == ["no curvature: 0.30"]
    assert title(figure) == "Best is no curvature, with a score of 0.30"


def test_the_title_says_what_is_best_and_what_the_curvature_buys():
    assert title(strategy_scores(compared(), 0, 1, 0.8)) == (
        "Best is EKFAC with damping 0.01, with a score of 0.60; the study's own has 0.50; without curvature 0.20"
    )
    assert "the study's own" not in title(strategy_scores(compared(), 1, 1, 0.8))
