import json
import os

import pytest

from cache.shapes import Shape
from cache.slices import Slice, delete_slice, list_slices, read_slice, save_slice
from engine.errors import RefusedInput

BOX = Shape.box(-1, 0, -1, 0)


def test_a_slice_is_read_as_it_was_saved(store):
    saved = save_slice(store, "  harms   both ", "abc", (3, 1), BOX)
    read = read_slice(store, saved.id)

    assert read == saved
    assert (read.name, read.run, read.a, read.b, read.region) == ("harms both", "abc", 3, 1, BOX.text)
    assert [path.name for path in (store.root / "slices").iterdir()] == [f"{saved.id}.json"]


def test_the_same_under_two_names_is_two_slices_and_the_same_twice_is_one(store):
    first, second = (save_slice(store, name, "abc", (0, 1), BOX) for name in ("zebra", "apple"))

    assert first.id != second.id
    assert save_slice(store, "zebra", "abc", (0, 1), BOX).id == first.id
    slices, refused = list_slices(store, "abc")
    assert [each.name for each in slices] == ["apple", "zebra"]
    assert refused == []


def test_a_name_is_given_once_a_run(store):
    save_slice(store, "mine", "abc", (0, 1), BOX)

    with pytest.raises(RefusedInput, match="called 'mine' already"):
        save_slice(store, "mine", "abc", (0, 2), BOX)
    save_slice(store, "mine", "other", (0, 2), BOX)
    assert len(list_slices(store, "other")[0]) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_name_must_be_one(store, name):
    with pytest.raises(RefusedInput, match="the name of the slice has"):
        save_slice(store, name, "abc", (0, 1), BOX)


def test_a_deleted_slice_is_gone_and_deleting_again_is_no_fault(store):
    saved = save_slice(store, "mine", "abc", (0, 1), BOX)
    delete_slice(store, saved.id)
    delete_slice(store, saved.id)

    assert list_slices(store, "abc") == ([], [])
    with pytest.raises(RefusedInput, match="there is no slice"):
        read_slice(store, saved.id)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:40],
        lambda text: text.replace('"a": 0', '"a": "0"').replace('"a":0', '"a":"0"'),
        lambda text: text.replace("box:", "circle:"),
        lambda text: text.replace("mine", "yours"),
        lambda text: json.dumps(json.loads(text) | {"evil": 1}),
        lambda text: "\udcff",
    ],
)
def test_a_damaged_file_is_refused_by_name_and_costs_no_other_slice(store, damage):
    kept = save_slice(store, "kept", "abc", (0, 1), BOX)
    saved = save_slice(store, "mine", "abc", (0, 1), BOX)
    path = store.root / "slices" / f"{saved.id}.json"
    path.write_bytes(damage(path.read_text()).encode(errors="surrogateescape"))

    with pytest.raises(RefusedInput, match=f"{saved.id}.json in the folder of slices is damaged"):
        read_slice(store, saved.id)
    slices, refused = list_slices(store, "abc")
    assert slices == [kept]
    assert [path.name in str(refusal) for refusal in refused] == [True]


def test_a_writer_that_is_stopped_leaves_no_slice_and_nothing_that_is_read(store, monkeypatch):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        save_slice(store, "mine", "abc", (0, 1), BOX)
    monkeypatch.undo()

    assert list_slices(store, "abc") == ([], [])


def test_a_store_that_cannot_be_written_is_a_refusal(store, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RefusedInput, match="the slice cannot be written"):
        save_slice(store, "mine", "abc", (0, 1), BOX)


@pytest.mark.parametrize("id", ["../../etc", "", "ABCDEF0123456789", "0" * 17])
def test_what_is_no_key_reaches_no_file(store, id):
    with pytest.raises(RefusedInput, match="not the key of a slice"):
        read_slice(store, id)
    with pytest.raises(RefusedInput, match="not the key of a slice"):
        delete_slice(store, id)


def test_when_it_was_made_is_no_part_of_its_key():
    made = [Slice(name="n", run="r", a=0, b=1, region="box:0,1,0,1", created=when) for when in ("a", "b")]

    assert made[0].id == made[1].id
