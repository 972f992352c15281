from typing import Any

import pytest

from engine.errors import RefusedInput
from engine.study import Study, load_study

TABLE = {"format": "csv", "train": "t.csv", "validation": 0.2}
TFIDF = {"kind": "tfidf"}


def study(tmp_path, data: dict[str, Any], architecture: str = "logistic_regression") -> Study:
    import tomli_w

    values = {"name": "s", "data": {**TABLE, **data}, "model": {"architecture": architecture}}
    (tmp_path / "study.toml").write_text(tomli_w.dumps(values))
    return load_study(tmp_path)


def test_features_make_the_samples_texts(tmp_path):
    assert study(tmp_path, {"features": TFIDF}).data.modality == "text"


def test_a_transformer_is_named_by_its_folder(tmp_path):
    named = study(tmp_path, {"modality": "text"}, "transformers:models/bert")

    assert named.text_folder == tmp_path / "models" / "bert"


def test_an_encoder_is_named_by_its_folder(tmp_path):
    named = study(tmp_path, {"features": {"kind": "encoder:minilm", "pooling": "cls"}})

    assert named.text_folder == tmp_path / "minilm"


def test_what_is_not_said_of_text_is_not_in_the_tables_of_other_studies(tmp_path):
    told = study(tmp_path, {}).model_dump(mode="json")["data"]

    assert not {"features", "max_length", "header"} & set(told)


@pytest.mark.parametrize(
    ("data", "architecture", "message"),
    [
        ({"features": {"kind": "bag"}}, "mlp", "kind is 'bag'"),
        ({"features": {"kind": "encoder:"}}, "mlp", "kind is 'encoder:'"),
        ({"features": {**TFIDF, "max_length": 64}}, "mlp", "max_length is given for kind = 'tfidf'"),
        (
            {"features": {"kind": "encoder:e", "components": 9}},
            "mlp",
            "components is given for kind = 'encoder:FOLDER'",
        ),
        ({"features": TFIDF, "modality": "tabular"}, "mlp", "features is given for modality = 'tabular'"),
        ({"features": TFIDF, "format": "npz"}, "mlp", "modality is 'text' for format = 'npz'"),
        ({"features": TFIDF, "input": ["a", "b"]}, "mlp", "input is a list for modality = 'text'"),
        ({"features": TFIDF, "max_length": 64}, "mlp", "max_length is given beside features"),
        ({"features": TFIDF, "transform": {"resize": 8}}, "mlp", "transform is given for modality = 'text'"),
        ({"modality": "text"}, "mlp", "there is no \\[data.features\\]"),
        ({"features": TFIDF}, "transformers:bert", "beside \\[data.features\\]"),
        ({}, "transformers:bert", "for \\[data\\] modality = 'tabular'"),
        ({"modality": "text"}, "transformers:", "architecture is 'transformers:'"),
        ({"header": False}, "mlp", "header is false for modality = 'tabular'"),
        ({"features": TFIDF, "format": "parquet", "header": False}, "mlp", "header is given for format = 'parquet'"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, data, architecture, message):
    with pytest.raises(RefusedInput, match=message):
        study(tmp_path, data, architecture)
