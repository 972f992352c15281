import pytest
import torch

from engine.data.tfidf import Tfidf
from engine.errors import RefusedInput
from engine.text_settings import LENGTH, Features
from tests.engine.text_studies import texts_of


def features(**settings) -> Features:
    return Features.model_validate({"kind": "tfidf", **settings})


def test_every_text_is_a_row_of_one_length():
    texts, _ = texts_of(40)

    rows, lengths = Tfidf.fitted(texts, features(components=5), 0, "t.csv").rows(texts)

    assert rows.shape == (40, 5)
    assert rows.dtype == torch.float32
    assert torch.allclose(rows.norm(dim=1), torch.tensor(LENGTH))
    # "a" is no word: it has one letter.
    assert lengths.tolist() == [sum(len(word) > 1 for word in text.split()) for text in texts]


def test_words_that_training_texts_do_not_have_say_nothing():
    texts, _ = texts_of(40)

    rows, lengths = Tfidf.fitted(texts, features(), 0, "t.csv").rows(["nothing known here", "goal nothing"])

    assert not rows[0].any()
    assert lengths.tolist() == [0, 1]


def test_without_components_the_words_are_the_columns():
    texts, _ = texts_of(40)

    assert Tfidf.fitted(texts, features(components=0, max_features=7), 0, "t.csv").rows(texts)[0].shape == (40, 7)


def test_there_are_no_more_components_than_texts_or_words():
    assert Tfidf.fitted(["red blue", "green red", "blue"], features(), 0, "t").rows(["red"])[0].shape == (1, 2)


def test_the_seed_gives_the_same_rows():
    texts, _ = texts_of(40)
    once, again = (Tfidf.fitted(texts, features(components=5), 3, "t.csv").rows(texts)[0] for _ in range(2))

    assert torch.equal(once, again)


def test_texts_without_a_word_are_refused():
    with pytest.raises(RefusedInput, match=r"training texts of t.csv have no word"):
        Tfidf.fitted(["", "! ?", "a b"], features(), 0, "t.csv")
