"""Samples that are kept for pages: what comes back, and what is not taken for them."""

import errno
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache.shown_samples import ShownSamples, ShownTexts
from cache.store import Store
from engine.errors import RefusedInput

PICTURES = np.arange(5 * 3 * 4 * 4, dtype=np.uint8).reshape(5, 3, 4, 4)
SIZES = np.array([[4, 8]] * 5, dtype=np.int32)
ROWS = np.linspace(0, 1, 15, dtype=np.float32).reshape(5, 3)
TEXTS = ("one", "", "drei\nvier", "\U0001f600", "five")


def texts() -> ShownSamples:
    return ShownSamples.of_texts(ShownTexts(TEXTS, np.arange(5, dtype=np.int32), "tokens", 3))


def rows(found: ShownSamples) -> np.ndarray:
    return np.array([found.inputs[index] for index in range(len(found))])


def test_pictures_come_back_with_their_sizes(tmp_path):
    ShownSamples(PICTURES, SIZES).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "image", 5)

    assert found is not None
    assert found.sizes is not None
    assert np.array_equal(rows(found), PICTURES)
    assert np.array_equal(found.sizes, SIZES)


def test_rows_come_back_with_the_names_of_their_columns(tmp_path):
    ShownSamples(ROWS, columns=("a", "b", "c")).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "tabular", 5)

    assert found is not None
    assert np.array_equal(rows(found), ROWS)
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
    assert np.array_equal(rows(found), PICTURES[::-1])
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        ShownSamples(PICTURES).write(tmp_path / "key")

    assert not list(tmp_path.iterdir())


def test_a_lone_surrogate_is_written_as_a_question_mark(tmp_path):
    samples = ShownSamples.of_texts(ShownTexts(("a\ud800b",), np.ones(1, np.int32), "words", None))

    samples.write(tmp_path / "key")

    found = ShownSamples.opened(tmp_path / "key", "text", 1)
    assert found is not None
    assert found.texts is not None
    assert (found.texts[0], found.texts.most) == ("a?b", None)


def test_what_is_deleted_meanwhile_is_shown_to_its_end(tmp_path):
    ShownSamples(PICTURES).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "image", 5)
    shutil.rmtree(tmp_path / "key")

    assert found is not None
    assert np.array_equal(rows(found), PICTURES)


def test_a_file_that_is_cut_meanwhile_costs_the_sample_alone(tmp_path):
    ShownSamples(PICTURES).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "image", 5)
    os.truncate(tmp_path / "key" / "inputs.bin", PICTURES[0].nbytes)

    assert found is not None
    assert np.array_equal(found.inputs[0], PICTURES[0])
    with pytest.raises(RefusedInput, match=r"kept for pages cannot be read: the file ends before.*Delete the folder"):
        found.inputs[1]


def test_there_is_no_sample_before_the_first_and_after_the_last(tmp_path):
    ShownSamples(PICTURES).write(tmp_path / "key")
    found = ShownSamples.opened(tmp_path / "key", "image", 5)

    assert found is not None
    for index in (-1, 5):
        with pytest.raises(IndexError):
            found.inputs[index]


def changed(folder: Path, **values: Any) -> None:
    about = json.loads((folder / "about.json").read_text())
    about["arrays"] |= values
    (folder / "about.json").write_text(json.dumps(about))


def cut(folder: Path) -> None:
    os.truncate(folder / "inputs.bin", 17)


def of_objects(folder: Path) -> None:
    changed(folder, inputs=[[5, 3, 4, 4], "object"])


def of_floats(folder: Path) -> None:
    changed(folder, inputs=[[5, 3, 2, 2], "float32"])


def of_fewer_channels(folder: Path) -> None:
    changed(folder, inputs=[[5, 2, 4, 4], "uint8"])


def below_nothing(folder: Path) -> None:
    changed(folder, inputs=[[5, -3, -4, 4], "uint8"])


def other_sizes(folder: Path) -> None:
    (folder / "sizes.bin").write_bytes(SIZES[:4].tobytes())
    changed(folder, sizes=[[4, 2], "int32"])


def no_json(folder: Path) -> None:
    (folder / "about.json").write_text("{")


def a_list(folder: Path) -> None:
    (folder / "about.json").write_text(json.dumps([1]))


def gone(folder: Path) -> None:
    (folder / "about.json").unlink()


@pytest.mark.parametrize(
    "damage", [cut, of_objects, of_floats, of_fewer_channels, below_nothing, other_sizes, no_json, a_list, gone]
)
def test_what_is_damaged_counts_as_missing(tmp_path, damage):
    ShownSamples(PICTURES, SIZES).write(tmp_path / "key")
    assert ShownSamples.opened(tmp_path / "key", "image", 5) is not None

    damage(tmp_path / "key")

    assert ShownSamples.opened(tmp_path / "key", "image", 5) is None


def test_rows_of_another_type_count_as_missing(tmp_path):
    ShownSamples(ROWS, columns=("a", "b", "c")).write(tmp_path / "key")
    changed(tmp_path / "key", inputs=[[5, 3], "int32"])

    assert ShownSamples.opened(tmp_path / "key", "tabular", 5) is None


def test_texts_without_all_their_lengths_count_as_missing(tmp_path):
    texts().write(tmp_path / "key")
    (tmp_path / "key" / "lengths.bin").write_bytes(bytes(8))
    changed(tmp_path / "key", lengths=[[2], "int32"])

    assert ShownSamples.opened(tmp_path / "key", "text", 5) is None


@pytest.mark.parametrize(("samples", "modality"), [(ShownSamples(PICTURES, SIZES), "image"), (texts(), "text")])
def test_a_flipped_bit_costs_a_sample_and_never_more(tmp_path, samples, modality):
    samples.write(tmp_path / "key")
    files = sorted((tmp_path / "key").iterdir())
    assert len(files) in (3, 4)
    for file in files:
        whole = file.read_bytes()
        for place in range(len(whole)):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
            found = ShownSamples.opened(tmp_path / "key", modality, 5)
            if found is not None:
                with suppress(RefusedInput):
                    for index in range(5):
                        shown = found.inputs[index].shape if found.texts is None else type(found.texts[index])
                        assert shown in ((3, 4, 4), str)
        file.write_bytes(whole)


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
