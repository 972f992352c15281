"""Samples that are kept for pages: what comes back, and what is not taken for them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cache.shown_samples import ShownSamples, ShownTexts
from cache.store import Store
from engine.errors import RefusedInput

PICTURES = np.arange(5 * 3 * 4 * 4, dtype=np.uint8).reshape(5, 3, 4, 4)
SIZES = np.array([[4, 8]] * 5, dtype=np.int32)
ROWS = np.linspace(0, 1, 15, dtype=np.float32).reshape(5, 3)
TEXTS = ("one", "", "drei\nvier", "\U0001f600", "five")


def texts() -> ShownSamples:
    values = pa.array(TEXTS, pa.large_string())
    return ShownSamples.of_texts(ShownTexts(values, np.arange(5, dtype=np.int32), "tokens", 3))


def test_pictures_come_back_without_being_read(tmp_path):
    ShownSamples(PICTURES, SIZES).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "image", 5)

    assert found is not None
    assert isinstance(found.inputs, np.memmap)
    assert found.sizes is not None
    assert np.array_equal(found.inputs, PICTURES)
    assert np.array_equal(found.sizes, SIZES)


def test_rows_come_back_with_the_names_of_their_columns(tmp_path):
    ShownSamples(ROWS, columns=("a", "b", "c")).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "tabular", 5)

    assert found is not None
    assert np.array_equal(found.inputs, ROWS)
    assert (found.columns, found.sizes, found.texts) == (("a", "b", "c"), None, None)


def test_texts_come_back_with_their_lengths(tmp_path):
    texts().write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "text", 5)

    assert found is not None
    assert found.texts is not None
    assert tuple(found.texts[index] for index in range(5)) == TEXTS
    assert found.texts.lengths.tolist() == [0, 1, 2, 3, 4]
    assert (found.texts.unit, found.texts.most) == ("tokens", 3)


def test_what_is_written_again_takes_the_place_of_what_was_there(tmp_path):
    ShownSamples(PICTURES, SIZES).write(tmp_path / "key")
    ShownSamples(PICTURES[::-1].copy()).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "image", 5)

    assert found is not None
    assert found.sizes is None
    assert np.array_equal(found.inputs, PICTURES[::-1])
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space"):
        ShownSamples(PICTURES).write(tmp_path / "key")

    assert not list(tmp_path.iterdir())


def cut(folder: Path) -> None:
    content = (folder / "inputs.npy").read_bytes()
    (folder / "inputs.npy").write_bytes(content[: len(content) // 2])


def pickled(folder: Path) -> None:
    np.save(folder / "inputs.npy", np.array([{}] * 5), allow_pickle=True)


def of_floats(folder: Path) -> None:
    np.save(folder / "inputs.npy", PICTURES.astype(np.float64))


def other_sizes(folder: Path) -> None:
    np.save(folder / "sizes.npy", SIZES[:2])


def no_json(folder: Path) -> None:
    (folder / "about.json").write_text("{")


def a_list(folder: Path) -> None:
    (folder / "about.json").write_text(json.dumps([1]))


def gone(folder: Path) -> None:
    (folder / "about.json").unlink()


@pytest.mark.parametrize("damage", [cut, pickled, of_floats, other_sizes, no_json, a_list, gone])
def test_what_is_damaged_counts_as_missing(tmp_path, damage):
    ShownSamples(PICTURES, SIZES).write(tmp_path / "key")
    assert ShownSamples.opened(tmp_path / "key", "image", 5) is not None

    damage(tmp_path / "key")

    assert ShownSamples.opened(tmp_path / "key", "image", 5) is None


def test_damaged_texts_count_as_missing(tmp_path):
    texts().write(tmp_path / "key")
    content = (tmp_path / "key" / "texts.arrow").read_bytes()
    (tmp_path / "key" / "texts.arrow").write_bytes(content[: len(content) // 2])

    assert ShownSamples.opened(tmp_path / "key", "text", 5) is None


def test_samples_of_another_number_or_kind_are_not_those_of_the_run(tmp_path):
    ShownSamples(PICTURES).write(tmp_path / "key")

    assert ShownSamples.opened(tmp_path / "key", "image", 6) is None
    assert ShownSamples.opened(tmp_path / "key", "tabular", 5) is None
    assert ShownSamples.opened(tmp_path / "key", "text", 5) is None


def test_samples_may_be_the_stores_own_or_shipped(tmp_path):
    store = Store(tmp_path / "store", tmp_path / "samples")
    own, shipped = tmp_path / "store" / "shown" / "abc", tmp_path / "samples" / "digits" / "shown" / "abc"
    assert store.shown("abc") == [own]

    ShownSamples(PICTURES).write(shipped)

    assert store.shown("abc") == [own, shipped]
    with pytest.raises(RefusedInput, match="not the key of a run"):
        store.shown("../abc")
