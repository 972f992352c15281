import numpy as np
import pytest

from engine.errors import RefusedInput
from engine.frontier import spectrum


def test_an_exact_trade_off_of_two_classes_has_ratio_one_though_there_is_no_room():
    along = np.linspace(-1, 1, 11)
    found = spectrum(np.stack([along, -2 * along], axis=1))
    np.testing.assert_allclose(found.explained_variance_ratio, [1, 0], atol=1e-12)
    assert found.first_ratio == pytest.approx(1)
    assert found.paper_says_room
    # The normal is positive: the classes can only trade off.
    np.testing.assert_allclose(found.smallest_direction, np.array([2, 1]) / np.sqrt(5), atol=1e-9)


def test_influence_in_all_directions_is_told_apart_from_the_limit():
    generator = np.random.default_rng(0)
    assert not spectrum(generator.standard_normal((5000, 10))).paper_says_room
    four = spectrum(generator.standard_normal((200, 4)))
    assert four.first_ratio >= 0.25
    assert four.explained_variance_ratio.sum() == pytest.approx(1)


def test_the_smallest_direction_is_the_normal_of_the_nearest_hyperplane():
    generator = np.random.default_rng(3)
    normal = np.array([1.0, -2.0, 2.0]) / 3
    points = generator.standard_normal((100, 3))
    points -= np.outer(points @ normal, normal)
    np.testing.assert_allclose(spectrum(points.astype(np.float32)).smallest_direction, normal, atol=1e-5)


def test_too_few_or_equal_vectors_are_refused():
    with pytest.raises(RefusedInput, match="always lie on a hyperplane"):
        spectrum(np.ones((2, 3)))
    with pytest.raises(RefusedInput, match="all influence vectors are the same"):
        spectrum(np.ones((5, 3)))
