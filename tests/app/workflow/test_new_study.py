import tomllib
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workflow.folder_browser import Roots
from app.workflow.new_study import (
    PATHS,
    STUDY_FILE,
    Answers,
    answered,
    formats,
    has_study_file,
    in_full,
    problems,
    proposed_folder,
    study_values,
    toml_text,
    write_study,
)
from engine.errors import RefusedInput
from engine.study import load_study
from tests.engine.data.vision_sets import write_set
from tests.engine.text_studies import write_transformer


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        (folder / f"{split}.csv").write_text("a,b,label\n1,2,cat\n")
    return folder


@pytest.fixture
def roots(tmp_path):
    return Roots([tmp_path])


@pytest.fixture
def answers(folder):
    return Answers(name="birds", folder=str(folder), train=str(folder / "train.csv"), test=str(folder / "test.csv"))


def test_the_answers_become_a_study_that_reads_back(answers, roots, folder):
    file = write_study(replace(answers, hidden="16, 8", mean="0.5,1", std="1, 2", epochs=7, bias=False), roots)

    study = load_study(file)
    assert file == folder / STUDY_FILE
    assert (study.name, study.data.train, study.data.validation, study.data.test) == (
        "birds",
        "train.csv",
        0.2,
        "test.csv",
    )
    assert (study.model.hidden, study.model.bias, study.training.epochs) == ((16, 8), False, 7)
    assert (study.data.transform.mean, study.data.transform.std) == ((0.5, 1), (1, 2))


def test_every_format_that_is_offered_is_read(answers, roots, folder):
    (folder / "pictures" / "cat").mkdir(parents=True)
    write_set("CIFAR10", folder, train=10, test=10)
    for name in formats():
        of_folder = name == "image_folder"
        given = replace(
            answers,
            format=name,
            modality="tabular" if name == "csv" else "image",
            train=str(folder / "pictures") if of_folder else answers.train,
            test="",
            architecture="mlp" if name == "csv" else "cnn",
            resize=16,
            augment=("flip",),
            input=("img",),
            label="kind",
            root=str(folder),
        )
        assert problems(given, roots) == {}, name


def test_an_empty_form_tells_what_is_still_to_be_filled_in(roots):
    assert set(problems(Answers(), roots)) == {"name", "data.train", "folder"}


def test_every_problem_is_told_under_its_key(answers, roots, folder):
    wrong = replace(
        answers,
        test=str(folder / "tset.csv"),
        mean="0.5, x",
        std="1",
        hidden="",
        architecture="resnet18",
        learning_rate=0.0,
        delimiter=";;",
    )

    found = problems(wrong, roots)

    assert set(found) >= {"data.test", "data.transform.mean", "model", "training.learning_rate", "data.delimiter"}
    assert "'torchvision:resnet18'" in str(found["model"])
    assert "mean[1] is 'x'" in str(found["data.transform.mean"])
    assert "Write 'test.csv'" in str(found["data.test"])


def test_a_set_of_torchvision_is_written_with_what_the_study_needs_and_no_more(answers, roots, folder):
    write_set("MNIST", folder / "sets", train=10, test=10)
    given = replace(answers, format="torchvision", dataset="MNIST", root=str(folder / "sets"), fraction=0.1)

    study = load_study(write_study(replace(given, download=True), roots))

    assert tomllib.loads((folder / STUDY_FILE).read_text())["data"] == {
        "format": "torchvision",
        "dataset": "MNIST",
        "root": "sets",
        "download": True,
        "validation": 0.1,
    }
    assert study.data.modality == "image"


def test_a_set_of_torchvision_is_looked_for_where_it_is_said_to_be(answers, roots, folder):
    given = replace(answers, format="torchvision", dataset="MNIST")
    assert set(problems(given, roots)) == {"data.root"}

    (folder / "empty").mkdir()
    given = replace(given, root=str(folder / "empty"))
    assert "has no train-images-idx3-ubyte" in str(problems(given, roots)["data.root"])
    assert not problems(replace(given, download=True), roots)


def test_a_model_of_scikit_learn_is_written_with_its_file(answers, roots, folder):
    (folder / "model.skops").write_bytes(b"")
    given = replace(answers, architecture="sklearn", checkpoints=str(folder / "model.skops"))

    study = load_study(write_study(given, roots))

    assert (study.model.architecture, study.model.checkpoints) == ("sklearn", "model.skops")
    assert "joblib.load" in str(problems(replace(given, checkpoints=str(folder / "model.pkl")), roots)["model"])


@pytest.mark.parametrize("field", PATHS)
def test_a_path_out_of_the_roots_is_a_problem_of_its_field(answers, folder, field):
    kinds: dict[str, Any] = {
        "root": {"format": "torchvision"},
        "encoder": {"modality": "text", "features": "encoder", "input": ()},
        "transformer": {"modality": "text", "features": "none", "input": ()},
    }
    kind = kinds.get(field, {})
    found = problems(replace(answers, **kind, **{field: "/etc/passwd"}), Roots([folder]))

    (refusal,) = found.values()
    assert "outside of the allowed folders" in str(refusal)


@pytest.mark.parametrize("as_field", [True, False])
@pytest.mark.parametrize("use", ["encoder", "transformer"])
def test_a_folder_with_a_transformer_is_held_to_the_roots_with_its_files(answers, tmp_path, use, as_field):
    inside, outside = tmp_path / "data", tmp_path / "elsewhere"
    write_transformer(inside / "bert", weights=True)
    write_transformer(outside / "bert", weights=True)
    (inside / "linked").symlink_to(outside / "bert")
    write_transformer(inside / "lent", weights=True)
    (inside / "lent" / "model.safetensors").unlink()
    (inside / "lent" / "model.safetensors").symlink_to(outside / "bert" / "model.safetensors")

    def found(folder: str) -> dict[str, RefusedInput]:
        chosen: dict[str, Any] = {"features": "encoder", "encoder": str(inside / folder)}
        if use == "transformer":
            chosen = {"features": "none", "transformer": str(inside / folder)}
            if not as_field:
                # As one would write it: relative to the study file.
                chosen = {"features": "none", "architecture": f"transformers:{folder}"}
        return problems(
            replace(answers, modality="text", input=(), **{"architecture": "mlp", **chosen}), Roots([inside])
        )

    assert found("bert") == {}
    for folder in ("../elsewhere/bert", "linked", "lent"):
        (refusal,) = found(folder).values()
        assert "outside of the allowed folders" in str(refusal), folder


def test_a_folder_with_a_transformer_is_looked_at_before_the_study_is_made(answers, roots, folder):
    write_transformer(folder / "bert")
    whole = replace(answers, modality="text", features="none", transformer=str(folder / "bert"))
    head = replace(answers, modality="text", features="encoder", encoder=str(folder / "bert"))

    assert problems(whole, roots) == {}
    assert "has no weights" in str(problems(head, roots)["data.features.kind"])
    assert load_study(write_study(whole, roots)).model.architecture == "transformers:bert"
    (folder / "bert" / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in str(problems(whole, roots)["model.architecture"])
    assert "no folder is chosen" in str(problems(replace(whole, transformer=""), roots)["model.architecture"])


def test_the_files_of_a_set_of_torchvision_are_held_to_the_roots(answers, folder, tmp_path):
    write_set("MNIST", tmp_path / "elsewhere", train=10, test=10)
    (folder / "MNIST").symlink_to(tmp_path / "elsewhere" / "MNIST")
    given = replace(answers, format="torchvision", dataset="MNIST", root=str(folder))

    for download in (False, True):
        found = problems(replace(given, download=download), Roots([folder]))
        assert "outside of the allowed folders" in str(found["data.root"])


@given(
    st.fixed_dictionaries(
        {
            "name": st.text(min_size=1),
            "label": st.text(),
            "architecture": st.text(),
            "mean": st.text(alphabet="0.1, x["),
        }
    ),
    st.lists(st.text(alphabet="a\"\\[]=\n,ü'#", min_size=1)),
)
def test_any_answers_are_written_as_toml_that_says_the_same(texts, columns):
    values = study_values(Answers(**texts, input=tuple(columns), train="t.csv"), None)

    assert tomllib.loads(toml_text(values)) == values


def test_a_list_stands_on_one_line():
    assert "hidden = [64, 32]" in toml_text(study_values(Answers(hidden="64,32"), None))


@pytest.mark.parametrize("name", ['say "hi"', "two\nlines", "Größe 😀", "'; DROP TABLE runs --", "<script>", "a\\b"])
def test_a_name_of_any_letters_is_read_back_as_it_was(answers, roots, name):
    assert load_study(write_study(replace(answers, name=name), roots)).name == name


def test_a_study_file_that_is_there_is_replaced_only_if_that_was_said(answers, roots, folder):
    (folder / STUDY_FILE).write_text("mine")

    with pytest.raises(RefusedInput, match="there is a study file"):
        write_study(answers, roots)
    assert (folder / STUDY_FILE).read_text() == "mine"

    assert load_study(write_study(answers, roots, may_replace=True)).name == "birds"


def test_a_link_in_the_place_of_the_study_file_is_not_written_through(answers, roots, folder, tmp_path):
    (folder / STUDY_FILE).symlink_to(tmp_path / "elsewhere.toml")

    with pytest.raises(RefusedInput, match="is a link"):
        write_study(answers, roots, may_replace=True)
    assert not (tmp_path / "elsewhere.toml").exists()


def test_nothing_is_written_while_something_is_wrong(answers, roots, folder):
    with pytest.raises(RefusedInput, match="epochs"):
        write_study(replace(answers, epochs=0), roots)
    assert not (folder / STUDY_FILE).exists()


def test_a_folder_that_may_not_be_written_to_is_refused(answers, roots, folder):
    (folder / "file").write_text("")

    with pytest.raises(RefusedInput, match="cannot be written"):
        write_study(replace(answers, folder=str(folder / "file" / "inner")), roots)


def test_data_elsewhere_than_below_the_study_are_named_in_full(answers, roots, folder, tmp_path):
    file = write_study(replace(answers, folder=str(tmp_path / "new")), roots)

    assert load_study(file).data_paths["train"] == folder / "train.csv"


def test_relative_paths_are_those_below_the_first_root(roots, folder):
    given = in_full(Answers(train="data/train.csv", folder="data", test="../outside.csv"), roots)

    assert (given.train, given.folder, given.test) == (str(folder / "train.csv"), str(folder), "../outside.csv")


def test_the_study_is_proposed_beside_its_data_unless_there_is_one(folder):
    assert proposed_folder(str(folder / "train.csv"), "My birds!") == str(folder)
    (folder / STUDY_FILE).touch()
    assert proposed_folder(str(folder / "train.csv"), "My birds!") == str(folder / "my-birds")
    assert proposed_folder("", "birds") == ""


def test_what_fields_hold_becomes_answers():
    held = {field.name: field.default for field in fields(Answers)} | {"input": ["a", "b"]}

    assert answered(held) == Answers(input=("a", "b"))


@pytest.mark.parametrize(("data_format", "modality"), [("npz", "tabular"), ("npz", "image"), ("parquet", "image")])
def test_of_several_inputs_none_is_dropped_where_there_can_be_one(answers, roots, data_format, modality):
    several = replace(answers, format=data_format, modality=modality, input=("x", "w"), label="y")

    assert study_values(several, None)["data"]["input"] == ["x", "w"]
    assert "one" in str(problems(several, roots)["data.input"])
    assert "data.input" not in problems(replace(several, input=("x",)), roots)


def test_a_place_that_cannot_be_looked_at_is_told_at_its_field(answers, roots, folder):
    too_long = str(folder / ("x" * 300))

    found = problems(replace(answers, folder=too_long, checkpoints=too_long, train=too_long), roots)

    assert {"folder", "model.checkpoints", "data.train"} <= set(found)
    with pytest.raises(RefusedInput, match="File name too long"):
        has_study_file(folder / ("x" * 300))


def test_texts_are_made_numbers_as_it_was_chosen(tmp_path):
    answers = Answers(modality="text", input=("text",), mean="1", std="1")
    encoder = replace(answers, features="encoder", encoder=str(tmp_path / "minilm"))

    assert study_values(answers, None)["data"]["features"] == {"kind": "tfidf"}
    assert study_values(encoder, tmp_path)["data"]["features"] == {"kind": "encoder:minilm"}
    assert "features" not in study_values(replace(answers, features="none"), None)["data"]
    assert "transform" not in study_values(answers, None)["data"]
    assert study_values(answers, None)["data"]["modality"] == "text"


def test_a_set_of_torchvision_is_one_of_pictures_whatever_was_named_before():
    held = {"name": "a", "format": "torchvision", "dataset": "MNIST", "root": "sets", "modality": "text"}

    data = study_values(answered(held), None)["data"]

    assert data == {"format": "torchvision", "dataset": "MNIST", "root": "sets", "validation": Answers().fraction}
