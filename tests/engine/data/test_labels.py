import numpy as np
import pytest

from engine.data.labels import Classes
from engine.data.reader import RawLabels
from engine.errors import RefusedInput


def raw(values: list[str] | list[int], names: tuple[str, ...] | None = None) -> RawLabels:
    return RawLabels(np.array(values), names)


def test_the_study_s_names_come_before_the_file_s_and_these_before_the_values() -> None:
    labels = raw([0, 1], ("cat", "dog"))
    assert Classes.of(("a", "b"), labels, "t").names == ("a", "b")
    assert Classes.of(None, labels, "t").names == ("cat", "dog")
    assert Classes.of(None, raw([0, 1]), "t").names == ("0", "1")


def test_distinct_words_are_sorted_and_distinct_numbers_are_sorted_as_numbers() -> None:
    assert Classes.of(None, raw(["dog", "cat", "dog"]), "t").names == ("cat", "dog")
    assert Classes.of(None, raw([10, 2, 2]), "t").names == ("2", "10")


def test_numbers_are_indices_where_there_are_names_and_names_where_there_are_none() -> None:
    assert Classes.of(("a", "b", "c"), raw([2, 0]), "t").encode(raw([2, 0]), "t").tolist() == [2, 0]
    assert Classes.of(None, raw([7, 3]), "t").encode(raw([7, 3, 7]), "t").tolist() == [1, 0, 1]


def test_words_are_found_by_name_in_the_study_s_order() -> None:
    classes = Classes.of(("dog", "cat"), raw(["cat", "dog"]), "t")
    assert classes.encode(raw(["cat", "dog"]), "t").tolist() == [1, 0]


@pytest.mark.parametrize("value", [-1, 3, 255])
def test_a_number_out_of_range_is_refused_by_its_row(value: int) -> None:
    classes = Classes.of(("a", "b", "c"), raw([0, 1]), "t")
    with pytest.raises(RefusedInput, match=f"v.csv: row 1 has the label '{value}'.*Expected 0 to 2"):
        classes.encode(raw([0, value]), "v.csv")


def test_a_word_that_is_not_in_train_is_refused_with_the_nearest() -> None:
    classes = Classes.of(None, raw(["cat", "dog"]), "t")
    with pytest.raises(RefusedInput, match=r"row 2 has the label 'dgo'.*one of cat, dog. Write 'dog'"):
        classes.encode(raw(["cat", "dog", "dgo"]), "v.csv")


def test_a_file_that_numbers_its_classes_otherwise_is_refused_unless_the_study_names_them() -> None:
    train, validation = raw([0, 1], ("cat", "dog")), raw([0, 1], ("dog", "cat"))
    with pytest.raises(RefusedInput, match=r"v numbers its classes dog, cat. Expected the training file's order"):
        Classes.of(None, train, "t").encode(validation, "v")
    assert Classes.of(("a", "b"), train, "t").encode(validation, "v").tolist() == [0, 1]


def test_a_number_keeps_its_class_where_the_study_has_the_file_s_names_in_another_order() -> None:
    train, unnamed = raw([0, 1, 2], ("cat", "dog", "fox")), raw([2, 1, 0])
    for chosen in (("dog", "fox", "cat"), ("DOG", "FOX", "CAT")):
        classes = Classes.of(chosen, train, "t")
        assert classes.names == chosen
        assert classes.encode(train, "t").tolist() == [2, 0, 1]
        # A file that does not say what its numbers are has those of the training file.
        assert classes.encode(unnamed, "v").tolist() == [1, 0, 2]
        assert classes.encode(raw([0, 1, 2], ("fox", "cat", "dog")), "v").tolist() == [1, 2, 0]
    with pytest.raises(RefusedInput, match="v: row 1 has the label '3'"):
        classes.encode(raw([0, 3]), "v")


def test_one_class_only_is_refused() -> None:
    with pytest.raises(RefusedInput, match="t has one class only, 'cat'"):
        Classes.of(None, raw(["cat", "cat"]), "t")


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(RefusedInput, match="two classes of t are called 'cat'"):
        Classes.of(("cat", "dog", "cat"), raw([0, 1, 2]), "t")


def test_a_file_without_samples_is_refused() -> None:
    with pytest.raises(RefusedInput, match="t has no samples"):
        Classes.of(("cat", "dog"), raw([]), "t")
