from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import io as matlab
from torchvision import datasets

from engine.data import load_data
from engine.errors import RefusedInput
from engine.study import Study
from engine.torchvision_sets import SETS
from tests.engine.data.vision_sets import NAMES, SIDES, pictures_of, write_cifar, write_idx, write_set

MakeStudy = Callable[..., Study]


@pytest.fixture
def study_of(make_study: MakeStudy, tmp_path: Path) -> Callable[..., Study]:
    """Returns a function that writes a set and makes its study."""

    def made(name: str, **data: Any) -> Study:
        write_set(name, tmp_path / "sets")
        return make_study(format="torchvision", dataset=name, root="sets", **{"validation": 0.25, **data})

    return made


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_read_by_its_name_as_it_was_written(study_of: Callable[..., Study], name: str) -> None:
    data = load_data(study_of(name))

    assert (len(data.train), len(data.validation), data.test is not None and len(data.test)) == (30, 10, 20)
    pixels, labels = pictures_of(name, 40, seed=5)
    for samples in (data.train, data.validation):
        rows = [int(source.partition("#")[2]) for source in samples.sources]
        assert torch.equal(samples.inputs, torch.from_numpy(pixels[rows]))
        assert samples.labels.tolist() == labels[rows].tolist()
    assert data.train.inputs.shape[1:] == (1 if "MNIST" in name else 3, SIDES[name], SIDES[name])
    assert data.train.sources[0].startswith(f"{name} train#")
    assert data.test is not None
    assert data.test.sources[3] == f"{name} test#3"
    assert len(data.class_names) == 10


@pytest.mark.parametrize("name", SETS)
def test_torchvision_itself_reads_the_same_pictures_and_labels(
    study_of: Callable[..., Study], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = getattr(datasets, name)
    test = load_data(study_of(name)).test
    # Its checksums are those of the published files; these are not.
    monkeypatch.setattr(
        datasets.mnist if "MNIST" in name else kind, "_check_integrity", lambda self: True, raising=False
    )
    for module in (datasets.cifar, datasets.stl10, datasets.svhn):
        monkeypatch.setattr(module, "check_integrity", lambda *_: True)
    options = {"split": "test"} if name in ("STL10", "SVHN") else {"train": False}
    theirs = kind(tmp_path / "sets", **options)

    assert test is not None
    for (picture, label), ours, our_label in zip(theirs, test.inputs, test.labels, strict=True):
        pixels = np.atleast_3d(np.array(picture)).transpose(2, 0, 1)
        assert (pixels == ours.numpy()).all()
        assert label == our_label


def test_classes_are_named_by_the_set(study_of: Callable[..., Study]) -> None:
    names = {name: load_data(study_of(name)).class_names for name in SETS}

    assert names["CIFAR10"] == names["CIFAR100"] == names["STL10"] == NAMES
    assert names["MNIST"] == names["SVHN"] == tuple("0123456789")
    assert names["FashionMNIST"] == tuple(datasets.FashionMNIST.classes)


def test_class_names_of_the_study_come_first(study_of: Callable[..., Study]) -> None:
    words = tuple(f"digit {number}" for number in range(10))

    assert load_data(study_of("MNIST", class_names=words)).class_names == words


def test_a_tenth_is_set_aside_for_validation_by_default(make_study: MakeStudy, tmp_path: Path) -> None:
    write_set("MNIST", tmp_path, train=100)

    data = load_data(make_study(format="torchvision", dataset="MNIST", root="."))

    assert (len(data.train), len(data.validation)) == (90, 10)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_cifar_is_read_in_every_protocol_of_pickle(make_study: MakeStudy, tmp_path: Path, protocol: int) -> None:
    pixels, labels = pictures_of("CIFAR10", 50)
    for split in ("train", "test"):
        write_cifar("CIFAR10", tmp_path, split, pixels, labels, protocol)

    data = load_data(make_study(format="torchvision", dataset="CIFAR10", root="."))

    assert data.test is not None
    assert torch.equal(data.test.inputs, torch.from_numpy(pixels))
    assert data.class_names == NAMES


def file_of(name: str, root: Path) -> list[Path]:
    return list(dict.fromkeys(file for split in ("train", "test") for file in SETS[name].files(root, split)))


@pytest.mark.parametrize("name", SETS)
def test_every_file_that_is_missing_is_named(study_of: Callable[..., Study], name: str, tmp_path: Path) -> None:
    study = study_of(name)
    for file in file_of(name, tmp_path / "sets"):
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(RefusedInput, match=rf"has no {file.name}\. Expected .*Mend \[data\] root, or set download"):
            load_data(study)
        file.write_bytes(content)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("damage", ["half", "empty", "web page", "more", "random"])
def test_a_damaged_file_is_refused_by_its_name(
    study_of: Callable[..., Study], name: str, damage: str, tmp_path: Path
) -> None:
    study = study_of(name)
    for file in file_of(name, tmp_path / "sets"):
        if file.name == "class_names.txt" or (damage == "random" and file.name.endswith("_X.bin")):
            continue  # Any bytes may be pixels, and any text a name.
        content = file.read_bytes()
        broken = {
            "half": content[: len(content) // 2],
            "empty": b"",
            "web page": b"<html><body>not found</body></html>",
            "more": content[:-1] + bytes(7),
            "random": np.random.default_rng(0).bytes(len(content)),
        }[damage]
        file.write_bytes(broken)
        if damage == "more" and name in ("CIFAR10", "CIFAR100", "SVHN"):
            # What comes behind the end of a pickle or of a MATLAB array is not looked at, but the end is.
            file.write_bytes(content[:-16])
        with pytest.raises(RefusedInput) as refused:
            load_data(study)
        assert file.name in str(refused.value)
        file.write_bytes(content)


def test_names_that_are_no_text_are_refused(study_of: Callable[..., Study], tmp_path: Path) -> None:
    study = study_of("STL10")
    (tmp_path / "sets/stl10_binary/class_names.txt").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RefusedInput, match=r"class_names\.txt is no text"):
        load_data(study)


def test_a_label_that_is_no_class_is_refused(study_of: Callable[..., Study], tmp_path: Path) -> None:
    study = study_of("STL10")
    np.zeros(20, dtype=np.uint8).tofile(tmp_path / "sets/stl10_binary/test_y.bin")
    with pytest.raises(RefusedInput, match=r"test_y\.bin has no labels, or bytes that are none"):
        load_data(study)

    study = study_of("MNIST")
    write_idx(tmp_path / "sets/MNIST/raw/t10k-labels-idx1-ubyte", np.full(20, 11, dtype=np.uint8))
    with pytest.raises(RefusedInput, match=r"MNIST test: row 0 has the label '11'.*0 to 9"):
        load_data(study)


def test_pictures_and_labels_of_different_numbers_are_refused(study_of: Callable[..., Study], tmp_path: Path) -> None:
    study = study_of("MNIST")
    write_idx(tmp_path / "sets/MNIST/raw/t10k-labels-idx1-ubyte", np.zeros(30, dtype=np.uint8))

    with pytest.raises(RefusedInput, match="MNIST test has 20 pictures and 30 labels"):
        load_data(study)


@pytest.mark.parametrize(
    "held",
    [
        {"X": np.zeros((32, 32, 3), np.uint8), "y": np.zeros((1, 1))},
        {"X": np.zeros((32, 32, 3, 4), np.float64), "y": np.ones((4, 1))},
        {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.ones((3, 1))},
        {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.full((4, 1), 11.0)},
        {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.full((4, 1), np.nan)},
        {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.array([[{}]] * 4, dtype=object)},
        {"Z": np.zeros(3)},
    ],
)
def test_a_matlab_file_of_something_else_is_refused(
    study_of: Callable[..., Study], tmp_path: Path, held: dict[str, np.ndarray]
) -> None:
    study = study_of("SVHN")
    matlab.savemat(tmp_path / "sets/test_32x32.mat", held)

    with pytest.raises(RefusedInput, match=r"test_32x32\.mat has '[Xy]'|test_32x32\.mat has labels|says another"):
        load_data(study)


def test_an_archive_that_was_not_unpacked_is_told(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")

    with pytest.raises(RefusedInput, match=r"Unpack cifar-10-python\.tar\.gz .*tar -xf"):
        load_data(make_study(format="torchvision", dataset="CIFAR10", root="."))


def test_reading_says_how_far_it_is(study_of: Callable[..., Study]) -> None:
    told: list[tuple[int, int]] = []

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        told.append((done, total))

    load_data(study_of("MNIST"), report)

    assert told == [(30, 60), (40, 60), (60, 60)]
