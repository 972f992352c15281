"""The record of a training on disk."""

import json
import math
from pathlib import Path

import pytest
import torch

from engine.data import InputTransform, Samples
from engine.errors import RefusedInput
from engine.study import Study
from engine.training import EpochRecord, TrainingHistory, read_history
from engine.training.history import training_fingerprint, write_history
from tests.engine.training.cases import data_of, study, table, tables

RECORD = EpochRecord(1, "epoch-001.safetensors", 0.5, [0.25, 1.0], [1.0, 0.0], 0.7)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    history = TrainingHistory(("a", "b"), 2, "abc").with_epoch(RECORD)
    write_history(history, tmp_path)
    assert read_history(tmp_path) == history
    assert not history.is_finished
    assert history.with_epoch(RECORD).is_finished


def test_a_class_without_samples_is_null_in_the_file_and_nan_in_memory(tmp_path: Path) -> None:
    record = EpochRecord(1, "epoch-001.safetensors", 0.5, [0.25, math.nan], None, 0.7)
    write_history(TrainingHistory(("a", "b"), 1, "abc", (record,)), tmp_path)
    assert json.loads((tmp_path / "history.json").read_text())["epochs"][0]["validation"] == [0.25, None]
    history = read_history(tmp_path)
    assert history is not None
    assert math.isnan(history.epochs[0].validation[1])
    assert history.epochs[0].test is None


def test_a_folder_without_a_record_has_none(tmp_path: Path) -> None:
    assert read_history(tmp_path) is None
    assert read_history(tmp_path / "missing") is None


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"epochs": [{}], "class_names": []}', '{"epochs": 3}', "\x00"])
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(RefusedInput, match=r"history\.json is not the record of a training"):
        read_history(tmp_path)


def test_the_fingerprint_changes_with_all_that_the_weights_depend_on(tmp_path: Path) -> None:
    data = tables()
    first = training_fingerprint(study(tmp_path), data)
    inputs, labels = data.train.inputs.clone(), data.train.labels.clone()
    inputs[0, 0] += 1
    labels[0] = 2
    others = [
        training_fingerprint(study(tmp_path, training={"learning_rate": 0.2}), data),
        training_fingerprint(study(tmp_path, model={"hidden": [9]}), data),
        training_fingerprint(study(tmp_path).with_changes(study={"seed": 4}), data),
        training_fingerprint(study(tmp_path).with_changes(data={"transform": {"mean": (1.0,), "std": (1.0,)}}), data),
        training_fingerprint(
            study(tmp_path), data_of(Samples(inputs, data.train.labels, data.train.sources), table(3))
        ),
        training_fingerprint(
            study(tmp_path), data_of(Samples(data.train.inputs, labels, data.train.sources), table(3))
        ),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_the_fingerprint_changes_with_the_bytes_of_the_users_code_and_not_with_its_place(tmp_path: Path) -> None:
    def with_code(path: str, text: str) -> str:
        (tmp_path / path).write_text(text)
        case = study(tmp_path).model_dump()
        case["model"] = {"architecture": f"file:{path}:build"}
        return training_fingerprint(Study.model_validate({**case, "folder": tmp_path}), tables())

    first = with_code("model.py", "one")
    assert with_code("other.py", "one") == first
    assert with_code("model.py", "two") != first


def test_the_fingerprint_does_not_depend_on_names_places_or_the_epoch_looked_at(tmp_path: Path) -> None:
    data = tables()
    first = training_fingerprint(study(tmp_path), data)
    assert training_fingerprint(study(tmp_path / "x", model={"checkpoints": "y", "epoch": 2}), data) == first
    renamed = study(tmp_path).with_changes(study={"name": "other"}, reweight={"targets": (1,)})
    assert training_fingerprint(renamed, data) == first
    assert torch.equal(data.train.inputs, tables().train.inputs)
    assert isinstance(data.transform, InputTransform)
