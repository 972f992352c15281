import numpy as np
import pandas as pd
import pytest

from app.workflow.candidate_parts import Control, read_control
from app.workflow.improve_view import SWEEP_LEVELS, Axes, Predictor, measured_points, predicted_groups
from engine.errors import RefusedInput
from engine.study import Study, load_study

NAMES = ("cat", "dog", "ship")


@pytest.fixture
def study(tmp_path) -> Study:
    (tmp_path / "study.toml").write_text(
        'name = "case"\n[data]\nformat = "npz"\ntrain = "a.npz"\nvalidation = "b.npz"\n[model]\narchitecture = "mlp"\n'
    )
    return load_study(tmp_path)


@pytest.fixture
def vectors() -> np.ndarray:
    """Samples that mostly trade the first class against the second."""
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(90, 1))
    return (shared * [1.0, -0.9, 0.1] + 0.3 * generator.normal(size=(90, 3))).astype(np.float32)


def groups_of(study, vectors) -> np.ndarray | None:
    return predicted_groups(study, vectors, np.arange(90) % 3)


@pytest.fixture
def predictor(study, vectors) -> Predictor:
    return Predictor.of(study, (0,), vectors, groups_of(study, vectors), np.array([0.5, 1.0, 2.0]), NAMES)


def test_thresholds_of_zero_predict_no_loss_for_any_class(predictor):
    prediction = predictor.predict(np.zeros(3))

    assert prediction.problem is None
    assert prediction.gains.min() >= -1e-6
    assert prediction.target_gain == prediction.gains[0] > 0
    assert prediction.worst_other == prediction.gains[1:].min()


def test_gains_are_in_per_cent_of_the_loss_of_each_class(study, vectors, predictor):
    doubled = Predictor.of(study, (0,), vectors, groups_of(study, vectors), np.array([1.0, 1.0, 2.0]), NAMES)

    gains = predictor.programme.solve(np.zeros(3)).gains
    assert predictor.predict(np.zeros(3)).gains == pytest.approx(100 * gains / [0.5, 1.0, 2.0])
    assert doubled.predict(np.zeros(3)).target_gain == pytest.approx(predictor.predict(np.zeros(3)).target_gain / 2)


def test_thresholds_that_cannot_be_met_are_a_problem_that_names_a_class(predictor):
    prediction = predictor.predict(np.array([0.9, 0.9, 0.0]))

    assert prediction.problem is not None
    assert "cat" in prediction.problem or "dog" in prediction.problem
    assert prediction.gains.tolist() == [0.0, 0.0, 0.0]
    assert (prediction.target_gain, prediction.worst_other) == (0.0, 0.0)
    assert predictor.predict(np.zeros(3)).problem is None


def test_the_frontier_trades_the_other_classes_for_the_target(predictor):
    frontier = predictor.frontier()

    assert tuple(frontier["level"]) == SWEEP_LEVELS
    assert (np.diff(frontier["target_gain"]) >= -1e-6).all()
    assert frontier["target_gain"].iloc[-1] > 1.5 * frontier["target_gain"].iloc[0]
    assert frontier["worst_other"].iloc[0] >= -1e-6
    assert frontier["worst_other"].iloc[-1] < 0


def test_the_frontier_begins_where_the_thresholds_are_zero(predictor):
    prediction = predictor.predict(np.zeros(3))

    assert predictor.frontier()["target_gain"].iloc[0] == pytest.approx(prediction.target_gain, rel=1e-4)


def test_where_every_class_is_a_target_no_other_is_worst(study, vectors):
    predictor = Predictor.of(study, (0, 1, 2), vectors, groups_of(study, vectors), np.ones(3), NAMES)

    prediction = predictor.predict(np.zeros(3))
    assert prediction.worst_other == 0.0
    assert prediction.target_gain == pytest.approx(prediction.gains.mean())


def test_weights_are_shared_by_groups_unless_the_study_asks_for_samples(study, vectors, predictor):
    by_sample = study.with_changes(reweight={"variables": "samples"})
    finer = Predictor.of(by_sample, (0,), vectors, groups_of(by_sample, vectors), np.array([0.5, 1.0, 2.0]), NAMES)

    grouped = predictor.programme.solve(np.zeros(3)).weights
    single = finer.programme.solve(np.zeros(3)).weights
    assert len(np.unique(grouped.round(6))) <= 36 < len(grouped) == len(single)
    assert finer.predict(np.zeros(3)).target_gain >= predictor.predict(np.zeros(3)).target_gain


def test_a_class_that_no_weights_change_is_refused_by_name(study, vectors):
    vectors[:, 2] = 0
    with pytest.raises(RefusedInput, match="ship"):
        Predictor.of(study, (0,), vectors, groups_of(study, vectors), np.ones(3), NAMES)


def candidates(*values: list[float] | None) -> pd.DataFrame:
    numbers = range(len(values))
    # A loss of 99 would be seen: points are of the value.
    told = {"value": values, "loss": [value and [99.0] * 3 for value in values], "accuracy": [[0.5] * 3] * len(values)}
    return pd.DataFrame(
        {
            "number": numbers,
            "origin": "random",
            "feasible": [value is not None for value in values],
            "orders": 1,
            **told,
        }
    )


CONTROL = Control(np.array([0.5, 1.0, 2.0]), np.array([0.5, 1.0, 2.0]), np.array([0.9, 0.8, 0.7]))


def test_a_candidate_lies_at_its_change_of_value_against_the_control():
    points = measured_points(candidates([0.25, 1.5, 2.0], [0.5, 1.0, 1.0]), CONTROL, (0,))

    assert points.columns.tolist() == ["number", "origin", "feasible", "target_gain", "worst_other", "is_sure"]
    assert points["target_gain"].tolist() == [50.0, 0.0]
    assert points["worst_other"].tolist() == [-50.0, 0.0]


def test_candidates_that_were_not_trained_are_no_points():
    points = measured_points(candidates(None, [0.5, 1.0, 2.0]), CONTROL, (0,))

    assert points["number"].tolist() == [1]
    assert measured_points(candidates(None), CONTROL, (0,)).empty


def test_a_value_below_zero_is_better_the_lower_and_told_by_its_scale():
    control = Control(np.array([-1.0, 0.5, -4.0]), np.array([2.0, 1.0, 4.0]), np.full(3, 0.5))

    points = measured_points(candidates([-2.0, 0.5, -3.0]), control, (0,))

    assert points["target_gain"].tolist() == [50.0]
    assert points["worst_other"].tolist() == [-25.0]


def test_the_candidates_of_a_stored_search_are_points(digits_store):
    from cache import Cache

    with Cache.open(digits_store) as cache:
        cache.ingest()
        (run,) = cache.runs("reweight")
        stored = cache.candidates(run["key"])
    control = read_control(digits_store.run(run["key"]))

    points = measured_points(stored, control, (1, 8)).set_index("number")

    assert set(points.index) == set(stored["number"][stored["accuracy"].notna()])
    assert points.loc[run["chosen"], "target_gain"] > points.loc[run["chosen"], "worst_other"]


def test_points_of_accuracy_are_told_where_asked(study, vectors):
    rows = pd.DataFrame(
        {
            "number": [0],
            "origin": ["informed"],
            "feasible": [True],
            "orders": [1],
            "value": [[0.4, 1.1, 2.0]],
            "accuracy": [[0.95, 0.78, 0.69]],
        }
    )

    (point,) = measured_points(rows, CONTROL, (0,), accuracy=True).itertuples()

    assert (point.target_gain, point.worst_other) == pytest.approx((5.0, -2.0))


def test_a_frontier_between_two_classes_trades_one_for_the_other(study, vectors, predictor):
    frontier = predictor.frontier(Axes(0, 1))

    assert list(frontier.columns) == ["level", "target_gain", "worst_other"]
    assert (np.diff(frontier["worst_other"]) >= -1e-6).all()
    assert (np.diff(frontier["target_gain"]) <= 1e-6).all()
    # The second class gains what it is held to: shares of what it could gain alone, told in per cent of its scale.
    held = 100 * frontier["level"] * predictor.programme.attainable[1] / predictor.scale[1]
    assert (frontier["worst_other"] >= held - 1e-4).all()
    assert frontier["level"].iloc[0] < 0 < frontier["level"].iloc[-1]


def test_any_class_may_be_drawn_upwards_against_the_worst_other(predictor):
    upwards = predictor.frontier(Axes(first=2))

    assert upwards["target_gain"].iloc[-1] > upwards["target_gain"].iloc[0]
    assert not upwards.equals(predictor.frontier())


def test_predictions_carry_the_factor_of_the_probes(study, vectors, predictor):
    arguments = ((0,), vectors, groups_of(study, vectors), np.array([0.5, 1.0, 2.0]), NAMES)
    half, none = Predictor.of(study, *arguments, 0.5), Predictor.of(study, *arguments, -0.3)

    assert half.predict(np.zeros(3)).gains == pytest.approx(predictor.predict(np.zeros(3)).gains / 2)
    assert half.frontier()["target_gain"].iloc[-1] == pytest.approx(predictor.frontier()["target_gain"].iloc[-1] / 2)
    assert none.predict(np.zeros(3)).gains == pytest.approx(np.zeros(3))


def test_a_candidate_is_compared_with_the_control_of_the_orders_that_it_was_trained_in():
    by_orders = tuple((np.full(3, 0.5 + 0.1 * n), np.array([0.5, 1.0, 2.0]) * (1 + n)) for n in range(2))
    control = Control(np.array([1.0, 2.0, 4.0]), np.ones(3), np.full(3, 0.6), by_orders)
    rows = candidates([0.5, 1.0, 2.0], [0.5, 1.0, 2.0]).assign(orders=[1, 2], accuracy=[[0.6] * 3] * 2)

    values = measured_points(rows, control, (0,))
    accuracies = measured_points(rows, control, (0,), accuracy=True)

    assert values["target_gain"].tolist() == [0.0, 50.0]
    assert accuracies["target_gain"].tolist() == pytest.approx([10.0, 0.0])
    assert values["is_sure"].tolist() == [False, True]
