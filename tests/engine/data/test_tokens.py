import json

import pytest

from engine.data.tokens import TextTokens, token_limit
from engine.errors import RefusedInput
from tests.engine.text_studies import write_transformer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bert")
    write_transformer(path)
    return path


def tokens(folder, limit: int = 10, **config) -> TextTokens:
    return TextTokens(folder, {**json.loads((folder / "config.json").read_text()), **config}, limit)


def test_a_text_lies_between_its_marks_and_what_is_padding_is_masked(folder):
    packed, lengths = tokens(folder, pad_token_id=1).rows(["goal goal", "goal", ""], lambda _: None)

    assert packed.shape == (3, 2, 4)
    assert packed[:, 0, 0].tolist() == [2, 2, 2]
    assert packed[1, 0].tolist()[2:] == [3, 1]
    assert packed[:, 1].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]]
    assert lengths.tolist() == [4, 3, 2]


def test_a_long_text_is_cut_and_its_length_told(folder):
    packed, lengths = tokens(folder, limit=6).rows(["goal " * 50, "goal"], lambda _: None)

    assert packed.shape == (2, 2, 6)
    assert packed[0, 0, -1] == 3
    assert lengths.tolist() == [52, 3]


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_that_leaves_nothing_of_a_text_is_refused(folder, limit):
    with pytest.raises(RefusedInput, match=rf"{limit} tokens of a text are used, and 2 mark.*at least 3 tokens"):
        tokens(folder, limit=limit)


def test_texts_are_told_as_they_are_done(folder):
    reports: list[int] = []

    tokens(folder).rows(["goal"] * 1500, reports.append)

    assert reports == [1024, 476]


def test_a_tokenizer_of_another_model_is_refused(folder):
    with pytest.raises(RefusedInput, match="its model knows 20 tokens"):
        tokens(folder, vocab_size=20).rows(["market goal planet league"], lambda _: None)


@pytest.mark.parametrize("content", ["", "{}", '{"model": 3}', "[" * 10_000])
def test_a_damaged_tokenizer_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)

    with pytest.raises(RefusedInput, match="is no tokenizer"):
        TextTokens(tmp_path, {}, 8)


def test_the_limit_is_what_the_model_can_take():
    config = {"model_type": "bert", "max_position_embeddings": 100}

    assert token_limit(None, config, "max_length") == 100
    assert token_limit(64, config, "max_length") == 64
    with pytest.raises(RefusedInput, match="max_length is 101"):
        token_limit(101, config, "max_length")
