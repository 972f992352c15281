import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data.locations import file_bytes, split_location
from engine.errors import RefusedInput
from engine.study import Study

MakeStudy = Callable[..., Study]


def study_of(make_study: MakeStudy, train: str, format: str = "csv") -> Study:
    return make_study(format=format, train=train, validation=0.5)


def test_a_file_in_the_study_s_folder_is_found(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "train.csv").write_text("x")
    assert split_location(study_of(make_study, "a/../a/train.csv"), "train").samefile(tmp_path / "a" / "train.csv")


def test_a_missing_file_is_refused_with_the_nearest_name(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("x")
    with pytest.raises(RefusedInput, match=r"train is 'trian.csv', which does not exist.*Write 'train.csv'"):
        split_location(study_of(make_study, "trian.csv"), "train")


@pytest.mark.parametrize("name", ["no/such/folder.csv", "a" * 5000])
def test_a_path_that_cannot_be_is_refused(make_study: MakeStudy, name: str) -> None:
    with pytest.raises(RefusedInput, match="does not exist"):
        split_location(study_of(make_study, name), "train")


def test_an_empty_file_is_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "train.csv").touch()
    with pytest.raises(RefusedInput, match="an empty file"):
        split_location(study_of(make_study, "train.csv"), "train")


def test_data_may_lie_beside_the_study_s_folder(
    make_study: MakeStudy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "train.csv"
    outside.write_text("x")
    for named in (f"../{outside.parent.name}/train.csv", str(outside)):
        assert split_location(study_of(make_study, named), "train").samefile(outside)


def test_a_link_to_itself_is_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "train.csv").symlink_to("train.csv")
    with pytest.raises(RefusedInput, match="does not exist"):
        split_location(study_of(make_study, "train.csv"), "train")


def test_a_pipe_is_refused_without_being_opened(make_study: MakeStudy, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.csv")
    with pytest.raises(RefusedInput, match="a pipe, socket or device"):
        split_location(study_of(make_study, "train.csv"), "train")


def test_a_device_is_refused(make_study: MakeStudy) -> None:
    with pytest.raises(RefusedInput, match="a pipe, socket or device"):
        split_location(study_of(make_study, "/dev/zero"), "train")


@pytest.mark.parametrize(("format", "kind"), [("csv", "a folder"), ("image_folder", "a file")])
def test_folder_and_file_are_not_taken_for_each_other(
    make_study: MakeStudy, tmp_path: Path, format: str, kind: str
) -> None:
    if format == "csv":
        (tmp_path / "train").mkdir()
    else:
        (tmp_path / "train").write_text("x")
    with pytest.raises(RefusedInput, match=f"which is {kind}"):
        split_location(study_of(make_study, "train", format), "train")


def test_a_file_that_has_gone_meanwhile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match=r"gone.csv cannot be read: No such file"):
        file_bytes(tmp_path / "gone.csv", "gone.csv")
