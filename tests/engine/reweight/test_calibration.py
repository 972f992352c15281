"""How large predicted changes really are, by probe epochs."""

import numpy as np
import pytest

from engine.reweight.calibration import calibration, probe_weights

LABELS = np.repeat([0, 2, 5], [40, 25, 10])
FACTOR = 0.4


def predicted(pairs=6, classes=4, seed=0):
    return np.random.default_rng(seed).standard_normal((pairs, classes))


def values_of(gains, even=0.0):
    """What mirrored probes measure: the gain on either side, and ``even`` on both."""
    return np.stack([2.0 - gains + even, 2.0 + gains + even], axis=1).reshape(-1, gains.shape[1])


@pytest.mark.parametrize("labels", [LABELS, np.zeros(30, dtype=int), np.repeat([0, 1], [99, 1])])
def test_probes_have_mean_one_are_not_negative_and_mirror_each_other(labels):
    weights = probe_weights(labels, pairs=20)

    assert weights.shape == (40, len(labels))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.mean(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(weights[0::2] + weights[1::2], 2, atol=1e-6)
    assert weights.min() >= 0
    assert weights.std() > 0.04


def test_probes_move_classes_and_single_samples_beside_them():
    weights = probe_weights(LABELS, pairs=20)[::2]

    moves = np.stack([weights[:, label == LABELS].mean(axis=1) for label in (0, 2, 5)], axis=1)
    within = max(weights[:, label == LABELS].std(axis=1).max() for label in (0, 2, 5))
    # What a class moves by differs from another's by half, or not at all but for what samples do.
    apart = np.abs(np.diff(moves, axis=1))
    assert np.minimum(apart, np.abs(apart - 0.5)).max() < 0.12
    assert (apart > 0.3).any(axis=1).mean() > 0.5
    assert 0.03 < within < 0.1


def test_probes_are_drawn_by_their_seed():
    first = probe_weights(LABELS, seed=1)
    assert np.array_equal(first, probe_weights(LABELS, seed=1))
    assert not np.array_equal(first, probe_weights(LABELS, seed=2))
    assert not np.array_equal(first[0], first[2])


def test_labels_need_not_begin_at_zero_nor_be_without_gaps():
    assert np.array_equal(probe_weights(LABELS), probe_weights(np.repeat([7, 8, 9], [40, 25, 10])))


@pytest.mark.parametrize("factor", [FACTOR, 1.0, -0.2])
def test_a_factor_that_holds_everywhere_is_found_without_error(factor):
    gains = predicted()
    found = calibration(gains, values_of(factor * gains), np.array([1.0, 2.0, 0.5, 4.0]))

    assert found.factor == pytest.approx(factor)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.spearman == pytest.approx(np.sign(factor))
    assert found.pairs == 6


def test_what_both_sides_of_a_pair_share_does_not_bias_the_factor():
    gains = predicted()
    # Of the order of the batches, and of the square of the deviation.
    even = np.random.default_rng(1).standard_normal((6, 1)) + 3 * gains**2
    found = calibration(gains, values_of(FACTOR * gains, even), np.ones(4))

    assert found.factor == pytest.approx(FACTOR)
    assert found.error == pytest.approx(0, abs=1e-12)


def test_the_error_is_that_of_a_pair_that_the_factor_was_not_fitted_on():
    gains, scale = predicted(), np.array([1.0, 2.0, 0.5, 4.0])
    real = FACTOR * gains + 0.3 * np.random.default_rng(2).standard_normal(gains.shape)
    found = calibration(gains, values_of(real), scale)

    missed = []
    for pair in range(6):
        told, gained = np.delete(gains / scale, pair, axis=0), np.delete(real / scale, pair, axis=0)
        without = np.linalg.lstsq(told.reshape(-1, 1), gained.ravel(), rcond=None)[0][0]
        missed.append((real / scale)[pair] - without * (gains / scale)[pair])
    assert found.error == pytest.approx(np.sqrt(np.mean(np.square(missed))))
    fitted = np.sqrt(np.mean(((real - found.factor * gains) / scale) ** 2))
    assert found.error > fitted


def test_a_prediction_of_one_lucky_pair_is_not_taken_for_a_good_one():
    gains = np.full((6, 4), 1e-3)
    gains[0] = 1.0
    real = np.random.default_rng(4).standard_normal((6, 4))
    real[0] = 1.0
    found = calibration(gains, values_of(real), np.ones(4))
    assert found.factor == pytest.approx(1, abs=1e-2)
    assert found.error > 1


def test_units_change_nothing():
    gains, scale, units = predicted(), np.array([1.0, 2.0, 0.5, 4.0]), np.array([1e3, 1e-2, 7.0, 1.0])
    real = FACTOR * gains + 0.3 * np.random.default_rng(2).standard_normal(gains.shape)
    first = calibration(gains, values_of(real), scale)
    second = calibration(gains * units, values_of(real) * units, scale * units)

    found, again = ([one.factor, one.error, one.spearman] for one in (first, second))
    assert again == pytest.approx(found)


@pytest.mark.parametrize("where", ["predicted", "values", "scale"])
def test_a_class_that_is_not_measured_counts_for_nothing(where):
    gains, scale = predicted(), np.array([1.0, 2.0, 0.5, 4.0])
    real = FACTOR * gains + 0.3 * np.random.default_rng(2).standard_normal(gains.shape)
    kept = [0, 1, 3]
    expected = calibration(gains[:, kept], values_of(real[:, kept]), scale[kept])

    given = {"predicted": gains, "values": values_of(real), "scale": scale}
    given[where] = given[where].copy()
    given[where][..., 2] = np.nan
    assert calibration(**given) == expected
