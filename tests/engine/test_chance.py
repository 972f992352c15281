"""A classifier that guesses is told from one that has learnt something."""

import numpy as np

from engine.chance import is_at_chance

COUNTS = [50, 50, 50, 50]


def test_who_always_says_the_same_guesses():
    assert is_at_chance([0.0, 1.0, 0.0, 0.0], COUNTS)


def test_who_draws_lots_guesses_in_nearly_all_draws():
    generator = np.random.default_rng(0)
    draws = generator.binomial(50, 0.25, (1000, 4)) / 50
    guessed = np.mean([is_at_chance(draw, COUNTS) for draw in draws])
    assert 0.92 < guessed < 0.98


def test_a_little_knowledge_counts_where_there_are_samples_enough():
    assert is_at_chance([0.32, 0.30, 0.28, 0.30], [10] * 4)
    assert not is_at_chance([0.32, 0.30, 0.28, 0.30], [2000] * 4)
    assert not is_at_chance([0.9, 0.8, 0.7, 0.9], COUNTS)


def test_a_class_without_samples_is_left_out():
    assert not is_at_chance([0.9, 0.8, np.nan], [50, 50, 0])
    assert not is_at_chance([np.nan, np.nan], [0, 0])
