import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labelled_lines import joins_lines, labelled_lines

LETTERS = st.text(alphabet="ab ;,é'", min_size=1, max_size=12)


def test_the_last_delimiter_counts_and_proper_quotes_are_obeyed():
    content = 'one; two;x\n\n"three\nlines; ""of"" it";y\nfour;x\n'

    assert labelled_lines(content, ";") == [("one; two", "x"), ('three\nlines; "of" it', "y"), ("four", "x")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quote_that_opens_a_line_does_not_swallow_the_next(end):
    lines = ['"so he said;x', "plain;y", 'then "that;x', '"and more;y', "last;x"]

    assert labelled_lines(end.join(lines) + end, ";") == [tuple(line.split(";")) for line in lines]


def test_two_quotes_far_apart_do_not_join_what_lies_between():
    # A reader of proper CSV takes the first three lines for one.
    lines = ['"he said;x', "plain;y", '"she said;x', "last;y"]

    assert labelled_lines("\n".join(lines), ";") == [tuple(line.split(";")) for line in lines]


def test_a_text_of_several_lines_stays_one():
    assert not joins_lines([("first\nsecond; third", "x"), ("fourth", "y")], ";")
    assert joins_lines([("first;y\nsecond", "x"), ("fourth", "y")], ";")


def test_a_line_without_a_label_is_named():
    with pytest.raises(ValueError, match="line 2 has no ';' before a label"):
        labelled_lines("a;x\nb\n", ";")


@given(st.lists(st.tuples(LETTERS, st.sampled_from("xy"))))
def test_what_is_written_without_quotes_comes_back(rows):
    assert labelled_lines("".join(f"{text};{label}\n" for text, label in rows), ";") == rows


@given(st.text(alphabet='a;"\n\r', max_size=40))
def test_any_text_gives_lines_or_is_refused_by_one(content):
    def told() -> list[tuple[str, str]] | str:
        try:
            return labelled_lines(content, ";")
        except ValueError as error:
            return str(error)

    lines = told()

    assert lines.startswith("line ") if isinstance(lines, str) else all(len(line) == 2 for line in lines)
