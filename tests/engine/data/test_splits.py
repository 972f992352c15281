import numpy as np
import pytest

from engine.data.splits import at_most_of_each_class, fraction_of_each_class

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 20, 5]))


def test_a_limit_keeps_that_many_of_each_class_in_the_files_order() -> None:
    rows = at_most_of_each_class(LABELS, 10, (0, 0))
    assert np.bincount(LABELS[rows]).tolist() == [10, 10, 5]
    assert (np.diff(rows) > 0).all()


def test_without_a_limit_every_row_is_kept() -> None:
    assert at_most_of_each_class(LABELS, None, (0, 0)).tolist() == list(range(75))


def test_a_larger_limit_only_adds_rows() -> None:
    small, large = (set(at_most_of_each_class(LABELS, limit, (0, 0))) for limit in (5, 12))
    assert small < large


def test_the_draw_depends_on_the_seed_and_on_nothing_else() -> None:
    first, again, other = (at_most_of_each_class(LABELS, 10, seed) for seed in ((0, 1), (0, 1), (1, 1)))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_the_samples_of_one_class_do_not_move_the_draw_of_another() -> None:
    fewer = LABELS[:60].copy()
    fewer[LABELS[:60] == 0] = 2
    kept = at_most_of_each_class(LABELS[:60], 5, (0, 0))
    kept_of_fewer = at_most_of_each_class(fewer, 5, (0, 0))
    assert kept[LABELS[kept] == 1].tolist() == kept_of_fewer[fewer[kept_of_fewer] == 1].tolist()


def test_no_labels_leave_no_rows() -> None:
    assert at_most_of_each_class(np.array([], dtype=np.int64), 3, (0, 0)).tolist() == []


def test_a_fraction_is_taken_of_each_class_and_every_row_is_in_one_part() -> None:
    kept, aside = fraction_of_each_class(LABELS, 0.2, (0, 3))
    assert np.bincount(LABELS[aside]).tolist() == [10, 4, 1]
    assert sorted([*kept, *aside]) == list(range(75))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(aside) > 0).all()


@pytest.mark.parametrize(("fraction", "aside"), [(0.01, [1, 1]), (0.99, [1, 2])])
def test_a_small_class_gives_at_least_one_and_keeps_at_least_one(fraction: float, aside: list[int]) -> None:
    labels = np.array([0, 0, 1, 1, 1])
    assert np.bincount(labels[fraction_of_each_class(labels, fraction, (0, 3))[1]]).tolist() == aside


def test_a_single_sample_stays_where_it_is() -> None:
    kept, aside = fraction_of_each_class(np.array([0, 1, 1]), 0.5, (0, 3))
    assert 0 in kept
    assert len(aside) == 1
