"""Folders with texts: the study file that comes of each is read and analysed, and the form says the same."""

import json
from pathlib import Path

import pandas as pd
import pytest

from app.workflow.commands import COMMANDS
from app.workflow.folder_browser import Roots
from app.workflow.init_study import init_study, look_at_folder
from app.workflow.init_study_answers import answers_of
from app.workflow.new_study import answered, problems, study_values
from cache.store import Store
from engine.data import load_data
from engine.errors import RefusedInput
from engine.progress import silent
from engine.study import Study, load_study, study_of
from engine.training.stored_state import trained_model
from tests.app.workflow.test_init_study import opened, reason
from tests.engine.text_studies import CLASSES, texts_of, write_table, write_transformer


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    return made


def write_lines(folder: Path, with_delimiter: int | None = None, delimiter: str = ";") -> None:
    """Writes ``text;label`` lines as Emotion's files have them; from one line on, most texts hold the delimiter."""
    for name, count, seed in (("train", 240, 1), ("val", 40, 2)):
        lines = []
        for place, (text, label) in enumerate(zip(*texts_of(count, seed), strict=True)):
            holds = with_delimiter is not None and place >= with_delimiter and place % 3 < 2
            more = f"{delimiter} and{delimiter} so on" if holds else ""
            lines.append(f"{text}{more}{delimiter}{label}\n")
        (folder / f"{name}.txt").write_text("".join(lines))


def write_csv(folder: Path) -> None:
    for name, count, seed in (("train", 60, 1), ("validation", 24, 2)):
        write_table(folder / f"{name}.csv", *texts_of(count, seed))


def write_classifier(place: Path, names: dict[int, str]) -> None:
    """Writes a transformer with a head, as the library saves one that was trained to classify."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    write_transformer(place)
    config = AutoConfig.from_pretrained(place)
    config.id2label, config.label2id = names, {name: number for number, name in names.items()}
    AutoModelForSequenceClassification.from_config(config).save_pretrained(place)


def analysed(folder: Path) -> Study:
    """Returns the study of a folder after all that a user does next, without an edit of the file."""
    told = init_study(folder)
    study, store = load_study(folder), Store(folder / "store")
    if told["next"] == "train":
        COMMANDS["train"](study, store, {}, silent)
    assert COMMANDS["influence"](study, store, {}, silent)["classes"] == 3
    assert COMMANDS["ceiling"](study, store, {}, silent)["class_names"] == list(load_data(study).class_names)
    return study


@pytest.mark.parametrize("first", [None, 0, 100, 220])
@pytest.mark.parametrize("delimiter", [";", ","])
def test_the_last_delimiter_of_a_line_counts_wherever_texts_begin_to_hold_it(folder, first, delimiter) -> None:
    write_lines(folder, first, delimiter)

    init_study(folder)

    study = load_study(folder)
    data = load_data(study)
    assert (study.data.header, study.data.input, study.data.label) == (False, "text", "label")
    assert (len(data.train), len(data.validation), data.class_names) == (240, 40, CLASSES)
    assert data.train.texts is not None
    with_delimiter = sum(text.endswith(f"{delimiter} so on") for text in data.train.texts.values)
    assert with_delimiter == (0 if first is None else sum(place % 3 < 2 for place in range(first, 240)))


def test_lines_with_a_line_of_names_keep_it(folder) -> None:
    write_lines(folder, 0)
    for file in folder.iterdir():
        file.write_text("review;mood\n" + file.read_text())

    init_study(folder)

    study = load_study(folder)
    assert (study.data.header, study.data.input, study.data.label) == (None, "review", "mood")
    assert len(load_data(study).train) == 240


def test_a_short_first_text_is_no_line_of_names(folder) -> None:
    write_lines(folder)
    (folder / "train.txt").write_text("a goal;sport\n" + (folder / "train.txt").read_text())

    told = init_study(folder)

    assert len(load_data(load_study(folder)).train) == 241
    assert "first line is a sample" in reason(told, "data.header")


def test_a_line_without_a_label_is_named(folder) -> None:
    write_lines(folder, 0)
    with (folder / "train.txt").open("a") as file:
        file.write("no label here\n")

    with pytest.raises(RefusedInput, match="line 241 has no ';' before a label"):
        init_study(folder)


def test_texts_without_spaces_are_texts(folder) -> None:
    words = {"weather": "今天天气很好阳光明媚", "finance": "股票市场大幅下跌", "sport": "球队赢得了比赛冠军"}
    rows = [(f"{text}{place}", label) for place in range(20) for label, text in words.items()]
    pd.DataFrame(rows, columns=["内容", "label"]).to_csv(folder / "train.csv", index=False)

    init_study(folder)

    assert load_study(folder).data.modality == "text"


def test_a_column_that_is_called_text_need_not_hold_sentences(folder) -> None:
    rows = [(f"red{place % 9}", "warm") for place in range(30)] + [(f"blue{place % 9}", "cold") for place in range(30)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(folder / "train.csv", index=False)

    init_study(folder)

    assert load_study(folder).data.modality == "text"


def test_words_with_a_head_run_to_the_verdict(folder) -> None:
    write_csv(folder)

    features = analysed(folder).data.features

    assert features is not None
    assert features.kind == "tfidf"


def test_an_encoder_beside_texts_embeds_them_and_runs_to_the_verdict(folder) -> None:
    write_csv(folder)
    # What lies in such a folder is no checkpoint of the head.
    write_transformer(folder / "models", weights=True)

    study = analysed(folder)

    assert study.data.features is not None
    assert study.data.features.kind == "encoder:models"
    assert study.model.architecture == "logistic_regression"
    assert reason(init_study(folder, overwrite=True), "data.features.kind").startswith("models holds a bert")


@pytest.mark.parametrize("place", ["", "runs/checkpoint-30"])
def test_a_transformer_with_a_head_for_the_labels_is_the_model(folder, place) -> None:
    write_csv(folder)
    write_classifier(folder / place, {0: "sport", 1: "economy", 2: "science"})
    # What a training of the library leaves beside the weights.
    (folder / place / "training_args.bin").write_bytes(b"")
    (folder / place / "optimizer.pt").write_bytes(b"")
    if place:
        write_transformer(folder / "runs" / "checkpoint-4", weights=True)

    study = analysed(folder)

    assert study.data.features is None
    assert study.model.architecture == f"transformers:{place or '.'}"
    assert study.model.checkpoints == (f"{place}/" if place else "") + "model.safetensors"
    assert study.data.class_names == ("sport", "economy", "science")


def test_a_head_whose_classes_have_no_names_is_told(folder) -> None:
    write_csv(folder)
    write_classifier(folder / "bert", {number: f"LABEL_{number}" for number in range(3)})

    told = init_study(folder)

    assert "only numbers its classes" in opened(told)
    trained_model(load_study(folder), load_data(load_study(folder)), 0)


def test_the_outputs_of_a_head_may_be_called_with_other_capital_letters(folder) -> None:
    write_csv(folder)
    write_classifier(folder / "bert", {0: "Sport", 1: "ECONOMY", 2: "science"})

    init_study(folder)

    assert load_data(load_study(folder)).class_names == ("sport", "economy", "science")


@pytest.mark.parametrize(("first", "names"), [(0, CLASSES), (1, ("1", "2", "3"))])
def test_numbers_are_named_by_a_head_only_where_they_are_its_outputs(folder, first, names) -> None:
    texts, labels = texts_of(60)
    write_table(folder / "train.csv", texts, [str(first + CLASSES.index(label)) for label in labels])
    write_classifier(folder / "bert", dict(enumerate(CLASSES)))

    init_study(folder)

    assert load_data(load_study(folder)).class_names == names


def test_a_head_for_other_classes_makes_it_an_encoder(folder) -> None:
    write_csv(folder)
    write_classifier(folder / "bert", {number: f"LABEL_{number}" for number in range(5)})

    told = init_study(folder)

    assert load_study(folder).data.features is not None
    assert "it has a head for 5 classes" in opened(told)


def test_a_transformer_without_weights_is_told_and_words_are_used(folder) -> None:
    write_csv(folder)
    write_transformer(folder / "bert")

    told = init_study(folder)

    assert reason(told, "data.features.kind").startswith("weighted counts of words")
    assert 'architecture = "transformers:bert"' in opened(told)


def weights_cut_short(place: Path) -> None:
    (place / "model.safetensors").write_bytes((place / "model.safetensors").read_bytes()[:20])


def weights_that_lie(place: Path) -> None:
    (place / "model.safetensors").write_bytes(b"\xff" * 64)


def weights_in_a_pickle(place: Path) -> None:
    (place / "model.safetensors").rename(place / "pytorch_model.bin")


def code_of_its_own(place: Path) -> None:
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "modeling_mine.Mine"}}))


def no_tokenizer(place: Path) -> None:
    (place / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (weights_cut_short, "model.safetensors cannot be read"),
        (weights_that_lie, "the list of its tensors is too long"),
        (weights_in_a_pickle, "its weights only as pytorch_model.bin"),
        (code_of_its_own, "brings code of its own"),
        (no_tokenizer, "has no tokenizer.json"),
    ],
)
def test_a_transformer_that_cannot_be_used_is_told_and_words_are_used(folder, harm, said) -> None:
    write_csv(folder)
    write_transformer(folder / "bert", weights=True)
    harm(folder / "bert")

    told = init_study(folder)

    assert said in opened(told)
    features = load_study(folder).data.features
    assert features is not None
    assert features.kind == "tfidf"


@pytest.mark.parametrize("kind", ["lines", "csv", "encoder", "whole"])
def test_the_form_makes_the_same_study(folder, kind) -> None:
    write_lines(folder, 0) if kind == "lines" else write_csv(folder)
    if kind == "encoder":
        write_transformer(folder / "bert", weights=True)
    if kind == "whole":
        write_classifier(folder / "bert", dict(enumerate(CLASSES)))
    findings = look_at_folder(folder)

    told, without = answers_of(findings, folder)

    answers = answered(told)
    assert without == ()
    assert problems(answers, Roots([folder])) == {}
    assert study_of(study_values(answers, folder), folder) == study_of(findings.values(), folder)
