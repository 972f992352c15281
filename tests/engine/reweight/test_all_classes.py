"""All classes at once: the weights without each fold, what a step did, and which one is chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.frontier import leave_out, pool_folds
from engine.frontier.certificate import WeightRange, certificate
from engine.reweight.all_classes import (
    STEPS,
    CertifiedWeights,
    Outcomes,
    StepChange,
    choose_step,
    class_means,
    step_change,
    stepped,
)
from engine.reweight.comparison import paired_change


def change(step: float, values: list[float], accuracy: float = 0.0) -> StepChange:
    value = np.array(values)
    return StepChange(step, value, 100 * value, np.full(len(values), accuracy))


def folds_of(counts: np.ndarray, samples: int = 60) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(samples, counts.size))


def test_the_weights_are_the_certificates_of_all_folds_and_of_all_but_one() -> None:
    counts = np.array([[4, 3, 2], [4, 3, 3], [1, 2, 3]])
    rows = folds_of(counts)
    found = CertifiedWeights.from_folds(rows, counts, WeightRange(0.5, 1.5))

    assert found.whole == pytest.approx(certificate(pool_folds(rows, counts), WeightRange(0.5, 1.5)).weights)
    assert found.without.shape == (3, 60)
    for fold, weights in enumerate(found.without):
        kept, _ = leave_out(rows, counts, fold)
        assert weights == pytest.approx(certificate(kept, WeightRange(0.5, 1.5)).weights)
        assert ((weights - 1) @ kept > 0).all()


def test_a_class_that_one_fold_alone_holds_does_not_stand_in_the_way_of_the_others() -> None:
    counts = np.array([[4, 3, 2], [4, 3, 0]])
    found = CertifiedWeights.from_folds(folds_of(counts), counts, WeightRange(0.5, 1.5))

    kept, _ = leave_out(folds_of(counts), counts, 0)
    assert ((found.without[0] - 1) @ kept[:, :2] > 0).all()


def test_the_weight_range_is_kept() -> None:
    counts = np.array([[4, 3, 2], [4, 3, 3]])
    found = CertifiedWeights.from_folds(folds_of(counts), counts, WeightRange(0.2, 1.0))

    assert found.without.max() <= 1 < found.without.max() + 1e-9
    assert found.without.min() == pytest.approx(0.2)


def test_a_step_is_a_share_of_the_way_from_plain_training() -> None:
    assert stepped(np.array([0.5, 1.0, 1.5]), 0.5) == pytest.approx([0.75, 1.0, 1.25])
    assert stepped(np.array([0.5, 1.5]), 1.0) == pytest.approx([0.5, 1.5])


def test_changes_are_means_over_seeds_and_samples_in_per_cent_of_the_controls_scale() -> None:
    labels = np.array([0, 1, 1])
    control = Outcomes(
        np.array([[-2.0, 1, 3], [-4.0, 1, 3]], np.float32),
        np.zeros((2, 3), np.float32),
        np.array([[False, True, False], [False, True, False]]),
    )
    found = step_change(
        0.25,
        Outcomes(
            np.array([[-2.0, 1, 3], [-5.0, 0, 2]], np.float32),
            np.zeros((2, 3), np.float32),
            np.array([[True, True, False], [False, False, False]]),
        ),
        control,
        labels,
        2,
    )

    assert found.step == 0.25
    assert found.value.tolist() == [-0.5, -0.5]
    assert found.percent == pytest.approx([100 * -0.5 / 3, 100 * -0.5 / 2])
    assert found.accuracy.tolist() == [0.5, -0.25]
    assert found.improved == 2


def test_a_class_without_samples_has_no_mean() -> None:
    assert np.isnan(class_means(np.ones((2, 3)), np.array([0, 0, 2]), 3)).tolist() == [False, True, False]


def test_the_step_that_improves_most_classes_is_chosen() -> None:
    assert choose_step([change(0.1, [-1, -1, -1]), change(0.5, [-9, -9, 1], accuracy=0.5)]) == 0


def test_of_several_the_most_accurate_is_chosen_then_the_lowest_then_the_smallest() -> None:
    assert choose_step([change(0.1, [-1, -1], 0.02), change(1.0, [-9, -9], 0.01)]) == 0
    assert choose_step([change(0.1, [-1, -1], 0.01), change(1.0, [-9, -9], 0.01)]) == 1
    assert choose_step([change(0.1, [-1, -1]), change(1.0, [-1, -1])]) == 0


@pytest.mark.parametrize(
    "values",
    [[0, 0, 0], [1, 1, 1], [-1, 1, 1], [-1, -1, 3], [-3, 1, 1, -3.0]],
    ids=["nothing", "worse", "one of three", "two of three at a price", "half of them"],
)
def test_plain_training_stays_where_no_step_helps_most_classes_and_their_mean(values: list[float]) -> None:
    assert choose_step([change(0.1, values), change(1.0, values)]) is None


@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=4), st.data())
def test_a_step_that_another_beats_in_every_class_and_in_accuracy_is_never_chosen(
    values: list[list[float]], data: st.DataObject
) -> None:
    accuracies = data.draw(st.lists(st.floats(-1, 1), min_size=len(values), max_size=len(values)))
    steps = [change(STEPS[n], one, accuracies[n]) for n, one in enumerate(values)]
    chosen = choose_step(steps)
    if chosen is None:
        return
    best = steps[chosen]
    assert best.value.min() < 0
    for other in steps:
        assert not ((other.value < best.value).all() and (other.accuracy > best.accuracy).all())


def test_the_paired_change_is_that_of_losses_too() -> None:
    generator = np.random.default_rng(0)
    control = generator.normal(size=(6, 40)).astype(np.float32)
    labels = np.arange(40) % 2
    found = paired_change(control - np.where(labels == 0, 0.5, 0.0).astype(np.float32), control, labels, 3, 0)

    assert found.mean[:2] == pytest.approx([-0.5, 0.0], abs=1e-6)
    assert found.interval[0] == pytest.approx([-0.5, -0.5], abs=1e-6)
    assert np.isnan(found.mean[2])
