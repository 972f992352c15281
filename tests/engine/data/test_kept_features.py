from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.data.kept_features import features_kept_in, features_key, kept_features
from engine.errors import Cancelled, RefusedInput


class Maker:
    """Makes features and counts how often."""

    def __init__(self, value: float = 0.0) -> None:
        self.made, self._value = 0, value

    def __call__(self) -> tuple[Tensor, Tensor]:
        self.made += 1
        return torch.full((3, 2), self._value), torch.tensor([1, 2, 3], dtype=torch.int32)


def file_of(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_features_are_made_once(tmp_path):
    make = Maker(0.5)

    with features_kept_in(tmp_path / "features"):
        first, again = (kept_features("key", 3, make) for _ in range(2))

    assert make.made == 1
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_without_a_folder_nothing_is_kept():
    make = Maker()

    kept_features("key", 3, make)
    kept_features("key", 3, make)

    assert make.made == 2


@pytest.mark.parametrize("damage", ["cut off", "another number", "other rows"])
def test_what_is_damaged_is_made_again(tmp_path, damage):
    make = Maker(0.5)
    with features_kept_in(tmp_path):
        kept_features("key", 3, make)
        file = file_of(tmp_path)
        content = bytearray(file.read_bytes())
        if damage == "another number":
            content[-1] ^= 1
        file.write_bytes(content[:-1] if damage == "cut off" else content)

        features, _ = kept_features("key", 4 if damage == "other rows" else 3, make)

    assert make.made == 2
    assert torch.equal(features, torch.full((3, 2), 0.5))


def test_nothing_is_left_of_features_that_were_stopped(tmp_path):
    def stopped() -> tuple[Tensor, Tensor]:
        raise Cancelled

    with features_kept_in(tmp_path), pytest.raises(Cancelled):
        kept_features("key", 3, stopped)

    assert not list(tmp_path.iterdir())


def test_a_key_is_of_the_texts_their_order_and_the_settings():
    keys = [
        features_key(texts, settings)
        for texts in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""])
        for settings in ({"limit": 1}, {"limit": 2})
    ]

    assert len(set(keys)) == 8
    assert keys[0] == features_key(["a", "b"], {"limit": 1})


def test_features_of_another_version_are_made_again(monkeypatch):
    before = features_key(["a"], {"limit": 1})

    monkeypatch.setattr("engine.data.kept_features.VERSION", 0)

    assert features_key(["a"], {"limit": 1}) != before


@pytest.mark.parametrize("place", ["kept", "kept/key.safetensors/inner"])
def test_features_that_cannot_be_written_are_refused(tmp_path, place):
    # A file in the place of the folder, or a folder in the place of the file.
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("")

    with features_kept_in(tmp_path / "kept"), pytest.raises(RefusedInput, match="cannot be kept in"):
        kept_features("key", 3, Maker())
