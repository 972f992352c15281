"""Which files are the checkpoints of which epochs."""

import os
from pathlib import Path

import pytest

from engine.checkpoints import checkpoint_of, chosen_checkpoint, list_checkpoints
from engine.errors import RefusedInput
from engine.study import Study


def study(folder: Path, checkpoints: str = "checkpoints", epoch: int | None = None) -> Study:
    return Study.model_validate(
        {
            "name": "case",
            "folder": folder,
            "data": {"format": "csv", "train": "a.csv", "validation": 0.5},
            "model": {"architecture": "mlp", "checkpoints": checkpoints, "epoch": epoch},
        }
    )


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


def test_a_name_that_no_disk_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match=r"checkpoints: n{80} cannot be looked at: File name too long"):
        list_checkpoints(study(tmp_path, "n" * 300))


def test_a_folder_is_listed_by_epoch_in_order(tmp_path: Path) -> None:
    touch(
        tmp_path / "checkpoints", "epoch-010.safetensors", "epoch-002.safetensors", "epoch-1000.safetensors", "a.json"
    )
    (tmp_path / "checkpoints" / "optimizer").mkdir()
    assert list(list_checkpoints(study(tmp_path))) == [2, 10, 1000]


@pytest.mark.parametrize(
    ("name", "epoch"),
    [
        ("epoch-012.safetensors", 12),
        ("epoch_3_best.pt", 3),
        ("ckpt7.pth", 7),
        ("model-5.PT", 5),
        ("0004.pt", 4),
        ("resnet9.pt", 0),
        ("best.pt", 0),
    ],
)
def test_a_single_file_counts_as_the_epoch_of_its_name(tmp_path: Path, name: str, epoch: int) -> None:
    touch(tmp_path, name)
    assert list_checkpoints(study(tmp_path, name)) == {epoch: tmp_path / name}
    assert chosen_checkpoint(study(tmp_path, name)) == (epoch, tmp_path / name)


def test_files_without_a_number_count_only_where_none_has_one(tmp_path: Path) -> None:
    touch(tmp_path / "checkpoints", "final.pt")
    assert list(list_checkpoints(study(tmp_path))) == [0]
    touch(tmp_path / "checkpoints", "epoch-001.pt")
    assert list(list_checkpoints(study(tmp_path))) == [1]


def test_safetensors_come_before_pt_for_the_same_epoch(tmp_path: Path) -> None:
    touch(tmp_path / "checkpoints", "epoch-001.pt", "epoch-001.safetensors", "epoch-002.pt")
    assert [file.suffix for file in list_checkpoints(study(tmp_path)).values()] == [".safetensors", ".pt"]


def test_two_files_for_one_epoch_are_refused_by_name(tmp_path: Path) -> None:
    touch(tmp_path / "checkpoints", "epoch-1.pt", "epoch-01.pt")
    with pytest.raises(RefusedInput, match=r"epoch-01\.pt and epoch-1\.pt .* both count as epoch 1"):
        list_checkpoints(study(tmp_path))


def test_hidden_files_and_what_is_no_regular_file_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    touch(folder, ".epoch-002.safetensors", "epoch-001.safetensors")
    os.mkfifo(folder / "epoch-003.pt")
    assert list(list_checkpoints(study(tmp_path))) == [1]


@pytest.mark.parametrize("make", [True, False])
def test_no_checkpoint_is_refused_with_the_command_that_makes_one(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "checkpoints").mkdir()
    with pytest.raises(RefusedInput, match=r"no checkpoint in checkpoints of study 'case'.*python -m app train"):
        list_checkpoints(study(tmp_path))


def test_the_last_epoch_is_chosen_unless_the_study_names_one(tmp_path: Path) -> None:
    touch(tmp_path / "checkpoints", "epoch-009.pt", "epoch-010.pt")
    assert chosen_checkpoint(study(tmp_path))[0] == 10
    assert chosen_checkpoint(study(tmp_path, epoch=9)) == (9, tmp_path / "checkpoints" / "epoch-009.pt")


def test_an_epoch_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    touch(tmp_path / "checkpoints", "epoch-009.pt", "epoch-010.pt")
    with pytest.raises(RefusedInput, match=r"no checkpoint of epoch 11\. Expected one of 9, 10\."):
        checkpoint_of(study(tmp_path), 11)
