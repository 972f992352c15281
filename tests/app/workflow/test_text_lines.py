import numpy as np
import pytest

from app.workflow.text_lines import length_sentence, shortened, written_length
from cache.shown_samples import ShownTexts


def test_a_text_is_brought_to_one_line_and_cut():
    assert shortened("one\n two\tthree") == "one two three"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_a_length_says_where_the_model_sees_less():
    assert written_length(1300, 128) == "1,300, cut to 128"
    assert written_length(128, 128) == written_length(128, None) == "128"


@pytest.mark.parametrize(
    ("length", "unit", "most", "expected"),
    [
        (47, "tokens", 128, "47 tokens"),
        (1, "tokens", 128, "1 token"),
        (300, "tokens", 128, "300 tokens; the model sees the first 128"),
        (12, "words", None, "12 words that the training texts know"),
        (0, "words", None, "No word that the training texts know"),
    ],
)
def test_a_length_is_told_in_words(length, unit, most, expected):
    assert length_sentence(ShownTexts(("x",), np.array([length], dtype=np.int32), unit, most), 0) == expected
