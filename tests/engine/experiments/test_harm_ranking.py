"""Rankings of suspects, and how they are judged, on numbers that can be reckoned by hand."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from engine.experiments.harm_ranking import HARM_WEIGHT, RANKINGS, precision_of, suspects

VECTORS = np.array([[-1.0, -3.0, 0.0], [2.0, -1.0, 0.0], [-3.0, 4.0, 0.0], [2.0, 0.0, 0.0]], np.float32)
QUALITY = np.array([0.9, 0.2, 0.9, 0.1])


def test_harm_gives_each_class_the_same_say():
    found = suspects(VECTORS, None, [0, 1], "influence")
    # Mean absolute influence is 2 on each class.
    np.testing.assert_allclose(found.harm, [1.0, -0.25, -0.25, -0.5])
    assert found.order.tolist() == [0, 1, 2, 3]
    assert found.joint.tolist() == [True, False, False, False]
    scaled = suspects(VECTORS * [1, 1000, 1], None, [0, 1], "influence")
    np.testing.assert_allclose(scaled.harm, found.harm, rtol=1e-6)


def test_harm_is_to_the_chosen_classes_alone():
    found = suspects(VECTORS, None, [0], "influence")
    np.testing.assert_allclose(found.harm, [0.5, -1, 1.5, -1])
    assert found.order.tolist() == [2, 0, 1, 3]
    assert found.joint.tolist() == [True, False, True, False]


def test_a_class_on_which_nothing_acts_harms_and_helps_nobody():
    found = suspects(VECTORS, None, [2], "influence")
    assert found.harm.tolist() == [0.0] * 4
    assert not np.signbit(found.harm).any()
    assert found.order.tolist() == [0, 1, 2, 3]
    assert not found.joint.any()


def test_label_quality_ranks_the_doubtful_first_and_ties_in_the_order_of_the_samples():
    assert suspects(VECTORS, QUALITY, [0, 1], "label_quality").order.tolist() == [3, 1, 0, 2]


def test_combined_adds_a_tenth_of_harms_rank_to_that_of_the_label():
    generator = np.random.default_rng(0)
    vectors, quality = generator.normal(size=(200, 3)), generator.integers(0, 20, 200) / 20
    found = suspects(vectors, quality, [0, 2], "combined")
    score = rankdata(-quality) / 200 + HARM_WEIGHT * rankdata(found.harm) / 200
    np.testing.assert_array_equal(found.order, np.lexsort((np.arange(200), -score.round(12))))
    # Among equal labels harm decides.
    equal = [j for j in found.order if quality[j] == 0.5]
    assert (np.diff(found.harm[equal]) < 0).all()


@pytest.mark.parametrize("ranking", ["combined", "label_quality"])
def test_what_needs_label_quality_says_so(ranking):
    with pytest.raises(ValueError, match="needs the quality of the labels"):
        suspects(VECTORS, None, [0], ranking)


def test_combined_is_the_first_of_the_rankings_and_so_the_default():
    assert RANKINGS == ("combined", "influence", "label_quality")


def test_a_ranking_is_judged_as_scikit_learn_judges_scores():
    generator = np.random.default_rng(1)
    score = generator.normal(size=300)
    errors = generator.choice(300, 40, replace=False)
    wrong = np.isin(np.arange(300), errors)
    score[wrong] += 1
    order = np.argsort(-score)
    judged = precision_of(order, errors, 25)
    assert judged.found == wrong[order[:25]].mean()
    assert judged.auc == pytest.approx(roc_auc_score(wrong, score))
    assert judged.average_precision == pytest.approx(average_precision_score(wrong, score))


def test_more_than_all_samples_are_all_samples():
    assert precision_of(np.array([2, 0, 1]), np.array([0]), 20).found == pytest.approx(1 / 3)


@pytest.mark.parametrize("errors", [[], [0, 1, 2]])
def test_where_no_label_or_every_label_is_wrong_no_ranking_is_better_than_another(errors):
    judged = precision_of(np.array([2, 0, 1]), np.array(errors, dtype=np.int64), 2)
    assert (judged.auc, judged.average_precision) == (None, None)
    assert judged.found == (1.0 if errors else 0.0)
