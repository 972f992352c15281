"""Training from scratch into a folder of checkpoints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.checkpoints import list_checkpoints
from engine.data import StudyData
from engine.errors import Cancelled, RefusedInput
from engine.models import load_checkpoint
from engine.study import Study
from engine.training import TrainingHistory, evaluate, read_history, train, untrained_model
from engine.training.stored_state import stored_momentum
from tests.engine.training.cases import Calls, data_of, pictures, study, table, tables


def weights(case: Study) -> dict[str, Tensor]:
    """Every tensor of every file that a training wrote."""
    files = sorted(case.checkpoints_path.rglob("*.safetensors"))
    stored = {file.relative_to(case.checkpoints_path).as_posix(): load_file(file) for file in files}
    return {f"{file}:{name}": tensor for file, tensors in stored.items() for name, tensor in tensors.items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def without_seconds(history: TrainingHistory) -> TrainingHistory:
    return replace(history, epochs=tuple(replace(record, seconds=0.0) for record in history.epochs))


def test_every_epoch_leaves_a_checkpoint_its_momentum_and_a_record(tmp_path: Path) -> None:
    case, data = study(tmp_path), tables()
    history = train(case, data)
    assert list(list_checkpoints(case)) == [1, 2, 3, 4]
    assert [record.checkpoint for record in history.epochs] == [
        f"epoch-00{epoch}.safetensors" for epoch in (1, 2, 3, 4)
    ]
    assert read_history(case.checkpoints_path) == history
    assert history.is_finished
    assert history.class_names == ("a", "b", "c")
    model = untrained_model(case, data)
    for record in history.epochs:
        path = case.checkpoints_path / record.checkpoint
        load_checkpoint(path, model)
        assert stored_momentum(path, model) is not None
        assert data.test is not None
        assert record.test is not None
        for accuracies, samples in ((record.validation, data.validation), (record.test, data.test)):
            assert np.array_equal(accuracies, evaluate(model, samples, data.transform, 3).accuracy)


def test_training_learns(tmp_path: Path) -> None:
    history = train(study(tmp_path, training={"epochs": 20}), data_of(table(90), table(90, seed=1)))
    assert history.epochs[-1].train_loss < history.epochs[0].train_loss / 2
    assert np.mean(history.epochs[0].validation) < np.mean(history.epochs[-1].validation) > 0.75


def test_without_a_test_split_its_accuracy_is_none(tmp_path: Path) -> None:
    history = train(study(tmp_path), replace(tables(), test=None))
    assert {record.test for record in history.epochs} == {None}


def test_the_test_split_changes_nothing_else(tmp_path: Path) -> None:
    with_test, without = study(tmp_path / "a"), study(tmp_path / "b")
    train(with_test, tables())
    train(without, replace(tables(), test=None))
    assert equal(weights(with_test), weights(without))


@pytest.mark.parametrize(("architecture", "data"), [("mlp", tables()), ("resnet9", data_of(pictures(12), pictures(3)))])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(
    tmp_path: Path, architecture: str, data: StudyData
) -> None:
    first, second = (study(tmp_path / name, architecture, training={"epochs": 2}) for name in "ab")
    other = study(tmp_path / "c", architecture, training={"epochs": 2}).with_changes(study={"seed": 8})
    histories = []
    for position, case in enumerate((first, second, other)):
        torch.manual_seed(position)  # the global state must not matter
        histories.append(without_seconds(train(case, data)))
    assert equal(weights(first), weights(second))
    assert histories[0] == histories[1]
    assert not equal(weights(first), weights(other))


@pytest.mark.parametrize("steps", [1, 4, 5, 9, 15])
def test_a_stopped_training_continues_to_the_same_bits(tmp_path: Path, steps: int) -> None:
    whole, stopped = study(tmp_path / "a"), study(tmp_path / "b")
    data = tables()
    history = train(whole, data)
    with pytest.raises(Cancelled):
        train(stopped, data, Calls(stop_at=steps))
    seen = Calls()
    resumed = train(stopped, data, seen)
    assert equal(weights(whole), weights(stopped))
    assert without_seconds(resumed) == without_seconds(history)
    assert [call[1] for call in seen.all] == list(range(1 + 4 * ((steps - 1) // 4), 17))


def test_without_momentum_none_is_stored_and_a_stopped_training_continues_as_well(tmp_path: Path) -> None:
    whole, stopped = (study(tmp_path / name, training={"momentum": 0.0}) for name in "ab")
    train(whole, tables())
    with pytest.raises(Cancelled):
        train(stopped, tables(), Calls(stop_at=6))
    train(stopped, tables())
    assert equal(weights(whole), weights(stopped))
    assert not (whole.checkpoints_path / "optimizer").exists()


def test_progress_tells_the_steps_of_the_whole_training(tmp_path: Path) -> None:
    calls = Calls()
    train(study(tmp_path), tables(), calls)
    assert [call[1] for call in calls.all] == list(range(1, 17))
    assert calls.all[5] == ("training", 6, 16, "epoch 2 of 4")


@pytest.mark.parametrize("name", ["epoch-001.pt", "final.safetensors"])
def test_a_folder_with_other_checkpoints_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    case = study(tmp_path)
    case.checkpoints_path.mkdir()
    (case.checkpoints_path / name).write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(RefusedInput, match=r"checkpoints already holds other checkpoints"):
            train(case, tables(), overwrite=overwrite)
    assert [file.name for file in case.checkpoints_path.iterdir()] == [name]


def test_a_finished_training_is_not_repeated_unless_asked_for(tmp_path: Path) -> None:
    case = study(tmp_path)
    train(case, tables())
    before = weights(case)
    with pytest.raises(RefusedInput, match="already holds a finished training"):
        train(case, tables())
    with pytest.raises(RefusedInput, match="already holds other checkpoints"):
        train(study(tmp_path, training={"learning_rate": 0.2}), tables())
    assert equal(weights(case), before)
    fewer = study(tmp_path, training={"epochs": 2})
    train(fewer, tables(), overwrite=True)
    assert list(list_checkpoints(fewer)) == [1, 2]
    assert len(list((case.checkpoints_path / "optimizer").iterdir())) == 2


def test_a_stopped_training_is_not_continued_on_other_data(tmp_path: Path) -> None:
    case, data = study(tmp_path), tables()
    with pytest.raises(Cancelled):
        train(case, data, Calls(stop_at=6))
    with pytest.raises(RefusedInput, match="already holds other checkpoints"):
        train(case, replace(data, train=data.train.take(range(21))))


def test_a_single_file_is_no_place_for_a_training(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match=r"checkpoints is the file model\.pt.*a folder"):
        train(study(tmp_path, model={"checkpoints": "model.pt"}), tables())


DROPPING = """
from torch import nn
def build(input_shape, num_classes):
    return nn.Sequential(nn.Linear(input_shape[0], 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, num_classes))
"""


def own_code(folder: Path) -> Study:
    """A study whose model drops out, built by a file of the user's."""
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(DROPPING)
    model = {"architecture": "file:model.py:build"}
    return study(folder, "logistic_regression").with_changes(model=model)


def test_what_is_dropped_out_depends_on_the_seed_alone_and_not_on_where_a_training_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETOSCOPE_CODE_ROOT", str(tmp_path))
    whole, stopped = own_code(tmp_path / "a"), own_code(tmp_path / "b")
    train(whole, tables())
    torch.manual_seed(99)
    before = torch.get_rng_state()
    with pytest.raises(Cancelled):
        train(stopped, tables(), Calls(stop_at=6))
    assert torch.equal(torch.get_rng_state(), before)
    train(stopped, tables())
    assert equal(weights(whole), weights(stopped))


def test_a_stopped_training_is_not_continued_with_changed_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETOSCOPE_CODE_ROOT", str(tmp_path))
    case = own_code(tmp_path / "a")
    with pytest.raises(Cancelled):
        train(case, tables(), Calls(stop_at=6))
    (case.folder / "model.py").write_text(DROPPING.replace("0.5", "0.4"))
    with pytest.raises(RefusedInput, match="already holds other checkpoints"):
        train(case, tables())


def test_a_model_that_is_refused_leaves_the_epochs_that_it_was_to_replace(tmp_path: Path) -> None:
    case, data = study(tmp_path), tables()
    train(case, data)
    before = weights(case)
    with pytest.raises(RefusedInput, match="for pictures"):
        train(study(tmp_path, "cnn"), data, overwrite=True)
    assert equal(weights(case), before)
