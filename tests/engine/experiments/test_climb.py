import numpy as np
import pytest

from engine.errors import RefusedInput
from engine.experiments.climb import HOWS, Weighted, best_round, checked_how, divided, next_weighted, why_it_ends
from engine.frontier.certificate import WeightRange, certificate

NAMES = ("cat", "dog", "bird")
ALL = np.array([4, 4, 4])


def rounds(*told: tuple[float, float], verdict: str = "improvable", samples: int = 12) -> list[dict]:
    """Rounds with a mean accuracy and a mean loss each; the classes lie apart, and test says the opposite."""
    return [
        {
            "samples": samples,
            "verdict": verdict,
            "accuracy": {"validation": [accuracy - 0.1, accuracy, accuracy + 0.1], "test": [1 - accuracy] * 3},
            "loss": {"validation": [loss - 0.1, loss, loss + 0.1], "test": [10 - loss] * 3},
        }
        for accuracy, loss in told
    ]


def ends(*told: tuple[float, float], how: str = "reweight", most: int = 8, left=ALL, **round_told) -> str | None:
    return why_it_ends(HOWS[HOWS.index(how)], rounds(*told, **round_told), most, left, NAMES)


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


@pytest.mark.parametrize(
    ("told", "best"),
    [
        ([(0.8, 0.5), (0.9, 0.6), (0.85, 0.1)], 1),
        ([(0.9, 0.5), (0.9, 0.4), (0.9, 0.45)], 1),
        ([(0.9, 0.5), (0.9, 0.5), (0.8, 0.5)], 0),
        ([(0.9, 0.5), (0.9 + 1e-13, 0.6)], 0),
    ],
)
def test_the_best_round_has_the_highest_accuracy_then_the_lowest_loss_then_is_the_first(told, best):
    assert best_round(rounds(*told)) == best


def test_it_goes_on_while_there_is_something_to_gain():
    assert ends((0.8, 0.5)) is None
    assert ends((0.8, 0.5), (0.7, 0.6), verdict="inconclusive") is None
    assert ends((0.8, 0.5), how="remove", left=np.array([4, 4, 3])) is None


def test_it_ends_at_the_ceiling():
    assert "after round 1 is 'at the ceiling'" in str(ends((0.8, 0.5), (0.9, 0.4), verdict="at_ceiling"))


def test_it_ends_where_two_rounds_were_no_better():
    assert ends((0.8, 0.5), (0.9, 0.4), (0.7, 0.4)) is None
    assert "No round after round 1 was better" in str(ends((0.8, 0.5), (0.9, 0.4), (0.7, 0.4), (0.9, 0.4)))
    # On a plateau of accuracy the loss decides.
    assert ends((0.9, 0.4), (0.9, 0.3), (0.9, 0.2), (0.9, 0.1)) is None


def test_it_ends_after_the_rounds_that_were_asked_for():
    assert "2 rounds that were asked for" in str(ends((0.8, 0.5), (0.9, 0.4), most=2))
    assert "it is plain training" in str(ends((0.8, 0.5), most=1))
    assert ends((0.8, 0.5), most=2) is None


def test_removal_ends_where_nothing_harms_every_class():
    assert "harms all 3 classes at once" in (first := str(ends((0.8, 0.5), how="remove")))
    assert "--how reweight" in first
    later = "After round 1 no training sample harms every class any more."
    assert ends((0.8, 0.5), (0.9, 0.4), how="remove") == later
    # Where both are true, that nothing is left says more than the verdict.
    assert ends((0.8, 0.5), (0.9, 0.4), how="remove", verdict="at_ceiling") == later
    both = why_it_ends("remove", rounds((0.8, 0.5)), 8, np.array([6, 6]), NAMES[:2])
    assert both == "No training sample harms both classes, so there is nothing to remove."
    # Reweighting keeps all samples in every round.
    assert ends((0.8, 0.5), how="reweight") is None


def test_removal_never_takes_a_whole_class():
    assert "would leave no training sample of dog" in str(ends((0.8, 0.5), how="remove", left=np.array([4, 0, 4])))
