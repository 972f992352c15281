"""How the benchmark ``verdict`` decides what is true of a case, and what it counts."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import ttest_rel

from benchmarks.certificate_time import drawn_vectors
from benchmarks.roc_picture import roc_figure
from benchmarks.verdict import Told, _told, auc, summary
from benchmarks.verdict_bank import Case
from benchmarks.verdict_claims import frontier_correlation
from benchmarks.verdict_truth import chosen_step, label_of, paired_interval
from engine.frontier import WeightRange
from engine.frontier.certificate import certificate

LOWER, HIGHER, EITHER = (-2.0, -1.0), (1.0, 2.0), (-1.0, 1.0)


def intervals(*classes: tuple[float, float]) -> np.ndarray:
    return np.array(classes)


@pytest.mark.parametrize(
    ("steps", "chosen", "expected"),
    [
        ([intervals(LOWER, LOWER, EITHER)], 0, "improvable"),
        ([intervals(LOWER, EITHER, EITHER)], 0, None),
        ([intervals(LOWER, LOWER, HIGHER)], 0, "ceiling"),
        ([intervals(LOWER, LOWER, HIGHER), intervals(LOWER, LOWER, EITHER)], 1, "improvable"),
        ([intervals(LOWER, LOWER, HIGHER), intervals(LOWER, LOWER, EITHER)], 0, None),
        ([intervals(HIGHER, LOWER, LOWER), intervals(LOWER, LOWER, HIGHER)], 0, "ceiling"),
    ],
)
def test_the_truth_of_a_case(steps, chosen, expected) -> None:
    assert label_of(steps, chosen) == expected


def test_the_interval_over_seeds_is_that_of_the_paired_t_test() -> None:
    generator = np.random.default_rng(0)
    weighted, control = generator.normal(size=(2, 8, 30))
    labels = np.arange(30) % 3
    found = paired_interval(weighted, control, labels, 3)
    for k in range(3):
        own = labels == k
        expected = ttest_rel(weighted[:, own].mean(1), control[:, own].mean(1)).confidence_interval()
        assert found[k] == pytest.approx((expected.low, expected.high))


def test_the_step_is_the_one_that_is_best_for_the_worst_class() -> None:
    labels = np.array([0, 0, 1, 1])
    control = np.array([[1.0, 1.0, 10.0, 10.0]])
    # A tenth more of class 0 weighs more than half a loss less of class 1.
    first, second = np.array([[1.1, 1.1, 9.5, 9.5]]), np.array([[0.99, 0.99, 9.9, 9.9]])
    assert chosen_step(control, [first, second], labels, 2) == 1
    assert chosen_step(control, [second, first], labels, 2) == 0


def line(truth: str | None, verdict: str, held_out: float, **other) -> Told:
    blank = dict.fromkeys((field.name for field in dataclasses.fields(Told)), 0.0)
    told = {"truth": truth, "verdict": verdict, "held_out": held_out, "interval": (held_out - 1, held_out + 1)}
    return Told(**{**blank, **told, **other})


LINES = [
    line("improvable", "improvable", 3.0, pc1=0.1),
    line("improvable", "at_ceiling", 0.5, pc1=0.2),
    line("improvable", "inconclusive", 1.5, pc1=0.9),
    line("ceiling", "at_ceiling", -1.0, pc1=0.8),
    line("ceiling", "improvable", 2.0, pc1=0.7),
    line(None, "inconclusive", 9.0),
]


def test_the_shares_are_of_those_that_they_are_wrong_for() -> None:
    told = summary(LINES)
    assert (told["cases"], told["improvable"], told["ceiling"]) == (6, 3, 2)
    assert told["false_ceiling_share"] == pytest.approx(1 / 3)
    assert told["false_improvable_share"] == pytest.approx(1 / 2)
    assert told["inconclusive_share"] == pytest.approx(1 / 5), "what has no truth is not scored"
    assert told["inconclusive_of_unscored"] == 1


def test_the_area_counts_pairs_in_the_right_order() -> None:
    scored = LINES[:5]
    assert auc(scored, "held_out") == pytest.approx(4 / 6)
    assert auc(scored, "held_out_lower_end") == pytest.approx(4 / 6)
    assert auc(scored, "pc1") == pytest.approx(2 / 6)
    assert auc(LINES[:3], "pc1") is None
    assert summary([])["inconclusive_share"] is None


def test_the_picture_has_a_curve_for_each_predictor_and_its_area() -> None:
    figure = roc_figure([dataclasses.asdict(one) for one in LINES])
    names = [trace.name for trace in figure.data if trace.name]
    assert len(names) == 4
    assert names[0].endswith("0.67")
    assert figure.layout.title.text.startswith("3 improvable cases and 2 at the ceiling")


def test_a_case_is_judged_and_retrained(tmp_path) -> None:
    case = Case("gaussians", "flipped", 0, 0.3, training={"learning_rate": 0.5, "weight_decay": 0.001, "epochs": 20})
    told = _told(case, True, tmp_path)
    assert (told.truth, told.verdict, told.better, told.worse, told.classes) == ("improvable", "improvable", 4, 0, 4)
    assert told.interval[0] < told.held_out < told.in_sample


def test_vectors_on_a_hyperplane_have_no_room_and_random_ones_have() -> None:
    room = {kind: certificate(drawn_vectors(kind, 300, 3), WeightRange()).value for kind in ("random", "near", "zero")}
    assert room["zero"] == pytest.approx(0, abs=1e-6)
    assert room["zero"] < room["near"] < 0.1 * room["random"]


def test_the_frontier_is_a_falling_line() -> None:
    from benchmarks.verdict import judge

    assert max(frontier_correlation(judge, draws=1)) < -0.95
