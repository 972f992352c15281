"""What pages have read by another process: heads, folders, and samples that are kept."""

import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
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
from engine.progress import Progress, silent
from engine.study import Study, load_study


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
    assert np.array_equal(found.inputs, train.inputs.numpy())
    assert told


def test_what_is_kept_is_not_read_again_and_what_is_damaged_is(digits, empty_store, monkeypatch):
    asked = asked_for(digits, empty_store)
    READS["samples"](asked, silent)
    reads = []

    def counted(study: Study, progress: Progress) -> StudyData:
        reads.append(study.name)
        return load_data(study)

    monkeypatch.setattr("engine.data.load_data", counted)

    READS["samples"](asked, silent)
    assert not reads

    (empty_store.shown_folder / asked["key"] / "inputs.npy").write_bytes(b"")
    READS["samples"](asked, silent)
    assert len(reads) == 1
    assert kept(empty_store, asked) is not None


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
    first = lock.acquire(empty_store.shown_folder / "lock")
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
    held = lock.acquire(empty_store.shown_folder / "lock")
    assert held is not None
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        READS["samples"](asked, progress)
    lock.release(held)


def test_a_full_disk_is_told_and_the_lock_is_free_again(digits, empty_store, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    asked = asked_for(digits, empty_store)
    monkeypatch.setattr(np, "save", full)

    with pytest.raises(RefusedInput, match=r"cannot be kept in .*: No space left on device"):
        READS["samples"](asked, silent)
    assert not lock.is_held(empty_store.shown_folder / "lock")


def test_texts_are_shown_as_they_were_read():
    texts = Texts(("a b", "c"), np.array([2, 1], dtype=np.int32), "tokens", 1)
    samples = Samples(torch.zeros((2, 2, 4), dtype=torch.int32), torch.zeros(2, dtype=torch.int64), ("x", "y"), texts)
    data = StudyData(samples, samples, None, ("k",), InputTransform(), ())

    shown = shown_of(data)

    assert shown.texts is not None
    assert shown.texts.values == pa.array(["a b", "c"], pa.large_string())
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
