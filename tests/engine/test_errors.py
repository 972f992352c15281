import pickle

import pytest

from engine.errors import RefusedInput, first_line


def test_a_refusal_says_problem_expectation_and_remedy_as_sentences() -> None:
    refused = RefusedInput("x is 3", "a number below 2", "Lower x")

    assert str(refused) == "x is 3. Expected a number below 2. Lower x."


@pytest.mark.parametrize("closed", ["Did you mean y?", "Stop!", "See the log."])
def test_a_part_that_ends_its_sentence_gets_no_second_stop(closed: str) -> None:
    assert str(RefusedInput("x", "y", closed)) == f"x. Expected y. {closed}"


def test_a_refusal_survives_the_way_between_processes() -> None:
    again = pickle.loads(pickle.dumps(RefusedInput("problem", "something else", "Act")))

    assert (again.problem, again.expected, again.remedy) == ("problem", "something else", "Act")
    assert str(again) == "problem. Expected something else. Act."


def test_the_first_line_of_an_error_is_cut_and_never_fails() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError("abcdef"), longest=3) == "abc"
    assert first_line(KeyError()) == "no message"
