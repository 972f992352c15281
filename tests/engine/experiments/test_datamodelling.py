"""Class-wise linear datamodelling scores against scipy, and their ceiling against simulations with a known truth."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.experiments.datamodelling import (
    bootstrapped,
    choose,
    datamodelling_scores,
    half_subsets,
    half_weights,
    mean_noise_ceiling,
    mean_score,
    noise_ceiling,
    summed,
)


def trainings(subsets: int = 40, seeds: int = 2, classes: int = 3, noise: float = 0.5, seed: int = 0):
    """A true goodness of each half, and the losses of its trainings."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=(subsets, classes))
    return truth, -truth[:, None] + noise * generator.normal(size=(subsets, seeds, classes))


def score(predicted: np.ndarray, losses: np.ndarray) -> float:
    found = mean_score(datamodelling_scores(predicted, losses))
    assert found is not None
    return found


def interval(predicted: np.ndarray, losses: np.ndarray) -> tuple[float, float]:
    found = bootstrapped(predicted, losses, 0)
    assert found is not None
    return found


@pytest.mark.parametrize("samples", [10, 11])
def test_halves_hold_half_of_the_samples_and_differ(samples):
    halves = half_subsets(samples, 30, 0)

    assert halves.dtype == bool
    assert halves.shape == (30, samples)
    assert (halves.sum(axis=1) == samples // 2).all()
    assert len(np.unique(halves, axis=0)) > 25
    # Every sample is in about half of them.
    assert (np.abs(halves.mean(axis=0) - 0.5) < 0.35).all()


def test_more_halves_begin_with_the_same_ones_and_another_seed_has_others():
    few, many, other = half_subsets(20, 5, 3), half_subsets(20, 50, 3), half_subsets(20, 5, 4)

    assert np.array_equal(few, many[:5])
    assert not np.array_equal(few, other)


@pytest.mark.parametrize("samples", [10, 11])
def test_the_samples_of_a_half_weigh_so_much_that_the_mean_is_one(samples):
    halves = half_subsets(samples, 6, 0)
    weights = half_weights(halves)

    assert weights.dtype == np.float32
    assert weights.mean(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert (weights[~halves] == 0).all()
    assert weights[halves] == pytest.approx(samples / (samples // 2))


def test_the_influence_of_a_half_is_the_sum_over_its_samples():
    vectors = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    halves = half_subsets(9, 4, 0)

    expected = [vectors[half].astype(np.float64).sum(axis=0) for half in halves]
    assert summed(vectors, halves) == pytest.approx(np.array(expected), abs=1e-12)


def test_scores_are_scipys_spearman_of_the_sum_with_the_negated_mean_loss():
    _, losses = trainings()
    predicted = np.random.default_rng(5).normal(size=(40, 3)).round(1) - losses.mean(axis=1)

    scores = datamodelling_scores(predicted, losses)

    assert scores == pytest.approx([spearmanr(predicted[:, k], -losses.mean(axis=1)[:, k]).statistic for k in range(3)])
    assert (scores > 0.3).all()


def test_a_class_that_never_varies_or_was_not_measured_has_no_score():
    truth, losses = trainings()
    losses[:, :, 1], truth[:, 2] = 0.5, 1.0
    assert np.isnan(datamodelling_scores(truth, losses)).tolist() == [False, True, True]
    losses[:, :, 0] = np.nan
    assert np.isnan(datamodelling_scores(truth, losses)).all()
    assert mean_score([np.nan, 0.5, 0.25]) == 0.375
    assert mean_score([np.nan]) is None


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_the_ceiling_is_what_a_prediction_that_knew_the_truth_reaches(seeds, noise):
    estimated, reached = [], []
    for repeat in range(30):
        truth, losses = trainings(64, seeds, 4, noise, seed=repeat)
        estimated.append(mean_noise_ceiling(losses) or 0.0)
        reached.append(datamodelling_scores(truth, losses).mean())
    assert np.mean(estimated) == pytest.approx(np.mean(reached), abs=0.06)


def test_the_ceiling_does_not_depend_on_the_order_of_the_seeds():
    _, losses = trainings(seeds=5, noise=2.0)
    assert noise_ceiling(losses) == pytest.approx(noise_ceiling(losses[:, [3, 1, 4, 0, 2]]), abs=1e-12)
    _, losses = trainings(seeds=3, noise=2.0)
    assert noise_ceiling(losses) == pytest.approx(noise_ceiling(losses[:, [2, 0, 1]]), abs=1e-12)


def test_the_ceiling_of_trainings_that_are_alike_is_one_of_pure_chance_about_none_and_of_one_seed_unknown():
    _, alike = trainings(noise=0.0)
    assert noise_ceiling(alike) == pytest.approx(1.0)
    chance = np.random.default_rng(0).normal(size=(400, 2, 3))
    assert not (noise_ceiling(chance) >= 0.4).any()
    assert (mean_noise_ceiling(chance) or 0) < 0.4
    assert np.isnan(noise_ceiling(alike[:, :1])).all()
    opposed = np.stack([alike[:, 0], -alike[:, 0]], axis=1)
    assert np.isnan(noise_ceiling(opposed)).all()
    assert mean_noise_ceiling(opposed) is None
    assert mean_noise_ceiling(alike[:, :1]) is None


def test_many_seeds_are_parted_in_some_ways_only():
    _, losses = trainings(seeds=20, noise=2.0)
    ceiling = noise_ceiling(losses)
    assert ((ceiling > 0.8) & (ceiling < 1)).all()


def candidates(truth: np.ndarray, noises: list[float], seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([truth + noise * generator.normal(size=truth.shape) for noise in noises])


def test_a_prediction_that_is_better_is_chosen_and_gains():
    truth, losses = trainings()
    found = choose(candidates(truth, [3.0, 2.0, 0.1, 1.0]), losses, reference=0)

    assert found.best == 2
    assert found.gain is not None
    assert found.gain > 0.3


def test_of_equal_predictions_the_first_is_chosen_and_gains_nothing():
    truth, losses = trainings()
    found = choose(np.stack([truth] * 3), losses, reference=1)
    assert (found.best, found.gain) == (0, 0.0)


def test_a_choice_among_pure_chance_gains_nothing_on_what_did_not_choose():
    gains, in_sample = [], []
    for repeat in range(60):
        _, losses = trainings(32, 2, 3, seed=repeat)
        predicted = np.random.default_rng(1000 + repeat).normal(size=(8, 32, 3))
        found = choose(predicted, losses, reference=0)
        scores = [score(one, losses) for one in predicted]
        assert found.gain is not None
        gains.append(found.gain)
        in_sample.append(scores[found.best] - scores[0])
        assert found.best == int(np.argmax(scores))
    assert np.mean(in_sample) > 0.1
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(60)


def test_too_few_halves_choose_but_tell_no_gain():
    truth, losses = trainings(7)
    assert choose(candidates(truth, [2.0, 0.0]), losses, reference=0) == type(choose(truth[None], losses, 0))(1, None)
    truth, losses = trainings(8)
    assert choose(candidates(truth, [2.0, 0.0]), losses, reference=0).gain is not None


def test_where_nothing_varies_there_is_no_gain_and_no_interval():
    truth, losses = trainings()
    assert choose(candidates(truth, [1.0, 0.0]), np.ones_like(losses), reference=0).gain is None
    assert bootstrapped(truth, np.ones_like(losses), 0) is None
    # What varies only in one part of the halves tells no gain either.
    losses[::2] = 1.0
    assert choose(candidates(truth, [1.0, 0.0]), losses, reference=0).gain is None


def test_a_candidate_that_is_not_finite_is_never_chosen():
    truth, losses = trainings()
    predicted = candidates(truth, [5.0, 0.0])
    predicted[1, 3] = np.nan
    assert choose(predicted, losses, reference=0).best == 0


def test_the_interval_holds_the_score_and_narrows_with_more_halves():
    found = []
    for subsets in (24, 240):
        truth, losses = trainings(subsets, noise=1.0)
        low, high = interval(truth, losses)
        assert low < score(truth, losses) < high
        assert (low, high) == bootstrapped(truth, losses, 0) != bootstrapped(truth, losses, 1)
        found.append(high - low)
    # Seeds are drawn as well, and of two seeds one is often drawn twice: it does not narrow to nothing.
    assert found[1] < 0.7 * found[0]


def test_the_interval_is_that_of_a_bootstrap_over_halves_around_the_score():
    truth, losses = trainings(24, 3, noise=1.0)
    generator, drawn = np.random.default_rng(99), []
    for _ in range(400):
        rows = generator.integers(0, 24, 24)
        drawn.append(score(truth[rows], losses[rows]))
    moved = np.quantile(drawn, [0.025, 0.975]) + score(truth, losses) - np.median(drawn)
    assert bootstrapped(truth, losses, 0) == pytest.approx(moved, abs=0.05)


def test_a_class_without_a_score_does_not_cost_the_interval():
    truth, losses = trainings()
    losses[:, :, 0] = np.nan
    low, high = interval(truth, losses)
    assert low < score(truth, losses) < high
