from typing import get_args

import numpy as np

from engine.judged_by import DEFAULT, WORDS, Measurement, percent_of_scale
from engine.study import Influence


def test_every_measurement_has_words_of_its_own():
    assert tuple(WORDS) == get_args(Measurement)
    assert len({words.scale for words in WORDS.values()}) == len({words.name for words in WORDS.values()}) == 3
    assert {measurement for measurement, words in WORDS.items() if "loss" in words.name + words.scale} == {"loss"}


def test_without_a_word_in_the_study_file_classes_are_judged_by_their_loss():
    assert Influence().measurement == DEFAULT == "loss"


def test_a_gain_is_per_cent_of_the_scale_of_its_own_class():
    gains = percent_of_scale([[1.0, -1.0], [0.5, 0.0]], [2.0, 4.0])
    assert gains.tolist() == [[50.0, -25.0], [25.0, 0.0]]


def test_a_class_that_is_certain_has_gains_that_are_finite():
    assert np.isfinite(percent_of_scale([1e-3, 0.0], [0.0, 0.0])).all()
