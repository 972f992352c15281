"""Studies on texts, from their files to what a model takes."""

import json
import shutil
from typing import Any

import pytest
import torch

import engine.data
from engine.data import load_excerpt
from engine.data.kept_features import features_kept_in
from engine.errors import RefusedInput
from engine.progress import Progress, silent
from engine.study import Study, load_study
from engine.text_settings import LENGTH
from engine.training.evaluation import evaluate
from engine.training.from_scratch import trained_from_scratch
from tests.engine.text_studies import CLASSES, text_study, texts_of, write_table, write_transformer

BERT = {"architecture": "transformers:bert"}


def load_data(study: Study, progress: Progress = silent) -> Any:
    # Samples may have no texts; these have.
    return engine.data.load_data(study, progress)


def tokens_study(folder, max_length=None, **kind):
    write_transformer(folder / "bert", **kind)
    return text_study(folder, data={"max_length": max_length} if max_length else {}, model=BERT)


def encoder_study(folder, **settings):
    write_transformer(folder / "encoder", weights=True)
    return text_study(folder, data={"features": {"kind": "encoder:encoder", **settings}})


def test_texts_lie_beside_their_features(tmp_path):
    data = load_data(text_study(tmp_path))

    assert data.class_names == CLASSES
    assert data.train.inputs.dtype == torch.float32
    assert data.train.texts.values == tuple(texts_of(60, 1)[0])
    assert data.train.texts.unit == "words"
    assert data.train.take([3, 1]).texts.values == (data.train.texts.values[3], data.train.texts.values[1])


def test_words_are_those_of_the_training_texts_alone(tmp_path):
    study = text_study(tmp_path)
    before = load_data(study).train.inputs
    write_table(tmp_path / "validation.csv", ["unheard words only"] * 3, CLASSES)

    data = load_data(study)

    assert torch.equal(data.train.inputs, before)
    assert not data.validation.inputs.any()
    assert data.notices[-1] == "3 of 3 validation texts have no word that is known: all zero to the model."


def test_an_excerpt_has_the_features_of_the_whole(tmp_path):
    study = text_study(tmp_path)
    whole: Any = load_data(study)
    excerpt: Any = load_excerpt(study, {"train": 10, "validation": 6}).data
    places = [whole.train.sources.index(source) for source in excerpt.train.sources]

    assert torch.allclose(excerpt.train.inputs, whole.train.inputs[places])
    assert excerpt.train.texts.values == tuple(whole.train.texts.values[place] for place in places)


def test_the_same_text_in_two_splits_is_told(tmp_path):
    study = text_study(tmp_path)
    shutil.copyfile(tmp_path / "train.csv", tmp_path / "validation.csv")

    assert load_data(study).notices[0].startswith("60 of 60 validation samples are also training samples")


def test_texts_without_a_known_word_are_not_the_same_text(tmp_path):
    study = text_study(tmp_path)
    texts, labels = texts_of(60, 1)
    write_table(tmp_path / "train.csv", ["a", *texts[1:]], labels)
    write_table(tmp_path / "validation.csv", ["o", *texts_of(24, 2)[0][1:]], texts_of(24, 2)[1])

    assert [notice for notice in load_data(study).notices if "also training samples" in notice] == []


def test_a_head_learns_from_tfidf(tmp_path):
    study = text_study(tmp_path, training={"epochs": 20, "batch_size": 10})
    data = load_data(study)
    (model,) = trained_from_scratch(study, data, torch.ones(1, len(data.train)).numpy(), [0])

    assert evaluate(model, data.validation, data.transform, 3).accuracy.mean() > 0.85


def test_tokens_and_mask_are_one_tensor(tmp_path):
    data = load_data(tokens_study(tmp_path))

    assert data.train.inputs.dtype == torch.int32
    assert data.train.inputs.shape == (60, 2, int(data.train.texts.lengths.max()))
    assert data.train.inputs[:, 1].sum(dim=1).tolist() == data.train.texts.lengths.tolist()
    assert data.transform.prepare(data.train.inputs).dtype == torch.float32


def test_texts_that_were_cut_are_told(tmp_path):
    data = load_data(tokens_study(tmp_path, max_length=6))

    cut = int((data.train.texts.lengths > 6).sum())
    assert data.train.inputs.shape[2] == 6
    assert f"{cut} of 60 training texts are longer than 6 tokens and were cut." in data.notices


def test_empty_texts_are_accepted_and_told(tmp_path):
    study = tokens_study(tmp_path)
    texts, labels = texts_of(24)
    write_table(tmp_path / "validation.csv", ["", " ", *texts[2:]], labels)

    assert "2 of 24 validation texts are empty." in load_data(study).notices


def test_a_model_with_its_classes_in_another_order_is_refused(tmp_path):
    study = tokens_study(tmp_path, id2label={"0": "sport", "1": "economy", "2": "science"})

    with pytest.raises(RefusedInput, match=r'Set class_names = \["sport", "economy", "science"\]'):
        load_data(study)


def test_capital_letters_make_no_other_class(tmp_path):
    study = tokens_study(tmp_path, id2label={"0": "Sport", "1": "ECONOMY", "2": "science"})
    with pytest.raises(RefusedInput, match=r'Set class_names = \["sport", "economy", "science"\]'):
        load_data(study)

    named = study.with_changes(data={"class_names": ("sport", "economy", "science")})
    assert load_data(named).class_names == ("sport", "economy", "science")


def test_an_encoder_embeds_each_text_once(tmp_path, monkeypatch):
    study = encoder_study(tmp_path)
    told: list[tuple[int, int]] = []
    with features_kept_in(tmp_path / "kept"):
        first = load_data(study, lambda stage, done, total, note="": told.append((done, total)))
        monkeypatch.setattr("engine.models.text_models.Encoder.embedded", lambda *_: pytest.fail("embedded again"))
        again = load_data(study)

    assert told[-1] == (84, 84)
    assert first.train.inputs.shape == (60, 8)
    assert torch.allclose(first.train.inputs.norm(dim=1), torch.tensor(LENGTH))
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert again.train.texts.lengths.tolist() == first.train.texts.lengths.tolist()
    assert "fast choice on a CPU" in first.notices[-1]


@pytest.mark.parametrize("library", ["tokenizers", "transformers"])
def test_another_version_of_a_library_embeds_anew(tmp_path, monkeypatch, library):
    study = encoder_study(tmp_path)
    with features_kept_in(tmp_path / "kept"):
        load_data(study)
        monkeypatch.setattr("engine.data.text_inputs.version", lambda name: "0" if name == library else "1")
        load_data(study)
        monkeypatch.setattr("engine.data.text_inputs.version", lambda name: "1")
        load_data(study)

    assert len(list((tmp_path / "kept").iterdir())) == 6


@pytest.mark.parametrize("change", ["weights", "tokenizer", "pooling", "max_length"])
def test_another_encoder_embeds_anew(tmp_path, change):
    study = encoder_study(tmp_path)
    with features_kept_in(tmp_path / "kept"):
        load_data(study)
        if change == "weights":
            write_transformer(tmp_path / "encoder", weights=True, initializer_range=0.5)
        elif change == "tokenizer":
            file = tmp_path / "encoder" / "tokenizer.json"
            values = json.loads(file.read_text())
            values["post_processor"] = None
            file.write_text(json.dumps(values))
        else:
            study = encoder_study(tmp_path, **{change: "cls" if change == "pooling" else 5})
        load_data(study)

    assert len(list((tmp_path / "kept").iterdir())) == 4


def test_an_encoder_without_weights_is_refused(tmp_path):
    study = encoder_study(tmp_path)
    (tmp_path / "encoder" / "model.safetensors").unlink()

    with pytest.raises(RefusedInput, match="has no weights"):
        load_data(study)


@pytest.mark.parametrize("kind", ["tfidf", "tokens"])
def test_a_share_of_the_training_texts_is_set_aside(tmp_path, kind):
    study = text_study(tmp_path) if kind == "tfidf" else tokens_study(tmp_path)
    data = load_data(study.with_changes(data={"validation": 0.2}))

    assert (len(data.train), len(data.validation)) == (48, 12)
    assert not set(data.train.sources) & set(data.validation.sources)


def test_news_are_read_and_told_apart(external_data, tmp_path):
    folder = external_data / "ag_news"
    (tmp_path / "study.toml").write_text(
        f"""name = "news"
[data]
format = "csv"
train = "{folder / "train.csv"}"
validation = "{folder / "validation.csv"}"
limit = {{ train = 300, validation = 100 }}
features = {{ kind = "tfidf", components = 100 }}
[model]
architecture = "logistic_regression"
[training]
learning_rate = 0.5
epochs = 5
"""
    )
    study = load_study(tmp_path)
    data = load_data(study)
    (model,) = trained_from_scratch(study, data, torch.ones(1, len(data.train)).numpy(), [0])

    assert data.class_names == ("Business", "Sci/Tech", "Sports", "World")
    assert evaluate(model, data.validation, data.transform, 4).accuracy.mean() > 0.75
