import subprocess
import sys

import numpy as np
import pytest

from engine.errors import RefusedInput
from engine.frontier import (
    FoldedInfluence,
    WeightRange,
    ceiling_verdict,
    certificate,
    costly_classes,
    leave_out,
    pool_folds,
)
from engine.frontier.ceiling import STEP
from engine.frontier.cross_fit import cross_fit
from engine.frontier.intervals import class_means
from engine.judged_by import WORDS

NAMES = ("cat", "dog", "ship")
LOSS = np.array([0.5, 1.0, 0.8])
RANGE = WeightRange()


class Validation:
    """Validation samples whose own influence is what their class shares, and noise of each sample."""

    def __init__(self, shared, noise, seed=0, counts=(100, 100, 100)):
        generator = np.random.default_rng(seed)
        self.labels = np.repeat(np.arange(3), counts)
        self.own = shared[:, self.labels] + noise * generator.standard_normal((len(shared), len(self.labels)))
        self.fold_of = np.concatenate([np.arange(count) % 4 for count in counts])
        self.counts = np.zeros((4, 3), dtype=np.int64)
        np.add.at(self.counts, (self.fold_of, self.labels), 1)
        rows = np.zeros((len(shared), 4, 3))
        for fold in range(4):
            for k in range(3):
                chosen = (self.fold_of == fold) & (self.labels == k)
                rows[:, fold, k] = self.own[:, chosen].mean(axis=1) if chosen.any() else np.nan
        self.rows = rows.reshape(len(shared), 12)

    def gains(self, changes):
        return changes.astype(np.float64) @ self.own / len(self.own)

    def verdict(self, scale=LOSS, weight_range=RANGE, **options):
        folded = FoldedInfluence(self.rows, self.counts, self.fold_of, self.labels)
        return ceiling_verdict(folded, scale, NAMES, weight_range, self.gains, **options)


def room_for_all(samples=80):
    """Flipped labels harm all classes, the other samples help some."""
    vectors = np.random.default_rng(5).standard_normal((samples, 3))
    vectors[: samples // 4] -= 3
    return vectors


def exact_trade_off(samples=80):
    vectors = np.random.default_rng(6).standard_normal((samples, 3))
    return vectors - vectors.mean(axis=1, keepdims=True)


def test_samples_that_harm_all_classes_leave_room():
    found = Validation(room_for_all(), 1.0).verdict()

    assert found.verdict == "improvable"
    assert found.sentence.startswith("Room to improve")
    assert (found.gain.interval[:, 0] > 0).all()
    assert (found.gain.interval[:, 0] < found.gain.held_out).all()
    assert found.minimum.value == found.gain.held_out.min() == found.gain.held_out[found.minimum.class_index]
    assert found.few_samples == ()


def test_gains_and_headroom_are_per_cent_of_the_class_scale_and_smaller_for_samples_left_out():
    samples = Validation(room_for_all(), 5.0)
    found, doubled = samples.verdict(), samples.verdict(2 * LOSS)

    assert (found.gain.held_out < found.gain.in_sample).all()
    assert (found.headroom.held_out < found.headroom.in_sample).all()
    for one, other in zip(vars(found.gain).values(), vars(doubled.gain).values(), strict=True):
        np.testing.assert_allclose(one, 2 * other)
    np.testing.assert_allclose(found.headroom.held_out, 2 * doubled.headroom.held_out)
    # A price is per cent for per cent: it stays when both scales do alike.
    np.testing.assert_allclose(found.headroom.prices, doubled.headroom.prices)
    dearer = samples.verdict(LOSS * [1, 2, 1]).headroom.prices
    np.testing.assert_allclose(dearer[0, 1], 2 * found.headroom.prices[0, 1])
    np.testing.assert_allclose(dearer[1, 0], found.headroom.prices[1, 0] / 2)


def test_the_gain_left_out_is_that_of_the_rows_of_the_fold_left_out():
    samples = Validation(room_for_all(), 2.0)
    expected = np.zeros((4, 3))
    for fold in range(4):
        kept, left = leave_out(samples.rows, samples.counts, fold)
        expected[fold] = (certificate(kept, RANGE).weights - 1) @ left / len(left)
    assert STEP == 0.1
    np.testing.assert_allclose(samples.verdict().gain.held_out, 100 * 0.1 * expected.mean(axis=0) / LOSS, rtol=1e-5)


def test_the_diagonal_of_the_effects_is_the_headroom_and_costs_are_the_highest_prices():
    found = Validation(room_for_all(), 2.0).verdict().headroom
    np.testing.assert_allclose(np.diag(found.effects), found.held_out)
    assert (np.diag(found.prices) == 0).all()
    assert costly_classes(np.array([[0, 1.0, 3.0], [0, 0, 0], [2.0, 0, 0]]), 0) == [2, 1]
    assert costly_classes(np.array([[0, 1.0, 3.0], [0, 0, 0], [2.0, 0, 0]]), 1) == []


@pytest.mark.parametrize("measurement", WORDS)
@pytest.mark.parametrize("room", [True, False])
def test_the_sentence_names_what_gains_are_per_cent_of(measurement, room):
    samples = Validation(room_for_all() if room else exact_trade_off(), 1.0)
    plain, found = samples.verdict(), samples.verdict(measurement=measurement)

    assert f"% of its {WORDS[measurement].scale} on validation samples" in found.sentence
    assert ("loss" in found.sentence) == (measurement == "loss")
    assert (found.verdict, found.minimum) == (plain.verdict, plain.minimum)


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_trade_off_under_noise_is_not_called_improvable(seed):
    found = Validation(exact_trade_off(), 3.0, seed).verdict()

    assert found.verdict != "improvable"
    # What the samples promise that the weights were chosen on is flattery.
    assert (found.gain.in_sample > 0).all()


def test_a_trade_off_that_all_samples_agree_on_is_at_its_ceiling():
    found = Validation(exact_trade_off(), 1e-2).verdict()
    assert found.verdict == "at_ceiling"
    assert found.minimum.interval[1] < 1
    assert "At the ceiling" in found.sentence


def test_samples_that_disagree_leave_it_open():
    found = Validation(room_for_all(), 8.0, seed=3, counts=(12, 12, 12)).verdict()
    assert found.verdict == "inconclusive"
    assert "Not enough evidence" in found.sentence
    assert NAMES[found.minimum.class_index] in found.sentence


def test_a_class_with_few_samples_is_named_and_makes_it_inconclusive():
    found = Validation(room_for_all(), 0.1, counts=(100, 9, 100)).verdict()
    assert found.verdict == "inconclusive"
    assert found.few_samples == ("dog",)
    assert "dog has fewer than 10" in found.sentence


def test_a_class_of_one_sample_has_a_gain_and_no_interval():
    found = Validation(room_for_all(), 0.1, counts=(100, 1, 100)).verdict()
    assert found.verdict == "inconclusive"
    assert np.isfinite(found.gain.held_out).all()
    assert np.isnan(found.gain.interval).any(axis=1).tolist() == [False, True, False]


def test_the_seed_moves_the_interval_alone_and_a_little():
    samples = Validation(room_for_all(), 2.0)
    one, same, other = samples.verdict(seed=1), samples.verdict(seed=1), samples.verdict(seed=2)
    assert (one.gain.interval == same.gain.interval).all()
    assert (one.gain.interval != other.gain.interval).all()
    assert (one.gain.held_out == other.gain.held_out).all()
    np.testing.assert_allclose(np.ptp(one.gain.interval, axis=1), np.ptp(other.gain.interval, axis=1), rtol=0.1)


def same(one, other):
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, vars(other)[name])


def test_all_classes_by_name_of_their_number_are_all_classes():
    samples = Validation(room_for_all(), 2.0)
    every, named = samples.verdict(), samples.verdict(classes=[2, 0, 1, 1])
    assert (named.classes, named.evidence, named.sentence) == (every.classes, every.evidence, every.sentence)
    assert every.classes == (0, 1, 2)
    same(named.gain, every.gain)
    same(named.headroom, every.headroom)


def test_two_classes_of_a_trade_off_improve_together_and_the_third_pays():
    samples = Validation(exact_trade_off(), 0.3)
    every, two = samples.verdict(), samples.verdict(classes=[1, 0])

    assert (every.verdict, two.verdict) == ("at_ceiling", "improvable")
    assert two.classes == (0, 1)
    assert two.sentence.startswith(
        "Room to improve: reweighting the training data should improve cat and dog, without regard to the other one;"
        f" the weakest is {NAMES[two.minimum.class_index]}, which gains"
    )
    assert two.minimum.value == two.gain.held_out[:2].min() > two.gain.held_out[2]
    assert two.minimum.interval[1] == two.gain.interval[list(two.classes), 1].min()
    assert two.gain.interval[2, 1] < 0
    assert two.certificate.prices[2] == 0
    assert two.evidence[0] == f"Improving only cat and dog costs ship ({two.gain.held_out[2]:+.1f}%)."


def test_the_weights_for_some_classes_are_those_of_their_own_programme_on_the_folds_left_in():
    samples = Validation(exact_trade_off(), 2.0)
    expected = np.zeros((4, 3))
    for fold in range(4):
        kept, left = leave_out(samples.rows, samples.counts, fold)
        expected[fold] = (certificate(kept, RANGE, [0, 2]).weights - 1) @ left / len(left)
    found = samples.verdict(classes=[0, 2])
    np.testing.assert_allclose(found.gain.held_out, 100 * STEP * expected.mean(axis=0) / LOSS, rtol=1e-5)


def test_of_classes_that_are_not_judged_nothing_is_asked_but_what_happens_to_them():
    found = Validation(exact_trade_off(), 0.3).verdict(classes=[0, 1]).headroom
    for values in (found.in_sample, found.held_out, found.interval, found.prices, found.effects):
        assert np.isnan(values).reshape(3, -1).all(axis=1).tolist() == [False, False, True]
        assert np.isfinite(values[:2]).all()
    # Nothing keeps the third from losing: it has no price, and it pays.
    assert (found.prices[:2, 2] == 0).all()
    assert (found.effects_interval[:2, 2, 1] < 0).all()


def test_few_samples_count_for_judged_classes_alone_and_are_not_said_to_pay():
    samples = Validation(exact_trade_off(), 0.3, counts=(100, 100, 9))
    assert samples.verdict().few_samples == ("ship",)
    found = samples.verdict(classes=[0, 1])
    assert (found.few_samples, found.verdict) == ((), "improvable")
    assert found.evidence[0] == "Improving only cat and dog costs no other class beyond chance."
    few = samples.verdict(classes=[0, 2])
    assert (few.few_samples, few.verdict) == (("ship",), "inconclusive")
    assert few.evidence[-1] == "ship has too few validation samples to say what it could gain."


def test_intervals_of_fewer_judged_classes_need_less_room():
    samples = Validation(room_for_all(), 2.0)
    every, one = samples.verdict(), samples.verdict(classes=[1])
    # Another programme has other gains: widths are compared with those that each class has by itself.
    assert one.headroom.held_out[1] == pytest.approx(one.gain.held_out[1], rel=1e-3)
    np.testing.assert_allclose(np.ptp(one.gain.interval[1]), np.ptp(one.headroom.interval[1]), rtol=0.1)
    assert np.ptp(every.gain.interval, axis=1).min() > 0


@pytest.mark.parametrize(
    ("samples", "classes", "told"),
    [
        (Validation(room_for_all(), 1.0), [1], "should improve dog, without regard to the other 2; it gains"),
        (
            Validation(exact_trade_off(), 1.0),
            [0, 1],
            "should improve cat and dog, without regard to the other one; the weakest is",
        ),
        (
            Validation(np.random.default_rng(6).standard_normal((80, 1)) @ [[1.0, -1.0, 0.5]], 1e-2),
            [0, 1],
            "At the ceiling: no reweighting of the training data was found that helps cat and dog, without regard to"
            " the other one; the weakest is",
        ),
        (
            Validation(room_for_all(), 12.0, seed=3, counts=(12, 12, 12)),
            [0, 1],
            "Not enough evidence to say whether cat and dog can improve at once, without regard to the other one: ",
        ),
        (
            Validation(exact_trade_off(), 20.0, seed=1, counts=(12, 12, 12)),
            [1],
            "Not enough evidence to say whether dog can improve, without regard to the other 2: it ",
        ),
    ],
)
def test_the_sentence_says_which_classes_are_judged(samples, classes, told):
    assert told in samples.verdict(classes=classes).sentence


def test_no_class_to_judge_is_refused():
    with pytest.raises(RefusedInput, match="no class is chosen"):
        Validation(room_for_all(), 1.0).verdict(classes=[])


def test_evidence_explains_the_verdict_and_tells_of_every_class():
    room, none = Validation(room_for_all(), 1.0).verdict(), Validation(exact_trade_off(), 1e-2).verdict()
    assert [one.kind for one in room.class_evidence] == ["room"] * 3
    assert sorted(room.evidence) == sorted(one.sentence for one in room.class_evidence)
    best = NAMES[int(np.argmax(room.headroom.held_out))]
    assert room.evidence[0].startswith(f"{best} can still gain about {room.headroom.held_out.max():.1f}% of its loss")
    assert {one.kind for one in none.class_evidence} == {"none"}
    assert "may lose" in none.evidence[0]
    margin = Validation(exact_trade_off(), 1e-2).verdict(measurement="margin")
    assert "% of its mean margin" in margin.evidence[0]


def test_at_the_ceiling_it_is_told_first_what_holds_it_there():
    x, own = np.random.default_rng(6).standard_normal((2, 80, 1))
    found = Validation(np.hstack([x, -x, own]), 1e-2).verdict()
    assert found.verdict == "at_ceiling"
    assert [one.kind for one in found.class_evidence] == ["none", "none", "room"]
    assert found.evidence[2].startswith("ship can still gain")


def test_a_class_that_nothing_influences_is_refused_nowhere_and_cannot_gain():
    vectors = room_for_all()
    vectors[:, 2] = 0
    samples = Validation(vectors, 1.0)
    samples.own[:, samples.labels == 2] = 0
    samples.rows.reshape(80, 4, 3)[..., 2] = 0
    found = samples.verdict()
    assert found.verdict == "at_ceiling"
    assert (found.minimum.class_index, found.minimum.value) == (2, 0)
    assert found.class_evidence[2].sentence == "ship has no headroom: no training sample has any influence on it."
    assert [one.kind for one in found.class_evidence[:2]] == ["room", "room"]


def test_progress_is_told_after_every_programme():
    told = []
    Validation(room_for_all(), 1.0).verdict(progress=lambda stage, done, total, note="": told.append((done, total)))
    assert told == [(n + 1, 20) for n in range(20)]


@pytest.mark.parametrize("classes", [[0, 1, 2], [1, 2]])
def test_every_number_is_that_of_the_cross_fit_in_per_cent(classes):
    samples = Validation(room_for_all(), 2.0, counts=(100, 40, 300))
    folded = FoldedInfluence(samples.rows, samples.counts, samples.fold_of, samples.labels)
    fit, found = cross_fit(folded, RANGE, samples.gains, classes), samples.verdict(seed=7, classes=classes)
    assert fit.headroom is not None
    assert fit.alone is not None
    assert fit.effects is not None
    percent = 100 * STEP / LOSS
    together = class_means(fit.together, samples.labels, 3, 7, classes)
    alone = class_means(fit.alone, samples.labels, 3, 8)

    np.testing.assert_allclose(found.gain.held_out, together.mean * percent)
    np.testing.assert_allclose(found.gain.interval, together.interval * percent[:, None])
    assert found.minimum.interval == pytest.approx(
        (
            (together.single[:, 0] * percent)[classes].min(),
            (together.interval[:, 1] * percent)[classes].min(),
        )
    )
    pooled = pool_folds(samples.rows, samples.counts)
    np.testing.assert_allclose(found.gain.in_sample, percent * ((fit.certificate.weights - 1) @ pooled) / 80)
    np.testing.assert_allclose(found.headroom.held_out, alone.mean * percent)
    np.testing.assert_allclose(found.headroom.interval, alone.single * percent[:, None])
    np.testing.assert_allclose(found.headroom.effects, fit.effects * percent)
    np.testing.assert_allclose(found.headroom.in_sample[classes], (fit.headroom.gains * percent)[classes])


def test_the_weakest_is_named_by_its_place_among_all_classes():
    samples = Validation(room_for_all(), 2.0)
    found = samples.verdict(classes=[1, 2])
    assert found.minimum.class_index == 1 + int(np.argmin(found.gain.held_out[1:]))
    assert {samples.verdict(LOSS * scale, classes=[1, 2]).minimum.class_index for scale in ([1, 9, 1], [1, 1, 9])} == {
        1,
        2,
    }


def test_the_upper_end_is_the_lowest_of_all_and_not_that_of_the_weakest():
    found = Validation(room_for_all(), 4.0, seed=2, counts=(300, 12, 300)).verdict()
    assert found.minimum.class_index == 1
    # Its interval is wide; of another class less is possible.
    assert found.minimum.interval[1] == found.gain.interval[2, 1] < found.gain.interval[1, 1]


@pytest.mark.parametrize(("count", "few"), [(9, ("dog",)), (10, ())])
def test_ten_samples_are_enough(count, few):
    assert Validation(room_for_all(), 0.1, counts=(100, count, 100)).verdict().few_samples == few


def test_effects_intervals_hold_the_effects_and_are_told_in_the_scale_of_who_is_affected():
    samples = Validation(room_for_all(), 2.0)
    found, doubled = samples.verdict().headroom, samples.verdict(LOSS * [1, 2, 1]).headroom
    np.testing.assert_allclose(found.effects_interval.mean(axis=-1), found.effects)
    assert (np.ptp(found.effects_interval, axis=-1) > 0).all()
    np.testing.assert_allclose(doubled.effects_interval[:, 1], found.effects_interval[:, 1] / 2)
    np.testing.assert_allclose(doubled.effects_interval[:, 2], found.effects_interval[:, 2])


def test_influence_that_is_not_finite_is_refused():
    samples = Validation(room_for_all(), 0.1)
    samples.rows[3, 4] = np.inf
    with pytest.raises(RefusedInput, match="not finite"):
        samples.verdict()


def test_a_perfectly_learnt_class_does_not_overflow():
    found = Validation(room_for_all(), 0.1).verdict(np.array([0.0, 1.0, 1.0]))
    assert np.isfinite(found.gain.held_out).all()


def test_frontier_and_programme_open_without_torch_and_scikit_learn():
    statement = (
        "import sys, engine.frontier, engine.reweight, engine.reweight.search, engine.reweight.programme;"
        "print([name for name in ('torch', 'sklearn', 'streamlit', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
