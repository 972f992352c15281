from dataclasses import replace

import numpy as np
import pytest
from scipy.special import stdtrit

from engine.errors import RefusedInput
from engine.experiments.climb import (
    Weighted,
    best_round,
    divided,
    few_that_choose,
    is_better,
    next_weighted,
    why_it_ends,
)
from engine.experiments.climb_options import HOWS, checked_how
from engine.experiments.paired import mean_change
from engine.frontier.certificate import WeightRange, certificate
from engine.reweight.all_classes import Outcomes

NAMES = ("cat", "dog", "bird")
ALL = np.array([4, 4, 4])


def ends(
    count: int, best: int = 0, how: str = "reweight", most: int = 8, left=ALL, verdict: str = "improvable"
) -> str | None:
    """Why a climb of so many rounds of 12 samples ends."""
    rounds = [{"samples": 12, "verdict": verdict}] * count
    return why_it_ends(HOWS[HOWS.index(how)], rounds, best, most, left, NAMES)


def test_a_way_that_is_not_known_is_refused_with_the_nearest():
    with pytest.raises(RefusedInput, match=r"--how is 'removal'.*Write 'remove' if"):
        checked_how("removal", 8)
    with pytest.raises(RefusedInput, match=r"--how is 'x'.*reweight or remove.*Choose one"):
        checked_how("x", 8)


@pytest.mark.parametrize("count", [0, -1, 101])
def test_rounds_beyond_their_range_are_refused(count):
    with pytest.raises(RefusedInput, match=f"--rounds is {count}.*from 1 to 100"):
        checked_how("remove", count)
    assert [checked_how("remove", most) for most in (1, 100)] == ["remove", "remove"]


def test_a_third_of_each_class_judges_and_the_rest_chooses():
    labels = np.repeat([0, 1, 2], [30, 6, 99])

    choosing, judging = divided(labels, NAMES, 0)

    assert sorted([*choosing, *judging]) == list(range(135))
    assert np.bincount(labels[judging]).tolist() == [10, 2, 33]
    assert judging.tolist() == sorted(judging)
    assert judging.tolist() != divided(labels, NAMES, 1)[1].tolist()
    assert judging.tolist() == divided(labels, NAMES, 0)[1].tolist()


def test_too_few_validation_samples_are_refused_by_class():
    with pytest.raises(RefusedInput, match=r"too few are of cat \(5\), bird \(0\)\..*at least 6"):
        divided(np.repeat([0, 1], [5, 6]), NAMES, 0)


def test_removal_takes_what_harms_every_class_and_keeps_count():
    now = Weighted(np.array([2, 5, 7, 9]), np.ones(4, np.float32))
    influence = np.array([[-1, -2, -1], [-1, 0, -1], [-3, -1, -1], [1, -1, -1]], np.float32)

    after = next_weighted("remove", now, influence, WeightRange())

    assert after.kept.tolist() == [5, 9]
    assert after.of_all(11).tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_reweighting_goes_half_of_the_way_from_where_it_stands():
    generator = np.random.default_rng(0)
    influence, weight_range = generator.normal(size=(80, 3)).astype(np.float32), WeightRange(0.25, 1.5)
    now = Weighted(np.arange(80), generator.uniform(0.6, 1.4, 80).astype(np.float32))

    after = next_weighted("reweight", now, influence, weight_range)

    found = certificate(influence, weight_range, start=now.weights.astype(np.float64)).weights
    assert after.weights == pytest.approx((now.weights + found) / 2, abs=1e-6)
    assert after.weights.dtype == np.float32
    assert after.weights.min() >= 0.25
    assert after.weights.mean() == pytest.approx(now.weights.mean(), abs=1e-6)
    assert np.abs(after.weights - now.weights).max() > 0.1


def test_a_class_that_nothing_influences_is_left_out_of_the_weights():
    influence = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    influence[:, 1] = 0

    after = next_weighted("reweight", Weighted.plain(40), influence, WeightRange())

    assert ((after.weights - 1) @ influence[:, [0, 2]] > 0).all()


JUDGES = np.repeat(np.arange(10), 15)


def judged(loss: float = 0.5, right: int = 3, waver: float = 0.0, lost: int = 0) -> Outcomes:
    """What three trainings make of 15 samples of each of 10 classes.

    Args:
        loss: mean loss of each class.
        right: trainings that classify each sample rightly.
        waver: standard deviation of the loss over the samples of each class.
        lost: samples of each class that no training classifies rightly.
    """
    pattern = np.linspace(-1, 1, 15)
    losses = np.tile(loss + waver * pattern / pattern.std(ddof=1), (3, 10)).astype(np.float32)
    correct = np.tile(np.arange(3)[:, None] < right, (1, 150)) & (np.tile(np.arange(15), 10) >= lost)
    return Outcomes(losses, losses, correct)


def flipped(outcomes: Outcomes, *places: tuple[int, int]) -> Outcomes:
    """The same with other answers of some trainings about some samples."""
    correct = outcomes.correct.copy()
    for place in places:
        correct[place] = ~correct[place]
    return replace(outcomes, correct=correct)


def test_a_proven_fall_of_the_loss_decides_where_accuracy_moves_by_a_sample():
    """As on the shipped noisy digits, where the loss falls by 0.080 +- 0.009 and accuracy from 93.90 to 93.87%."""
    plain = flipped(judged(0.375), *((0, 15 * k) for k in range(7)))
    waver = 0.009 * np.sqrt(150)
    after = flipped(judged(0.295, waver=waver), *((0, 15 * k + 1) for k in range(8)))

    loss, accuracy = (mean_change(getattr(after, name), getattr(plain, name), JUDGES) for name in ("losses", "correct"))
    assert loss.mean == pytest.approx(-0.080, abs=1e-6)
    assert loss.reach / stdtrit(140, 0.95) == pytest.approx(0.009, abs=1e-6)
    assert -0.01 < accuracy.mean < 0
    assert best_round([plain, after], JUDGES) == 1
    assert best_round([plain, after, judged(0.295, waver=waver, lost=2)], JUDGES) == 1


@pytest.mark.parametrize(("waver", "better"), [(1.6, True), (1.7, False)])
def test_the_loss_must_fall_beyond_its_error(waver, better):
    # The error is waver / sqrt(150): a fall of 0.22 is 1.68 or 1.58 of it, and 1.656 are asked for.
    assert is_better(judged(0.28, waver=waver), judged(0.5), JUDGES) == better


@pytest.mark.parametrize(("wrong", "better"), [(1, True), (2, True), (3, False)])
def test_accuracy_must_not_fall_beyond_its_error(wrong, better):
    # Of single answers in classes of their own, n are sqrt(n) errors: two may be chance, three are not.
    after = flipped(judged(0.1), *((0, 15 * k) for k in range(wrong)))

    assert is_better(after, judged(0.5), JUDGES) == better


def test_a_higher_accuracy_alone_is_not_better():
    assert not is_better(judged(0.5), judged(0.5, right=1), JUDGES)
    assert is_better(judged(0.4), judged(0.5, right=1), JUDGES)


def test_classes_weigh_alike_however_many_samples_they_have():
    labels = np.repeat([0, 1], [90, 10])
    plain = Outcomes(*(np.full((3, 100), value, kind) for value, kind in ((1, float), (1, float), (1, bool))))
    change = np.where(labels == 0, -0.1, 0.2)

    assert change.mean() < 0
    assert not is_better(replace(plain, losses=plain.losses + change), plain, labels)
    assert is_better(replace(plain, losses=plain.losses - change), plain, labels)


def test_the_best_round_is_the_last_that_bettered_the_best_before_it():
    assert best_round([judged(0.5)], JUDGES) == 0
    assert best_round([judged(0.5), judged(0.5)], JUDGES) == 0
    assert best_round([judged(0.5), judged(0.6), judged(0.55)], JUDGES) == 0
    assert best_round([judged(0.5), judged(0.4), judged(0.45)], JUDGES) == 1
    assert best_round([judged(0.5), judged(0.4), judged(0.45), judged(0.3)], JUDGES) == 3
    assert best_round([judged(0.5), judged(np.nan)], JUDGES) == 0
    # Round 2 is better than round 0, but not than round 1.
    assert best_round([judged(0.5), judged(0.4), judged(0.4, waver=0.2)], JUDGES) == 1


def test_classes_with_too_few_samples_that_choose_are_told():
    told = few_that_choose(np.repeat([0, 1, 2], [9, 10, 4]), NAMES)

    assert told is not None
    assert "Fewer than 10 of the validation samples that choose are of cat (9), bird (4)" in told
    assert few_that_choose(np.repeat([0, 1, 2], 10), NAMES) is None


def test_it_goes_on_while_there_is_something_to_gain():
    assert ends(1) is None
    assert ends(2, verdict="inconclusive") is None
    assert ends(1, how="remove", left=np.array([4, 4, 3])) is None


def test_it_ends_at_the_ceiling():
    assert ends(1, verdict="at_ceiling") == (
        "The verdict after round 0 is 'at the ceiling': no weights were found that help every class."
    )
    assert ends(2, best=1, verdict="at_ceiling") == (
        "The verdict after round 1 is 'at the ceiling': no further change of the weights within the bounds was found"
        " that helps every class."
    )


def test_it_ends_where_two_rounds_were_no_better():
    assert ends(3, best=1) is None
    assert "No round after round 1 was better" in str(ends(4, best=1))
    assert "in none of 2 rounds did the loss fall" in str(ends(4, best=1))


def test_it_ends_after_the_rounds_that_were_asked_for():
    assert "2 rounds that were asked for" in str(ends(2, best=1, most=2))
    assert "it is plain training" in str(ends(1, most=1))
    assert ends(1, most=2) is None


def test_removal_ends_where_nothing_harms_every_class():
    assert "harms all 3 classes at once" in (first := str(ends(1, how="remove")))
    assert "--how reweight" in first
    later = "After round 1 no training sample harms every class any more."
    assert ends(2, best=1, how="remove") == later
    # Where both are true, that nothing is left says more than the verdict.
    assert ends(2, best=1, how="remove", verdict="at_ceiling") == later
    both = why_it_ends("remove", [{"samples": 12, "verdict": "improvable"}], 0, 8, np.array([6, 6]), NAMES[:2])
    assert both == "No training sample harms both classes, so there is nothing to remove."
    # Reweighting keeps all samples in every round.
    assert ends(1, how="reweight") is None


def test_removal_never_takes_a_whole_class():
    assert "would leave no training sample of dog" in str(ends(1, how="remove", left=np.array([4, 0, 4])))
