import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.data.image_folder import ImageFolderReader
from engine.errors import RefusedInput
from engine.study import Study

Reader = Callable[[], ImageFolderReader]


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    root = tmp_path / "train"
    for name, value in (("dog/b.png", 1), ("dog/a.JPG", 2), ("cat/deep/7.png", 3), ("cat/.hidden.png", 4)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(picture(value))
    (root / "cat" / "notes.txt").write_text("no picture")
    (root / "readme.txt").write_text("no class")
    (root / ".cache").mkdir()
    return root


@pytest.fixture
def reader(folder: Path, make_study: Callable[..., Study]) -> Reader:
    return lambda: ImageFolderReader(folder, make_study(format="image_folder", train="train", validation=0.5).data)


def nothing(count: int) -> None:
    pass


def test_folders_are_classes_and_pictures_their_samples(reader: Reader) -> None:
    labels = reader().labels()
    assert labels.names == ("cat", "dog")
    assert labels.values.tolist() == ["cat", "dog", "dog"]
    assert reader().sources(np.arange(3)) == ("cat/deep/7.png", "dog/a.JPG", "dog/b.png")
    assert reader().inputs(np.array([0, 2]), nothing)[:, 0, 0, 0].tolist() == [3, 1]


def test_labels_are_told_without_opening_a_picture(reader: Reader, folder: Path) -> None:
    (folder / "dog" / "b.png").write_bytes(b"broken")
    assert len(reader().labels().values) == 3
    with pytest.raises(RefusedInput, match=r"train/dog/b.png is not a readable picture"):
        reader().inputs(np.array([2]), nothing)


def test_an_empty_class_folder_is_still_a_class(reader: Reader, folder: Path) -> None:
    (folder / "bird").mkdir()
    assert reader().labels().names == ("bird", "cat", "dog")


def test_a_folder_without_classes_is_refused(make_study: Callable[..., Study], tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    with pytest.raises(RefusedInput, match="flat has no folder in it"):
        ImageFolderReader(tmp_path / "flat", make_study(format="image_folder", train="flat", validation=0.5).data)


def test_a_link_out_of_the_folder_is_refused(reader: Reader, folder: Path, picture: Callable[..., bytes]) -> None:
    (folder.parent / "outside.png").write_bytes(picture(9))
    (folder / "dog" / "link.png").symlink_to(folder.parent / "outside.png")
    with pytest.raises(RefusedInput, match=r"dog/link.png is not a file in train"):
        reader()


def test_a_class_that_is_a_link_out_of_the_folder_is_refused(
    reader: Reader, folder: Path, picture: Callable[..., bytes]
) -> None:
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "1.png").write_bytes(picture(9))
    (folder / "fox").symlink_to(folder.parent / "outside")
    with pytest.raises(RefusedInput, match=r"fox/1.png is not a file in train"):
        reader()


def test_a_link_within_the_folder_is_followed(reader: Reader, folder: Path) -> None:
    (folder / "dog" / "c.png").symlink_to(folder / "dog" / "b.png")
    assert len(reader().labels().values) == 4


@pytest.mark.parametrize("name", [b"\xff/1.png", b"dog/\xff.png", b"dog/\xff/1.png"])
def test_a_name_that_is_no_text_is_refused_and_not_only_when_the_result_is_written(
    reader: Reader, folder: Path, picture: Callable[..., bytes], name: bytes
) -> None:
    file = folder / os.fsdecode(name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(picture(9))
    with pytest.raises(RefusedInput, match=r"udcff.* is no text in UTF-8"):
        reader()


def test_a_pipe_is_refused_without_being_opened(reader: Reader, folder: Path) -> None:
    os.mkfifo(folder / "dog" / "pipe.png")
    with pytest.raises(RefusedInput, match=r"dog/pipe.png is not a file"):
        reader()


def test_a_picture_that_has_gone_meanwhile_is_refused(reader: Reader, folder: Path) -> None:
    opened = reader()
    (folder / "dog" / "b.png").unlink()
    with pytest.raises(RefusedInput, match=r"train/dog/b.png cannot be read: No such file"):
        opened.inputs(np.array([2]), nothing)
