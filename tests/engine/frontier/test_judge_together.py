import numpy as np
import pytest

from engine.frontier import FoldedInfluence, WeightRange, ceiling_verdict, judge_together, pool_folds
from engine.frontier.ceiling import STEP
from tests.engine.frontier.test_ceiling import LOSS, NAMES, RANGE, Validation, exact_trade_off, room_for_all


def folded(samples: Validation) -> FoldedInfluence:
    return FoldedInfluence(samples.rows, samples.counts, samples.fold_of, samples.labels)


@pytest.mark.parametrize("shared", [room_for_all(), exact_trade_off()], ids=["room", "trade-off"])
def test_it_is_the_verdict_without_what_single_classes_could_gain(shared):
    samples = Validation(shared, 1.0)

    found = judge_together(folded(samples), LOSS, NAMES, RANGE, samples.gains, seed=3)

    whole = ceiling_verdict(folded(samples), LOSS, NAMES, RANGE, samples.gains, seed=3)
    assert (found.verdict, found.sentence, found.minimum) == (whole.verdict, whole.sentence, whole.minimum)
    for one, other in zip(vars(found.gain).values(), vars(whole.gain).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_gains_are_of_the_way_from_the_weights_that_were_trained_with():
    samples = Validation(room_for_all(), 0.5)
    start = np.random.default_rng(0).uniform(0.5, 1.5, 80)

    found = judge_together(folded(samples), LOSS, NAMES, RANGE, samples.gains, start=start)

    moved = (found.certificate.weights - start) @ pool_folds(samples.rows, samples.counts) / 80
    np.testing.assert_allclose(found.gain.in_sample, 100 * STEP * moved / LOSS)
    assert found.certificate.weights.mean() == pytest.approx(start.mean())


def test_where_the_weights_have_arrived_there_is_nothing_left():
    samples = Validation(room_for_all(), 0.5)
    wide = WeightRange(0.0, 2.0)
    arrived = judge_together(folded(samples), LOSS, NAMES, wide, samples.gains).certificate.weights

    found = judge_together(folded(samples), LOSS, NAMES, wide, samples.gains, start=arrived)

    assert found.gain.in_sample == pytest.approx(0, abs=1e-3)
    assert found.verdict == "at_ceiling"
    assert judge_together(folded(samples), LOSS, NAMES, wide, samples.gains).verdict == "improvable"
