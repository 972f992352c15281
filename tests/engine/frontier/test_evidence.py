from dataclasses import replace

import numpy as np
import pytest

from engine.frontier import ClassHeadroom, costly_classes
from engine.frontier.evidence import by_importance, class_evidence, enumerated, others_sentence
from engine.judged_by import WORDS

NAMES = ("cat", "dog", "bird", "ship")


def headroom(effects=(), interval=(0.5, 5.5), **changes):
    """Four classes that each gain 3% by themselves; effects are (k, m, value, half the width of its interval)."""
    means, halves = np.full((4, 4), 0.1), np.full((4, 4), 1.0)
    for k, m, value, half in effects:
        means[k, m], halves[k, m] = value, half
    return replace(
        ClassHeadroom(
            in_sample=np.full(4, 6.0),
            held_out=np.full(4, 3.0),
            interval=np.array(np.broadcast_to(interval, (4, 2)), dtype=float),
            prices=np.zeros((4, 4)),
            effects=means,
            effects_interval=np.stack([means - halves, means + halves], axis=-1),
        ),
        **changes,
    )


def told(found, few=(), **options):
    return [one.sentence for one in class_evidence(found, NAMES, few, **options)]


def test_a_class_that_gains_while_nobody_loses_has_room():
    known = class_evidence(headroom([(0, 1, -2.0, 2.1)]), NAMES)
    assert {one.kind for one in known} == {"room"}
    assert [one.class_index for one in known] == [0, 1, 2, 3]
    assert known[0].sentence == "cat can still gain about 3.0% of its loss by itself, at no proven cost."


def test_only_classes_that_lose_beyond_chance_are_called_payers_the_heaviest_loss_first():
    found = headroom([(0, 1, -1.0, 0.9), (0, 2, -4.0, 2.0), (0, 3, -9.0, 9.1), (1, 0, -1.0, 0.9)])
    known = class_evidence(found, NAMES)
    assert (known[0].kind, known[0].payers) == ("costs", (2, 1))
    assert (
        known[0].sentence == "Pushing cat costs bird (-4.0%) and dog (-1.0%); cat itself gains about 3.0% of its loss."
    )
    assert known[1].sentence == "Pushing dog costs cat (-1.0%); dog itself gains about 3.0% of its loss."
    assert known[2].payers == ()


def test_a_loss_that_is_certain_and_less_than_a_per_cent_is_no_cost():
    known = class_evidence(headroom([(0, 1, -0.99, 0.1), (0, 2, -1.0, 0.1)]), NAMES)
    assert known[0].payers == (2,)


def test_a_class_does_not_pay_for_itself_and_one_of_few_samples_is_not_said_to_pay():
    found = headroom([(0, 0, -4.0, 1.0), (0, 2, -4.0, 1.0)])
    assert class_evidence(found, NAMES)[0].payers == (2,)
    assert class_evidence(found, NAMES, few=(2,))[0].payers == ()


def test_who_gains_nothing_while_others_pay_is_told_so():
    found = headroom([(0, 1, -1.0, 0.9)], interval=(-0.5, 5.5))
    assert told(found)[0] == "Pushing cat costs dog (-1.0%); cat itself gains nothing beyond chance."


def test_no_headroom_is_an_interval_below_a_per_cent_with_the_prices_that_are_not_negligible():
    prices = np.zeros((4, 4))
    prices[0] = [0, 0.4, 0.05, 0.6]
    prices[1] = [0.049, 0, 0, 0]
    found = headroom(interval=(-2.0, 0.99), prices=prices)
    known = class_evidence(found, NAMES)
    assert {one.kind for one in known} == {"none"}
    assert known[0].sentence == (
        "cat has no headroom: by itself it gains less than 1% of its loss;"
        " it could gain more only if ship and dog may lose."
    )
    assert known[1].sentence == "dog has no headroom: by itself it gains less than 1% of its loss."
    assert {one.kind for one in class_evidence(headroom(interval=(-2.0, 1.0)), NAMES)} == {"open"}
    # A gain that is certain and less than a per cent is none as well.
    assert {one.kind for one in class_evidence(headroom(interval=(0.2, 0.9)), NAMES)} == {"none"}


def test_prices_alone_are_no_cost():
    assert "costs" not in " ".join(told(headroom(prices=np.full((4, 4), 5.0))))


def test_what_is_not_known_is_told_with_its_interval():
    sentence = "Whether cat can still gain by itself is open: -0.5 to +5.5% of its loss (95%)."
    assert told(headroom(interval=(-0.5, 5.5)))[0] == sentence
    assert class_evidence(headroom(interval=(0.0, 5.5)), NAMES)[0].kind == "open"


def test_a_class_of_few_samples_is_not_judged_and_one_without_influence_cannot_gain():
    interval = np.array([[0.5, 5.5], [np.nan, np.nan], [0.5, 5.5], [0.5, 5.5]])
    known = class_evidence(headroom([(0, 1, -4.0, 1.0), (2, 0, -4.0, 1.0)], interval), NAMES, few=(2,))
    assert [one.kind for one in known] == ["costs", "none", "few", "room"]
    assert known[1].sentence == "dog has no headroom: no training sample has any influence on it."
    assert known[2].sentence == "bird has too few validation samples to say what it could gain."
    assert known[2].payers == ()


def test_judged_classes_alone_are_told_about_but_any_class_may_pay():
    known = class_evidence(headroom([(3, 0, -4.0, 1.0)]), NAMES, judged=(1, 3))
    assert [one.class_index for one in known] == [1, 3]
    assert known[1].payers == (0,)


@pytest.mark.parametrize("measurement", WORDS)
def test_gains_are_of_what_the_classes_are_judged_by(measurement):
    for interval in ((0.5, 5.5), (-0.5, 5.5), (-2.0, 0.5)):
        for sentence in told(headroom(interval=interval), measurement=measurement):
            assert f"% of its {WORDS[measurement].scale}" in sentence


def mixed():
    """A class of each kind but few: costs, none, room, open, and none again."""
    names = ("costs", "none", "room", "open", "dear")
    interval = np.array([[0.5, 5.5], [-1, 0.5], [0.5, 5.5], [-1, 5.5], [-1, 0.5]])
    effects = np.full((5, 5), 0.1)
    effects[0, 3] = -3.0
    prices = np.zeros((5, 5))
    prices[1, 0], prices[4, 0] = 0.2, 0.3
    means = np.stack([effects - 0.2, effects + 0.2], axis=-1)
    found = ClassHeadroom(np.ones(5), np.full(5, 2.0), interval, prices, effects, means)
    return names, found


def test_at_the_ceiling_costs_come_first_else_room_does():
    names, found = mixed()
    known = class_evidence(found, names)

    def order(at_ceiling):
        return [names[one.class_index] for one in by_importance(known, found, at_ceiling)]

    assert order(True) == ["costs", "dear", "none", "room", "open"]
    assert order(False) == ["room", "costs", "dear", "none", "open"]


def test_within_a_kind_the_largest_comes_first():
    room = headroom(held_out=np.array([1.0, 3.0, 2.0, 3.0]))
    assert [one.class_index for one in by_importance(class_evidence(room, NAMES), room, False)] == [1, 3, 2, 0]
    costs = headroom([(0, 1, -2.0, 1.0), (1, 0, -5.0, 1.0), (2, 0, -3.0, 1.0), (2, 1, -2.9, 1.0), (3, 0, -1.2, 1.0)])
    assert [one.class_index for one in by_importance(class_evidence(costs, NAMES), costs, True)] == [1, 2, 0, 3]
    few = headroom(held_out=np.array([np.nan, 3.0, 2.0, 3.0]))
    known = class_evidence(few, NAMES, few=(0,))
    assert [one.class_index for one in by_importance(known, few, True)] == [1, 3, 2, 0]


HELD_OUT = np.array([2.0, -1.0, -3.0, 0.0, 1.0])
INTERVAL = np.array([[1.0, 3.0], [-1.9, -0.1], [-5.0, -1.0], [-1.0, 1.0], [0.5, 1.5]])
FIVE = ("cat", "dog", "bird", "ship", "frog")


def test_what_the_others_pay_is_told_with_how_many_gain_or_do_neither():
    sentence = others_sentence(HELD_OUT, INTERVAL, FIVE, [0])
    assert sentence == (
        "Improving only cat costs bird (-3.0%) and dog (-1.0%); of the other 4, 1 gains and 1 does neither"
        " beyond chance."
    )
    # Those that were to gain pay nothing, whatever happens to them; of few samples nothing is claimed.
    assert others_sentence(HELD_OUT, INTERVAL, FIVE, [1, 2], few=(4,)) == (
        "Improving only dog and bird costs no other class beyond chance; of the other 2 with enough samples,"
        " 1 gains and 1 does neither beyond chance."
    )
    assert "costs bird (-3.0%); of the other 2 with enough samples, none gain" in others_sentence(
        HELD_OUT, INTERVAL, FIVE, [0, 4], few=(1,)
    )


def test_a_single_other_class_is_told_plainly():
    one = others_sentence(HELD_OUT[:2], INTERVAL[:2], FIVE[:2], [0])
    assert one == "Improving only cat costs dog (-1.0%)."
    assert (
        others_sentence(HELD_OUT[:2], INTERVAL[:2], FIVE[:2], [1])
        == "Improving only dog costs no other class beyond chance."
    )


def test_long_enumerations_are_cut():
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"]) == "a and b"
    assert enumerated(["a", "b", "c"]) == "a, b and c"
    assert enumerated(["a", "b", "c", "d"]) == "a, b and 2 more"
    assert enumerated(list("abcdefg"), 6) == "a, b, c, d, e and 2 more"


def test_the_dearest_two_classes_stand_in_the_way_if_their_price_is_not_negligible():
    prices = np.array([[0, 1.0, 3.0, 2.0], [0.049, 0, 0.05, 0], [0, 0, 0, 0], [np.nan] * 4])
    assert [costly_classes(prices, k) for k in range(4)] == [[2, 3], [2], [], []]


def test_of_one_class_alone_costs_are_told_beside_and_not_denied_in_its_sentence():
    found = headroom([(0, 1, -2.0, 2.1)])
    assert told(found, judged=[0]) == ["cat can still gain about 3.0% of its loss by itself."]
    assert told(found, judged=[0, 1])[0].endswith("by itself, at no proven cost.")
