import os
import shutil
from pathlib import Path

import pytest

from cache.fingerprints import (
    ceiling_key,
    checkpoint_fingerprint,
    climb_key,
    data_fingerprint,
    datamodelling_key,
    file_sha256,
    halves_key,
    influence_key,
    removal_key,
    reweight_key,
)
from engine.errors import RefusedInput
from engine.study import Study, load_study
from tests.engine.data.vision_sets import write_set

STUDY = """
name = "first"
[data]
format = "csv"
train = "{train}"
validation = 0.2
[model]
architecture = "logistic_regression"
checkpoints = "{checkpoints}"
[reweight]
targets = ["a"]
"""


def write_study(folder: Path, train: str = "train.csv", checkpoints: str = "checkpoints") -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / train).parent.mkdir(parents=True, exist_ok=True)
    (folder / train).write_text("x,label\n1,a\n2,b\n")
    (folder / checkpoints).mkdir(parents=True, exist_ok=True)
    (folder / checkpoints / "epoch-003.safetensors").write_bytes(b"weights")
    (folder / "study.toml").write_text(STUDY.format(train=train, checkpoints=checkpoints))
    return load_study(folder)


@pytest.mark.parametrize("data_format", ["csv", "image_folder"])
def test_data_with_a_name_that_no_disk_takes_are_refused(tmp_path, data_format):
    (tmp_path / "study.toml").write_text(
        STUDY.format(train="n" * 300, checkpoints="c").replace('"csv"', f'"{data_format}"')
    )
    with pytest.raises(RefusedInput, match=r"cannot be read: File name too long"):
        data_fingerprint(load_study(tmp_path))


def test_a_set_of_torchvision_below_a_name_that_no_disk_takes_is_missing(tmp_path):
    text = STUDY.format(train="x", checkpoints="c").replace('format = "csv"', 'format = "torchvision"')
    text = text.replace('train = "x"', f'dataset = "MNIST"\nroot = "{"n" * 300}"').replace("validation = 0.2\n", "")
    (tmp_path / "study.toml").write_text(text.replace("logistic_regression", "cnn"))
    with pytest.raises(RefusedInput, match=r"has no train-images"):
        data_fingerprint(load_study(tmp_path))


def key_of(study: Study) -> str:
    return influence_key(study, study.checkpoints_path / "epoch-003.safetensors")


@pytest.fixture
def study(tmp_path) -> Study:
    return write_study(tmp_path / "study")


def test_a_key_does_not_depend_on_places_or_on_the_name_of_the_study(study, tmp_path):
    elsewhere = write_study(tmp_path / "b" / "other", train="deep/table.csv", checkpoints="trained")
    renamed = elsewhere.with_changes(study={"name": "second"})
    assert key_of(study) == key_of(renamed)
    assert reweight_key(key_of(study), study) == reweight_key(key_of(renamed), renamed)


def test_a_key_is_short_hexadecimal_and_the_kinds_differ(study):
    keys = {key_of(study), reweight_key(key_of(study), study)}
    assert len(keys) == 2
    assert all(len(key) == 20 and int(key, 16) >= 0 for key in keys)


def test_a_key_depends_on_the_bytes_of_data_and_checkpoint(study):
    keys = [key_of(study)]
    (study.folder / "train.csv").write_text("x,label\n1,a\n2,a\n")
    keys.append(key_of(study))
    (study.checkpoints_path / "epoch-003.safetensors").write_bytes(b"Weights")
    keys.append(key_of(study))
    momentum = study.checkpoints_path / "optimizer" / "epoch-003.safetensors"
    momentum.parent.mkdir()
    momentum.write_bytes(b"momentum")
    keys.append(key_of(study))
    assert len(set(keys)) == 4


def test_the_epoch_in_the_name_of_a_checkpoint_counts(study):
    later = study.checkpoints_path / "epoch-004.safetensors"
    shutil.copy(study.checkpoints_path / "epoch-003.safetensors", later)
    assert checkpoint_fingerprint(later) != checkpoint_fingerprint(later.with_name("epoch-003.safetensors"))


@pytest.mark.parametrize(
    "changes",
    [
        {"study": {"seed": 1}},
        {"data": {"label": "other"}},
        {"data": {"validation": 0.25}},
        {"model": {"bias": False}},
        {"training": {"epochs": 21}},
        {"influence": {"damping": 0.1}},
        {"compute": {"precision": "bf16"}},
    ],
)
def test_settings_that_change_the_result_change_the_key(study, changes):
    assert key_of(study.with_changes(**changes)) != key_of(study)


@pytest.mark.parametrize(
    "changes",
    [
        {"compute": {"threads": 2}},
        {"compute": {"batch_size": 32, "device": "cpu"}},
        {"compute": {"precision": "fp32"}},
        {"reweight": {"targets": ("b",)}},
        {"model": {"epoch": 3}},
    ],
)
def test_settings_that_do_not_change_the_vectors_leave_their_key(study, changes):
    assert key_of(study.with_changes(**changes)) == key_of(study)


def test_a_reweighting_is_keyed_by_its_settings_and_its_influence_run(study):
    other = study.with_changes(reweight={"targets": ("b",)})
    assert len({reweight_key("k", study), reweight_key("k", other), reweight_key("l", study)}) == 3


def test_all_classes_at_once_are_keyed_by_their_bounds_alone(study):
    def key(**changes: object) -> str:
        return reweight_key("k", study.with_changes(reweight={"setting": "all_classes", **changes}))

    assert key() == key(slack=0.1) == key(objective="sum", variables="groups", search={"iterations": 1})
    assert len({key(), key(weight_bounds=(0.0, 2.0)), key(mean_preserving=False), reweight_key("k", study)}) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"study": {"seed": 1}},
        {"data": {"validation": 0.25}},
        {"model": {"bias": False}},
        {"training": {"epochs": 21}},
        {"influence": {"damping": 0.1}},
        {"reweight": {"weight_bounds": (0.0, 2.0)}},
        {"reweight": {"mean_preserving": False}},
    ],
)
def test_a_climb_is_keyed_by_all_that_it_trains_and_weighs_with(study, changes):
    assert climb_key(study.with_changes(**changes), "remove", 8) != climb_key(study, "remove", 8)


def test_a_climb_is_keyed_by_its_way_and_rounds_and_by_no_checkpoint(study):
    keys = {climb_key(study, how, rounds) for how in ("remove", "reweight") for rounds in (8, 9)}
    assert len(keys) == 4
    shutil.rmtree(study.checkpoints_path)
    other = study.with_changes(reweight={"targets": ("b",), "preset": "paper"}, study={"name": "other"})
    assert {climb_key(other, how, rounds) for how in ("remove", "reweight") for rounds in (8, 9)} == keys
    (study.folder / "train.csv").write_text("x,label\n1,a\n2,a\n")
    assert climb_key(study, "remove", 8) not in keys


def test_a_verdict_is_keyed_by_the_classes_that_alone_are_judged(study):
    some = ceiling_key("k", study, [2, 0])
    assert some == ceiling_key("k", study, (0, 2, 2))
    assert len({some, ceiling_key("k", study), ceiling_key("k", study, [0]), ceiling_key("l", study, [0, 2])}) == 4
    assert ceiling_key("k", study) == ceiling_key("k", study, None)


def test_a_folder_of_pictures_is_hashed_by_names_and_bytes(study, tmp_path):
    values = {"format": "image_folder", "modality": "image", "train": str(tmp_path / "pictures")}
    pictures = study.model_copy(update={"data": study.data.model_copy(update=values)})
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    with pytest.raises(RefusedInput, match="is empty"):
        data_fingerprint(pictures)
    (tmp_path / "pictures" / "cat" / "1.png").write_bytes(b"1")
    before = data_fingerprint(pictures)
    (tmp_path / "pictures" / "cat").rename(tmp_path / "pictures" / "dog")
    assert data_fingerprint(pictures) != before


def test_a_missing_file_and_a_pipe_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "nothing"):
        with pytest.raises(RefusedInput, match=f"no file at .*{name}.*regular file"):
            file_sha256(tmp_path / name)


def test_a_key_depends_on_the_bytes_of_the_users_code_and_not_on_its_place(study):
    def with_code(path: str, function: str, text: str) -> str:
        (study.folder / path).parent.mkdir(exist_ok=True)
        (study.folder / path).write_text(text)
        return key_of(study.with_changes(model={"architecture": f"file:{path}:{function}"}))

    first = with_code("model.py", "build", "one")
    assert with_code("deep/net.py", "build", "one") == first
    assert len({first, with_code("model.py", "build", "two"), with_code("model.py", "make", "one"), key_of(study)}) == 4


def test_code_that_is_not_there_is_refused(study):
    with pytest.raises(RefusedInput, match=r"no file at .*model\.py"):
        key_of(study.with_changes(model={"architecture": "file:model.py:build"}))


PLAN = {"classes": [0, 1], "share": 0.1, "seeds": 5, "epochs": 10}


def test_a_removal_study_is_of_its_influence_and_every_setting(study):
    key = removal_key("abc", PLAN)
    others = [removal_key("abd", PLAN)]
    for changed in ({"classes": [0]}, {"share": 0.2}, {"seeds": 4}, {"epochs": 9}):
        others.append(removal_key("abc", PLAN | changed))
    assert len({key, *others}) == 6
    assert key == removal_key("abc", dict(reversed(PLAN.items())))


@pytest.mark.parametrize(
    "changes",
    [
        {"influence": {"strategy": "identity"}},
        {"influence": {"damping": 0.5}},
        {"influence": {"damping": "calibrated"}},
        {"influence": {"factor_examples": "all"}},
        {"influence": {"modules": ["0"]}},
        {"compute": {"precision": "bf16"}},
        {"compute": {"workers": 3}},
        {"model": {"epoch": 3}},
        {"reweight": {"preset": "paper"}},
        {"study": {"name": "other"}},
    ],
)
def test_trainings_on_halves_do_not_depend_on_influence_or_a_checkpoint(study, changes):
    assert halves_key(study.with_changes(**changes), 32, 2) == halves_key(study, 32, 2)


def test_trainings_on_halves_do_not_depend_on_the_bytes_of_the_checkpoint(study):
    key = halves_key(study, 32, 2)
    (study.checkpoints_path / "epoch-003.safetensors").write_bytes(b"Weights")
    assert halves_key(study, 32, 2) == key
    (study.checkpoints_path / "epoch-003.safetensors").unlink()
    assert halves_key(study, 32, 2) == key


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"epochs": 7}},
        {"training": {"learning_rate": 0.3}},
        {"study": {"seed": 1}},
        {"model": {"bias": False}},
        {"data": {"validation": 0.3}},
        # What classes come to is measured by it.
        {"influence": {"measurement": "margin"}},
    ],
)
def test_trainings_on_halves_depend_on_what_is_trained_and_measured(study, changes):
    assert halves_key(study.with_changes(**changes), 32, 2) != halves_key(study, 32, 2)


def test_trainings_on_halves_depend_on_their_numbers_and_the_data(study):
    keys = {halves_key(study, *numbers) for numbers in ((32, 2), (2, 32), (16, 2), (32, 1))}
    (study.folder / "train.csv").write_text("x,label\n1,a\n2,a\n")
    assert len(keys | {halves_key(study, 32, 2)}) == 5


def compared(study, halves="abc", strategies=("ekfac", "identity"), epoch="epoch-003"):
    return datamodelling_key(study, study.checkpoints_path / f"{epoch}.safetensors", halves, strategies)


@pytest.mark.parametrize("damping", ["training", "heuristic", 1e-4, 0.01, 0.1, "calibrated"])
def test_a_comparison_holds_for_every_damping_that_is_compared_in_any_case(study, damping):
    assert compared(study.with_changes(influence={"damping": damping})) == compared(study)
    assert compared(study.with_changes(influence={"strategy": "kfac"})) == compared(study)


def test_a_comparison_depends_on_all_else_of_influence_on_the_trainings_and_on_the_checkpoint(study):
    keys = [compared(study), compared(study, "abd"), compared(study, strategies=["ekfac"])]
    keys.append(compared(study, strategies=["identity", "ekfac"]))
    for influence in ({"damping": 0.02}, {"damping": 0.05}, {"factor_examples": 7}, {"measurement": "margin"}):
        keys.append(compared(study.with_changes(influence=influence)))
    keys.append(compared(study.with_changes(compute={"precision": "bf16"})))
    (study.checkpoints_path / "epoch-003.safetensors").write_bytes(b"Weights")
    keys.append(compared(study))
    shutil.copy(study.checkpoints_path / "epoch-003.safetensors", study.checkpoints_path / "epoch-004.safetensors")
    keys.append(compared(study, epoch="epoch-004"))
    assert len(set(keys)) == 11


def test_a_climb_depends_on_a_checkpoint_only_where_that_chooses_the_damping(study):
    calibrated = study.with_changes(influence={"damping": "calibrated"})
    before = [climb_key(one, "remove", 8) for one in (study, calibrated)]
    (study.checkpoints_path / "epoch-003.safetensors").write_bytes(b"Weights")
    after = [climb_key(one, "remove", 8) for one in (study, calibrated)]
    assert before[0] == after[0]
    assert before[1] != after[1]
    (study.checkpoints_path / "epoch-003.safetensors").unlink()
    assert climb_key(calibrated, "remove", 8) not in {*before, *after}


def study_of_set(folder: Path, root: str = "sets", **data: object) -> Study:
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints/epoch-003.safetensors").write_bytes(b"weights")
    table = {"format": "torchvision", "dataset": "MNIST", "root": root, **data}
    values = {"name": "set", "data": table, "model": {"architecture": "cnn"}, "folder": folder}
    return Study.model_validate(values)


def test_a_set_of_torchvision_is_told_by_its_files_and_not_by_where_they_lie(tmp_path):
    write_set("MNIST", tmp_path / "a/sets")
    write_set("MNIST", tmp_path / "b/deep/sets")
    (tmp_path / "a/sets/another.bin").write_bytes(b"of no concern")
    key = key_of(study_of_set(tmp_path / "a"))

    assert key_of(study_of_set(tmp_path / "b", root="deep/sets", download=True)) == key
    assert key_of(study_of_set(tmp_path / "a", validation=0.2)) != key
    file = tmp_path / "a/sets/MNIST/raw/t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert key_of(study_of_set(tmp_path / "a")) != key


def test_the_keys_of_other_formats_say_nothing_of_sets(study):
    assert not {"dataset", "root", "download"} & set(study.data.model_dump())


def test_a_model_of_scikit_learn_is_told_by_its_file_also_where_no_checkpoint_counts(study):
    file = study.folder / "model.skops"
    file.write_bytes(b"one")
    fitted = study.with_changes(model={"architecture": "sklearn", "checkpoints": "model.skops"})
    before = climb_key(fitted, "reweight", 2)

    assert file in fitted.input_paths
    file.write_bytes(b"two")
    assert climb_key(fitted, "reweight", 2) != before


def text_folder_of(folder: Path) -> None:
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_bytes(b"{}")


@pytest.mark.parametrize("kind", ["transformer", "encoder"])
@pytest.mark.parametrize("changed", ["config.json", "tokenizer.json", "model.safetensors"])
def test_the_files_of_a_transformer_are_part_of_the_key_and_where_they_lie_is_not(tmp_path, kind, changed):
    def key(place: str) -> str:
        whole = kind == "transformer"
        data = {"modality": "text"} if whole else {"features": {"kind": f"encoder:{place}"}}
        model = {"architecture": f"transformers:{place}"} if whole else {}
        return key_of(write_study(tmp_path).with_changes(data=data | {"modality": "text"}, model=model))

    for place in ("here", "there"):
        text_folder_of(tmp_path / place)
    (tmp_path / "there" / "README.md").write_text("of no account")
    before = key("here")

    assert key("there") == before
    (tmp_path / "there" / changed).write_bytes(b"{ }")
    assert key("there") != before


def test_features_are_part_of_the_key(tmp_path):
    study = write_study(tmp_path)
    keys = {
        key_of(study.with_changes(data={"modality": "text", "features": {"kind": "tfidf", "components": components}}))
        for components in (10, 20)
    }

    assert len(keys | {key_of(study)}) == 3
