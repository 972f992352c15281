import os
import shutil
from pathlib import Path

import pytest

from cache.fingerprints import (
    ceiling_key,
    checkpoint_fingerprint,
    climb_key,
    data_fingerprint,
    file_sha256,
    influence_key,
    reweight_key,
)
from engine.errors import RefusedInput
from engine.study import Study, load_study

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
