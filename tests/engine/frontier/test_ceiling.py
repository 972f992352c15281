import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from engine.errors import RefusedInput
from engine.frontier import ceiling_verdict, leave_out
from engine.frontier.ceiling import STEP
from engine.judged_by import WORDS
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme

NAMES = ("cat", "dog", "ship")
COUNTS = np.full((4, 3), 25)
LOSS = np.array([0.5, 1.0, 0.8])


def rows_of(shared, noise, seed=0):
    """Influence that the folds share, with noise of each fold's own."""
    generator = np.random.default_rng(seed)
    return np.concatenate([shared + noise * generator.standard_normal(shared.shape) for _ in range(4)], axis=1)


def room_for_all(samples=80):
    """Flipped labels harm all classes, the other samples help some."""
    vectors = np.random.default_rng(5).standard_normal((samples, 3))
    vectors[: samples // 4] -= 3
    return vectors


def exact_trade_off(samples=80):
    vectors = np.random.default_rng(6).standard_normal((samples, 3))
    return vectors - vectors.mean(axis=1, keepdims=True)


def test_samples_that_harm_all_classes_leave_room():
    found = ceiling_verdict(rows_of(room_for_all(), 0.2), COUNTS, LOSS, NAMES)

    assert found.verdict == "improvable"
    assert found.sentence.startswith("Room to improve")
    assert (found.gain.interval[:, 0] > 0).all()
    assert (found.gain.interval[:, 0] < found.gain.held_out).all()
    assert found.minimum.value == found.gain.held_out.min() == found.gain.held_out[found.minimum.class_index]
    assert found.few_samples == ()


def test_gains_are_per_cent_of_the_class_scale_and_fall_on_folds_left_out():
    rows = rows_of(room_for_all(), 0.5)
    found = ceiling_verdict(rows, COUNTS, LOSS, NAMES)
    doubled = ceiling_verdict(rows, COUNTS, 2 * LOSS, NAMES)

    assert (found.gain.held_out < found.gain.in_sample).all()
    for one, other in zip(vars(found.gain).values(), vars(doubled.gain).values(), strict=True):
        np.testing.assert_allclose(one, 2 * other)


@pytest.mark.parametrize("measurement", WORDS)
@pytest.mark.parametrize("room", [True, False])
def test_the_sentence_names_what_gains_are_per_cent_of(measurement, room):
    rows = rows_of(room_for_all() if room else exact_trade_off(), 0.2)
    plain = ceiling_verdict(rows, COUNTS, LOSS, NAMES)
    found = ceiling_verdict(rows, COUNTS, LOSS, NAMES, measurement=measurement)

    assert f"% of its {WORDS[measurement].scale} (95%" in found.sentence
    assert ("loss" in found.sentence) == (measurement == "loss")
    # The words alone follow it: the scale is the caller's.
    assert (found.verdict, found.minimum) == (plain.verdict, plain.minimum)


def test_without_noise_the_gain_left_out_is_the_gain_in_sample():
    found = ceiling_verdict(rows_of(room_for_all(), 0.0), COUNTS, LOSS, NAMES)
    programme = ReweightProgramme(room_for_all(), ProgrammeSettings((0, 1, 2)))
    np.testing.assert_allclose(found.gain.in_sample, 100 * STEP * programme.solve([0, 0, 0]).gains / LOSS)
    np.testing.assert_allclose(found.gain.held_out, found.gain.in_sample)
    np.testing.assert_allclose(found.gain.interval[:, 0], found.gain.held_out)


def test_the_interval_is_students_over_the_folds():
    rows = rows_of(room_for_all(), 0.5)
    found = ceiling_verdict(rows, COUNTS, LOSS, NAMES)

    gains = []
    for fold in range(4):
        kept, left = leave_out(rows, COUNTS, fold)
        weights = ReweightProgramme(kept, ProgrammeSettings((0, 1, 2))).solve([0, 0, 0]).weights
        gains.append(100 * STEP * (weights - 1) @ left / len(left) / LOSS)
    low, high = stats.t.interval(0.95, 3, np.mean(gains, axis=0), stats.sem(gains))
    np.testing.assert_allclose(found.gain.held_out, np.mean(gains, axis=0))
    np.testing.assert_allclose(found.gain.interval, np.stack([low, high], axis=1))


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_trade_off_under_noise_is_not_called_improvable(seed):
    found = ceiling_verdict(rows_of(exact_trade_off(), 0.3, seed), COUNTS, LOSS, NAMES)

    assert found.verdict != "improvable"
    # What the samples promise that the weights were chosen on is flattery.
    assert (found.gain.in_sample > 0).all()


def test_a_trade_off_that_the_folds_agree_on_is_at_its_ceiling():
    found = ceiling_verdict(rows_of(exact_trade_off(), 1e-3), COUNTS, LOSS, NAMES)
    assert found.verdict == "at_ceiling"
    assert found.minimum.interval[1] < 1
    assert "At the ceiling" in found.sentence


def test_folds_that_disagree_leave_it_open():
    found = ceiling_verdict(rows_of(exact_trade_off(), 1.0, seed=2), COUNTS, LOSS, NAMES)
    assert found.verdict == "inconclusive"
    assert "Not enough evidence" in found.sentence
    assert NAMES[found.minimum.class_index] in found.sentence


def test_a_class_with_few_samples_is_named_and_makes_it_inconclusive():
    counts = COUNTS.copy()
    counts[:, 1] = [3, 2, 2, 2]
    found = ceiling_verdict(rows_of(room_for_all(), 0.1), counts, LOSS, NAMES)
    assert found.verdict == "inconclusive"
    assert found.few_samples == ("dog",)
    assert "dog has fewer than 10" in found.sentence


def test_a_class_in_one_fold_only_has_no_interval_and_one_in_two_has():
    counts = COUNTS.copy()
    counts[:, 1] = [40, 0, 0, 0]
    counts[:, 2] = [20, 20, 0, 0]
    rows = rows_of(room_for_all(), 0.1)
    rows[:, [4, 7, 10, 8, 11]] = np.nan
    found = ceiling_verdict(rows, counts, LOSS, NAMES)

    assert found.verdict == "inconclusive"
    assert np.isfinite(found.gain.held_out).all()
    assert np.isnan(found.gain.interval).any(axis=1).tolist() == [False, True, False]


def test_a_class_without_an_interval_keeps_another_from_deciding():
    # What helps the first class in some folds harms it in the one left out.
    rows = rows_of(np.zeros((80, 3)), 1.0)
    of_first = rows[:, [0, 3, 6, 9]]
    rows[:, [0, 3, 6, 9]] = 10 * (of_first - of_first.mean(axis=1, keepdims=True))
    counts = COUNTS.copy()
    counts[:, 2] = [40, 0, 0, 0]

    decided = ceiling_verdict(rows, COUNTS, LOSS, NAMES)
    assert (decided.verdict, decided.minimum.class_index) == ("at_ceiling", 0)
    undecided = ceiling_verdict(rows, counts, LOSS, NAMES)
    assert (undecided.verdict, undecided.minimum.class_index) == ("inconclusive", 0)


def test_influence_that_is_not_finite_is_refused():
    rows = rows_of(room_for_all(), 0.1)
    rows[3, 4] = np.inf
    with pytest.raises(RefusedInput, match="sample 3"):
        ceiling_verdict(rows, COUNTS, LOSS, NAMES)


def test_a_perfectly_learnt_class_does_not_overflow():
    found = ceiling_verdict(rows_of(room_for_all(), 0.1), COUNTS, np.array([0.0, 1.0, 1.0]), NAMES)
    assert np.isfinite(found.gain.held_out).all()


def test_frontier_and_programme_open_without_torch_and_scikit_learn():
    statement = (
        "import sys, engine.frontier, engine.reweight, engine.reweight.search, engine.reweight.programme;"
        "print([name for name in ('torch', 'sklearn', 'streamlit', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
