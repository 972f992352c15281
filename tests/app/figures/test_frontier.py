import numpy as np
import pandas as pd
import pytest

from app.figures import frontier
from engine.judged_by import WORDS, Measurement

SWEEP = pd.DataFrame({"level": [0.2, 0.0, 0.1], "target_gain": [2.0, 1.0, 1.6], "worst_other": [-2.0, 0.0, -1.0]})
COLUMNS = ["number", "origin", "target_gain", "worst_other", "feasible"]
CANDIDATES = pd.DataFrame(
    [
        (0, "random", 1.0, -2.0, True),
        (1, "informed", 2.0, -1.0, True),
        (2, "crossover", 1.5, 0.5, True),
        (3, "elite_mutation", 4.0, -3.0, True),
        (4, "random", np.nan, np.nan, False),
        (5, "baseline", 1.0, -1.5, True),
        (6, "baseline", 2.0, -2.5, True),
    ],
    columns=COLUMNS,
)
NONE = CANDIDATES.iloc[:0]


def numbers(figure: object) -> dict[str, list[int]]:
    traces = figure.data  # type: ignore[attr-defined]
    return {trace.name: [row[0] for row in trace.customdata] for trace in traces if trace.customdata is not None}


def test_candidates_carry_their_number_and_the_unbeaten_are_joined() -> None:
    figure = frontier(SWEEP, CANDIDATES)

    assert numbers(figure) == {"trained": [0], "not beaten": [2, 1, 3], "class weights": [6, 5]}
    modes = {trace.name: trace.mode for trace in figure.data}
    assert modes["trained"] == "markers"
    assert modes["not beaten"] == modes["class weights"] == "lines+markers"


def test_points_are_cost_to_the_right_and_gain_upwards() -> None:
    joined = next(trace for trace in frontier(SWEEP, CANDIDATES).data if trace.name == "not beaten")

    assert list(zip(joined.x, joined.y, strict=True)) == [(0.5, 1.5), (-1.0, 2.0), (-3.0, 4.0)]


def test_the_predicted_line_follows_the_level() -> None:
    line = frontier(SWEEP, NONE).data[0]

    assert list(line.x) == [0.0, -1.0, -2.0]
    assert list(line.y) == [1.0, 1.6, 2.0]
    assert line.customdata is None
    assert "may lose up to 10% of what it could gain" in line.hovertext[1]


def test_a_candidate_that_was_not_trained_is_left_out_and_said_so() -> None:
    figure = frontier(SWEEP, CANDIDATES)

    assert not any(4 in drawn for drawn in numbers(figure).values())
    assert "Not shown: 1 candidate without a training" in figure.layout.title.subtitle.text.replace("<br>", " ")


def test_feasible_and_measured_are_both_needed_to_be_drawn() -> None:
    half = CANDIDATES.iloc[:2].assign(feasible=[False, True], target_gain=[1.0, np.nan])

    assert numbers(frontier(SWEEP, half)) == {}


def test_the_choice_is_ringed_and_named_in_the_title() -> None:
    figure = frontier(SWEEP, CANDIDATES, chosen=1)
    ring = figure.data[-1]

    assert (ring.name, list(ring.x), list(ring.y)) == ("chosen", [-1.0], [2.0])
    assert [list(data) for data in ring.customdata] == [[1]], "it lies over its candidate and takes the click"
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "Candidate 1: targets +2.0%, worst other class −1.0%, against the control"


def test_the_present_thresholds_are_a_star() -> None:
    star = frontier(SWEEP, NONE, current=(1.2, -0.5)).data[-1]

    assert (star.name, star.marker.symbol, list(star.x), list(star.y)) == ("your thresholds", "star", [-0.5], [1.2])


def test_titles_tell_what_is_free_and_what_costs() -> None:
    def title(predicted: pd.DataFrame, candidates: pd.DataFrame) -> str:
        return frontier(predicted, candidates).layout.title.text.replace("<br>", " ")

    assert title(SWEEP, NONE) == "Predicted: the targets gain +1.0% before any other class loses"
    assert title(SWEEP[SWEEP["level"] > 0], NONE) == "Predicted: each gain of the targets costs some other class"
    assert title(SWEEP, CANDIDATES) == (
        "4 trained candidates: the best without a loss elsewhere gains the targets +1.5%"
    )
    assert title(SWEEP, CANDIDATES.iloc[:2]) == "2 trained candidates: none without a loss for some other class"


def test_hover_tells_how_a_candidate_came_about_and_what_else_is_known() -> None:
    figure = frontier(SWEEP, CANDIDATES.assign(hover="worst other: <truck>"))
    best = next(trace for trace in figure.data if trace.name == "not beaten")

    assert best.hovertext[1] == (
        "<b>Candidate 1</b>, straight from the linear programme<br>"
        "measured: targets +2.0%, worst other class −1.0%<br>worst other: &lt;truck&gt;"
    )


def test_the_arguments_are_left_alone() -> None:
    sweep, candidates = SWEEP.copy(), CANDIDATES.copy()
    frontier(sweep, candidates, 1, (1.0, 0.0))

    pd.testing.assert_frame_equal(sweep, SWEEP)
    pd.testing.assert_frame_equal(candidates, CANDIDATES)


def test_nothing_predicted_and_nothing_trained_is_a_sentence() -> None:
    assert "No frontier yet" in frontier(pd.DataFrame(), pd.DataFrame()).layout.meta["alt"]


@pytest.mark.parametrize("measurement", WORDS)
def test_gains_are_told_in_per_cent_of_what_the_classes_are_judged_by(measurement: Measurement) -> None:
    figure = frontier(SWEEP, NONE, measurement=measurement)

    scale = WORDS[measurement].scale
    title = figure.layout.xaxis.title.text
    assert title == f"worst other class: gain<br>(% of its {scale}, against the control)"
    assert figure.layout.yaxis.title.text == f"targets: mean gain<br>(% of class {scale}, against the control)"
