import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RefusedInput
from engine.text_folder import checked_folder, class_names_of, most_tokens, text_folder_files

BERT: dict[str, Any] = {"model_type": "bert", "hidden_size": 8, "vocab_size": 50, "max_position_embeddings": 40}


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(BERT))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    return tmp_path


def configured(folder: Path, **changes: Any) -> None:
    (folder / "config.json").write_text(json.dumps({**BERT, **changes}))


def test_three_files_count_and_no_other(folder):
    (folder / "README.md").write_text("")

    assert checked_folder(folder, needs_weights=True) == BERT
    assert [file.name for file in text_folder_files(folder)] == ["config.json", "tokenizer.json", "model.safetensors"]


@pytest.mark.parametrize("where", ["config.json", "tokenizer_config.json"])
def test_code_of_the_folder_is_refused_and_does_not_run(folder, where):
    mark = folder / "ran"
    (folder / "modeling_mine.py").write_text(f"open({str(mark)!r}, 'w')")
    (folder / where).write_text(json.dumps({**BERT, "auto_map": {"AutoModel": "modeling_mine.Mine"}}))

    with pytest.raises(RefusedInput, match=r"brings code of its own to be run \(auto_map\)"):
        checked_folder(folder, needs_weights=False)
    assert not mark.exists()


def test_a_modeling_file_is_refused_also_where_nothing_names_it(folder):
    (folder / "modeling_mine.py").write_text("")

    with pytest.raises(RefusedInput, match=r"modeling_mine.py"):
        checked_folder(folder, needs_weights=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2'"),
        ({"model_type": None}, "model_type 'None'"),
        ({"model_type": ["bert"]}, "model_type"),
        ({"hidden_size": 10**9}, "hidden_size = 1000000000"),
        ({"num_hidden_layers": True}, "num_hidden_layers = True"),
        ({"vocab_size": "many"}, "vocab_size = many"),
        ({"pad_token_id": -1}, "pad_token_id = -1"),
        ({"quantization_config": {}}, "is quantised"),
    ],
)
def test_a_configuration_that_no_model_is_built_from_is_refused(folder, changes, message):
    configured(folder, **changes)

    with pytest.raises(RefusedInput, match=message):
        checked_folder(folder, needs_weights=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is no JSON"), (b"\xff\xfe", "is no JSON"), (b"[" * 100_000, "is no JSON"), (b"[1]", "holds no table")],
)
def test_a_damaged_configuration_is_refused(folder, content, message):
    (folder / "config.json").write_bytes(content)

    with pytest.raises(RefusedInput, match=message):
        checked_folder(folder, needs_weights=False)


def test_a_pipe_in_the_place_of_a_file_is_not_opened(folder):
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")

    with pytest.raises(RefusedInput, match=r"has no config.json"):
        checked_folder(folder, needs_weights=False)


def test_a_folder_without_tokenizer_is_refused(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("")

    with pytest.raises(RefusedInput, match=r"has no tokenizer.json"):
        checked_folder(folder, needs_weights=False)


def test_weights_in_a_pickle_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(RefusedInput, match=r"only as pytorch_model.bin \(a pickle"):
        checked_folder(folder, needs_weights=False)


def test_weights_may_be_missing_where_training_starts_at_random(folder):
    (folder / "model.safetensors").unlink()

    assert checked_folder(folder, needs_weights=False) == BERT
    with pytest.raises(RefusedInput, match="has no weights"):
        checked_folder(folder, needs_weights=True)


def test_an_adapter_is_no_model(folder):
    (folder / "adapter_config.json").write_text("{}")

    with pytest.raises(RefusedInput, match="holds an adapter"):
        checked_folder(folder, needs_weights=False)


def test_a_folder_that_is_not_there_is_not_fetched(tmp_path):
    with pytest.raises(RefusedInput, match="nothing is ever fetched"):
        checked_folder(tmp_path / "bert-base-uncased", needs_weights=False)


def test_some_kinds_count_positions_from_the_padding():
    assert most_tokens(BERT) == 40
    assert most_tokens({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}) == 512


def test_classes_that_are_only_numbered_have_no_names():
    assert class_names_of({"id2label": {"1": "b", "0": "a"}}) == ("a", "b")
    assert class_names_of({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}) is None
    assert class_names_of({}) is None


def test_a_folder_with_a_name_that_no_disk_takes_has_no_files(tmp_path: Path) -> None:
    assert text_folder_files(tmp_path / ("n" * 300)) == []
