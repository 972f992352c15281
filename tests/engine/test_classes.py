import pytest

from engine.classes import class_indices, did_you_mean, listed, names_in_order
from engine.errors import RefusedInput

NAMES = ("airplane", "cat", "7", "dog")


def test_names_indices_and_written_numbers_are_all_found_in_the_order_given() -> None:
    assert class_indices(["dog", 1, "0"], NAMES) == (3, 1, 0)


def test_a_class_named_with_a_digit_is_found_by_its_name() -> None:
    assert class_indices(["7"], NAMES) == (2,)


def test_duplicates_are_dropped_however_they_are_written() -> None:
    assert class_indices(["cat", 1, "1", "dog", "cat"], NAMES) == (1, 3)


def test_no_target_gives_no_index() -> None:
    assert class_indices([], NAMES) == ()


def test_a_wrong_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(RefusedInput, match=r"'Airplan' is no class.*airplane, cat, 7, dog.*Write 'airplane'"):
        class_indices(["cat", "Airplan"], NAMES)


@pytest.mark.parametrize("target", [4, -1, "4", "-1", "1.0", "", True])
def test_what_is_no_class_is_refused(target: str | int) -> None:
    with pytest.raises(RefusedInput, match="from 0 to 3"):
        class_indices([target], NAMES)


def test_nothing_is_offered_when_nothing_is_near() -> None:
    assert did_you_mean("zebra", ["airplane", "cat"]) is None


def test_a_long_list_of_names_is_cut() -> None:
    assert listed([str(number) for number in range(100)]).endswith("10, 11 and 88 more")


def test_a_name_that_begins_or_ends_with_a_space_is_found_as_it_is() -> None:
    assert class_indices([" cat", "cat ", "dog "], ("cat", " cat", "dog")) == (1, 0, 2)


@pytest.mark.parametrize(
    ("order", "names", "found"),
    [
        (("b", "a"), ("a", "b"), ("b", "a")),
        (("B", "A"), ("a", "b"), ("b", "a")),
        (("a", "A"), ("A", "a"), ("a", "A")),
        (("b", "c"), ("a", "b"), None),
        (("a", "b", "c"), ("a", "b"), None),
        (("a", "a"), ("a", "b"), None),
    ],
)
def test_names_are_brought_into_another_s_order_where_they_are_the_same(order, names, found) -> None:
    assert names_in_order(order, names) == found
