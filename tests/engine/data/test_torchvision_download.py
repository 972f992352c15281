from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest

from cache.fingerprints import data_fingerprint
from engine.data import load_data, torchvision_download
from engine.data.torchvision_download import fetch_missing
from engine.errors import RefusedInput
from engine.study import Study
from tests.engine.data.vision_sets import write_set

MakeStudy = Callable[..., Study]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes what torchvision would have fetched, and fails as a closed network does."""
    asked: list[str] = []

    def refused(url: str, *_: object, **__: object) -> None:
        asked.append(url)
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", refused)
    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", refused)
    return asked


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "STL10", "MNIST", "FashionMNIST", "SVHN"])
def test_without_a_network_a_download_is_refused_with_what_to_do(
    make_study: MakeStudy, no_network: list[str], name: str
) -> None:
    study = make_study(format="torchvision", dataset=name, root="new/sets", download=True)

    with pytest.raises(
        RefusedInput, match=rf"could not fetch {name}: .*Fetch it on another machine and copy its files"
    ):
        fetch_missing(study)
    assert no_network


def test_nothing_is_fetched_unless_the_study_says_so(make_study: MakeStudy, no_network: list[str]) -> None:
    study = make_study(format="torchvision", dataset="MNIST", root="sets")

    fetch_missing(study)
    with pytest.raises(RefusedInput, match="set download = true to let torchvision fetch them"):
        load_data(study)
    with pytest.raises(RefusedInput, match="set download = true to let torchvision fetch them"):
        data_fingerprint(study)
    assert not no_network


def test_what_is_there_is_not_fetched_again(make_study: MakeStudy, no_network: list[str], tmp_path: Path) -> None:
    write_set("MNIST", tmp_path)

    fetch_missing(make_study(format="torchvision", dataset="MNIST", root=".", download=True))

    assert not no_network


def test_what_was_fetched_is_read(make_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def writes(name: str, root: Path, split: str) -> None:
        fetched.append(split)
        write_set(name, root)

    monkeypatch.setattr(torchvision_download, "_download", writes)
    study = make_study(format="torchvision", dataset="MNIST", root="sets", download=True, validation=0.25)
    with pytest.raises(RefusedInput, match="Train or compute influence once"):
        data_fingerprint(study)

    fetch_missing(study)

    assert fetched == ["train", "test"]
    assert len(load_data(study).train) == 30


def test_a_root_that_cannot_be_made_is_told(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "sets").write_text("a file")

    with pytest.raises(RefusedInput, match="could not fetch MNIST"):
        fetch_missing(make_study(format="torchvision", dataset="MNIST", root="sets", download=True))
