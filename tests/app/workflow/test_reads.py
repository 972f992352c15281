"""What pages have read by another process: heads, folders, and samples that are kept."""

import os
import shutil
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from app.jobs import lock
from app.workflow.catalogue import run_keys
from app.workflow.data_columns import Columns, columns_of
from app.workflow.folder_browser import VARIABLE
from app.workflow.options import study_with_options
from app.workflow.reads import READS, shown_of
from cache.shown_samples import ShownSamples
from cache.store import Store
from engine.data import load_data
from engine.data.samples import Samples, StudyData
from engine.data.texts import Texts
from engine.data.transform import InputTransform
from engine.errors import Cancelled, RefusedInput
from engine.progress import silent
from engine.study import load_study


def asked_for(folder: Path, store: Store, **other: Any) -> dict[str, Any]:
    study = load_study(folder)
    return {
        "study": str(folder / "study.toml"),
        "options": {},
        "key": run_keys(study).influence,
        "store": str(store.root),
        "shipped": None,
        "samples": 200,
        **other,
    }


def kept(store: Store, asked: dict[str, Any]) -> ShownSamples | None:
    return ShownSamples.opened(store.shown_folder / asked["key"], "image", 200)


def test_samples_are_kept_as_the_study_reads_them(digits, empty_store):
    asked, told = asked_for(digits, empty_store), []

    assert READS["samples"](asked, lambda *state: told.append(state)) == {}

    found, train = kept(empty_store, asked), load_data(load_study(digits)).train
    assert found is not None
    assert np.array_equal([found.inputs[index] for index in range(200)], train.inputs.numpy())
    assert told


def test_what_was_kept_before_is_replaced_and_half_of_it_is_thrown_away(digits, empty_store):
    asked = asked_for(digits, empty_store)
    READS["samples"](asked, silent)
    folder = empty_store.shown_folder / asked["key"]
    (folder / "inputs.bin").write_bytes(b"")
    (empty_store.shown_folder / f".partial-0123abcd-{asked['key']}").mkdir()
    of_another = empty_store.shown_folder / ".partial-0123abcd-ffff"
    of_another.mkdir()

    READS["samples"](asked, silent)

    assert kept(empty_store, asked) is not None
    assert {path.name for path in empty_store.shown_folder.iterdir()} == {
        asked["key"],
        f"{asked['key']}.lock",
        of_another.name,
    }


def test_samples_of_another_epoch_are_found_by_its_options(digits, empty_store):
    options = {"epoch": 2}
    key = run_keys(study_with_options(load_study(digits), options)).influence
    asked = asked_for(digits, empty_store, options=options, key=key)

    READS["samples"](asked, silent)

    assert kept(empty_store, asked) is not None


def test_data_that_changed_are_not_kept_as_those_of_the_run(digits, empty_store):
    asked = asked_for(digits, empty_store)
    arrays = dict(np.load(digits / "train.npz"))
    np.savez(digits / "train.npz", **{**arrays, "image": arrays["image"][::-1]})

    with pytest.raises(RefusedInput, match="have changed since this run"):
        READS["samples"](asked, silent)

    assert kept(empty_store, asked) is None


def test_nothing_outside_of_the_roots_is_read(digits, empty_store, monkeypatch, tmp_path):
    asked = asked_for(digits, empty_store)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
    # Not even the study file, whose mistakes would tell of it.
    (digits / "study.toml").write_text("root:x:0:0")

    with pytest.raises(RefusedInput, match="lies outside of the allowed folders"):
        READS["samples"](asked, silent)


def test_data_outside_of_the_roots_are_not_read_either(digits, empty_store, monkeypatch, tmp_path):
    outside = tmp_path / "outside.npz"
    (digits / "train.npz").rename(outside)
    (digits / "train.npz").symlink_to(outside)
    asked = asked_for(digits, empty_store)
    monkeypatch.setenv(VARIABLE, str(digits))

    with pytest.raises(RefusedInput, match="lies outside of the allowed folders"):
        READS["samples"](asked, silent)


def test_two_who_look_read_one_after_the_other(digits, empty_store):
    asked = asked_for(digits, empty_store)
    empty_store.shown_folder.mkdir(parents=True)
    first = lock.acquire(empty_store.shown_folder / f"{asked['key']}.lock")
    assert first is not None
    waited = threading.Event()

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "waiting":
            waited.set()

    second = threading.Thread(target=READS["samples"], args=(asked, progress))
    second.start()
    assert waited.wait(30)
    assert kept(empty_store, asked) is None
    lock.release(first)
    second.join(60)

    assert kept(empty_store, asked) is not None


def test_who_waits_may_go(digits, empty_store, monkeypatch):
    asked = asked_for(digits, empty_store)
    empty_store.shown_folder.mkdir(parents=True)
    held = lock.acquire(empty_store.shown_folder / f"{asked['key']}.lock")
    assert held is not None
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        READS["samples"](asked, progress)
    lock.release(held)


def test_a_full_disk_is_told_and_the_lock_is_free_again(digits, empty_store, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    asked = asked_for(digits, empty_store)
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(RefusedInput, match=r"cannot be kept in .*: No space left on device"):
        READS["samples"](asked, silent)
    assert not lock.is_held(empty_store.shown_folder / f"{asked['key']}.lock")


def test_samples_leave_room_on_the_disk(digits, empty_store, monkeypatch):
    asked = asked_for(digits, empty_store)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))

    with pytest.raises(RefusedInput, match=r"the samples take .* free on the disk of the store\. Expected 1.0 GB left"):
        READS["samples"](asked, silent)
    assert kept(empty_store, asked) is None


def test_a_store_that_may_not_be_written_is_told(digits, empty_store):
    asked = asked_for(digits, empty_store)
    empty_store.root.mkdir()
    empty_store.shown_folder.write_text("a file")

    with pytest.raises(RefusedInput, match="cannot be kept in"):
        READS["samples"](asked, silent)


def test_data_that_cannot_be_read_are_not_told_as_a_store_that_cannot_be_written(digits, empty_store, monkeypatch):
    asked = asked_for(digits, empty_store)

    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("engine.data.load_excerpt", broken)
    with pytest.raises(OSError, match="Input/output error"):
        READS["samples"](asked, silent)


def test_a_key_that_is_a_path_is_refused(digits, empty_store):
    with pytest.raises(RefusedInput, match="not the key of a run"):
        READS["samples"](asked_for(digits, empty_store, key="../elsewhere"), silent)


def test_samples_go_with_their_run(digits_store, run_use_case):
    (run,) = [run for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    other = digits_store.shown_folder / "0123456789abcdef0123"
    for folder in (digits_store.shown_folder / run.key, other):
        folder.mkdir(parents=True)
    (digits_store.shown_folder / f"{run.key}.lock").touch()

    digits_store.delete_run(run.key)

    assert list(digits_store.shown_folder.iterdir()) == [other]


def test_texts_are_shown_as_they_were_read():
    texts = Texts(("a b", "c"), np.array([2, 1], dtype=np.int32), "tokens", 1)
    samples = Samples(torch.zeros((2, 2, 4), dtype=torch.int32), torch.zeros(2, dtype=torch.int64), ("x", "y"), texts)
    data = StudyData(samples, samples, None, ("k",), InputTransform(), ())

    shown = shown_of(data)

    assert shown.texts is not None
    assert [shown.texts[0], shown.texts[1]] == ["a b", "c"]
    assert (shown.texts.lengths.tolist(), shown.texts.unit, shown.texts.most) == ([2, 1], "tokens", 1)
    assert len(shown) == 2


def test_a_head_survives_the_way_between_processes(digits):
    head = READS["head"]({"path": str(digits / "train.npz"), "format": "npz", "delimiter": None}, silent)

    assert head == asdict(columns_of(digits / "train.npz", "npz"))
    assert Columns.told({**head, "names": list(head["names"])}) == columns_of(digits / "train.npz", "npz")


def test_a_folder_is_told_as_init_does_with_answers_for_the_form(digits):
    found = READS["folder"]({"folder": str(digits)}, silent)

    assert found["answers"]["format"] == "npz"
    assert {"key": "data.format", "value": "npz"}.items() <= next(
        one for one in found["inferred"] if one["key"] == "data.format"
    ).items()
    assert set(found) == {"answers", "without", "inferred", "unknown"}
