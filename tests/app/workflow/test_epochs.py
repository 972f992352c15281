"""The checkpoints of a study evaluated, and the epoch that forgets two classes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from app.workflow.epochs_view import class_changes, correction_options, epochs_sentences
from cache import Cache
from cache.fingerprints import epochs_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import list_checkpoints
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.study import load_study
from engine.training import evaluate, trained_model
from tests.app.detrimental_epoch import FORGOTTEN, add_detrimental_epoch


@pytest.fixture
def worsened(digits) -> Path:
    """The small study with a fifth epoch that forgets two classes."""
    add_detrimental_epoch(digits)
    return digits


def only_run(store: Store) -> RunFolder:
    (folder,) = store.finished_runs()
    return folder


def told_without(result: dict, *names: str) -> dict:
    return {name: value for name, value in result.items() if name not in names}


def test_accuracies_are_those_of_every_checkpoint_on_both_splits(digits, empty_store, run_use_case):
    result = run_use_case("epochs", digits, empty_store)

    study = load_study(digits)
    data = load_data(study)
    assert data.test is not None
    assert result["epochs"] == [1, 2, 3, 4]
    for row, epoch in enumerate(result["epochs"]):
        model, _ = trained_model(study, data, epoch)
        for split, samples in (("validation", data.validation), ("test", data.test)):
            expected = evaluate(model, samples, data.transform, 10).accuracy
            assert result["accuracy"][split][row] == pytest.approx(expected)
    assert result["counts"] == {"validation": [12] * 10, "test": [10] * 10}
    assert result["class_names"][:2] == ["zero", "one"]
    assert result["study"] == {"name": "small digits"}
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_no_epoch_of_a_training_that_still_learns_is_detrimental_beyond_noise(digits, empty_store, run_use_case):
    result = run_use_case("epochs", digits, empty_store)

    assert result["detrimental"] == []
    assert epochs_sentences(result["class_names"], result["detrimental"]) == ["no epoch cost a class more than noise"]


def test_an_epoch_that_forgets_two_classes_is_found_with_what_each_lost(worsened, empty_store, run_use_case):
    result = run_use_case("epochs", worsened, empty_store)

    (found,) = result["detrimental"]
    assert (found["epoch"], found["classes"]) == (5, list(FORGOTTEN))
    assert found["drops"] == pytest.approx([12 / 12, 11 / 12])
    # Of four pairs of epochs with ten classes each.
    assert found["p_values"] == pytest.approx([40 / 2**12, 39 / 2**11])
    assert epochs_sentences(result["class_names"], result["detrimental"]) == [
        "epoch 5 cost zero 100.0 points, six 91.7 points"
    ]
    assert [entry["epoch"] for entry in result["judged"]] == [2, 3, 4, 5]


def test_a_page_reads_each_class_in_an_epoch_and_how_to_correct_it(worsened, empty_store, run_use_case):
    result = run_use_case("epochs", worsened, empty_store)

    first, second, *others = class_changes(result, 5)
    assert (first.name, first.before, first.after, first.is_cost) == ("zero", 1.0, 0.0, True)
    assert (second.name, second.is_cost) == ("six", True)
    assert second.p_value == pytest.approx(39 / 2**11)
    assert len(others) == 8
    assert not any(change.is_cost for change in others)
    on_test = [result["accuracy"]["test"][row][6] for row in (3, 4)]
    assert second.on_test == pytest.approx(on_test[1] - on_test[0])
    assert correction_options(result["class_names"], result["detrimental"][0]) == {
        "setting": "course_correction",
        "epoch": 4,
        "targets": ["zero", "six"],
    }


def test_a_second_call_finds_the_run_and_computes_nothing(digits, empty_store, run_use_case, contents):
    first = run_use_case("epochs", digits, empty_store)
    before = contents(only_run(empty_store).path)

    second = run_use_case("epochs", digits, empty_store)

    assert (first["cached"], second["cached"]) == (False, True)
    assert told_without(first, "cached") == told_without(second, "cached")
    assert contents(only_run(empty_store).path) == before


def test_a_stopped_run_keeps_its_checkpoints_and_goes_on(worsened, tmp_path, run_use_case, contents):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if note.startswith("epoch 3,"):
            raise Cancelled

    stopped, whole = Store(tmp_path / "stopped"), Store(tmp_path / "whole")
    with pytest.raises(Cancelled):
        run_use_case("epochs", worsened, stopped, stop)
    (folder,) = stopped.unfinished_runs()
    assert folder.parts == ("arithmetic.json", "epoch-00001.parquet", "epoch-00002.parquet")
    before = contents(folder.path)

    result = run_use_case("epochs", worsened, stopped)

    after = contents(only_run(stopped).path)
    kept = ("epoch-00001.parquet", "epoch-00002.parquet")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    expected = run_use_case("epochs", worsened, whole)
    assert told_without(result, "created") == told_without(expected, "created")


def test_progress_counts_checkpoints_and_names_the_epoch(digits, empty_store, run_use_case):
    reports: list[tuple] = []
    run_use_case("epochs", digits, empty_store, lambda *report: reports.append(report))

    told = [report for report in reports if report[0] == "evaluating checkpoints"]
    assert told[0] == ("evaluating checkpoints", 0, 4, "epoch 1, 120 of 120 samples")
    assert told[-1] == ("evaluating checkpoints", 4, 4)


def keep(study: Path, *epochs: int) -> None:
    for file in (study / "checkpoints").glob("epoch-*"):
        if int(file.stem[-3:]) not in epochs:
            file.unlink()


@pytest.mark.parametrize(("epochs", "told"), [((4,), "epoch 4 alone"), ((1, 3), "those of epochs 1, 3")])
def test_a_study_without_two_consecutive_checkpoints_is_refused_kindly(digits, empty_store, run_use_case, epochs, told):
    keep(digits, *epochs)

    with pytest.raises(RefusedInput, match=f"{told}.*two consecutive checkpoints"):
        run_use_case("epochs", digits, empty_store)

    assert not empty_store.root.exists()


def test_a_gap_between_checkpoints_is_told(digits, empty_store, run_use_case):
    keep(digits, 1, 2, 4)

    result = run_use_case("epochs", digits, empty_store)

    assert [entry["epoch"] for entry in result["judged"]] == [2]
    assert result["notices"] == ["Epoch 4 is not judged: the checkpoint before is missing."]


def test_without_a_test_split_there_are_no_test_accuracies(digits, empty_store, run_use_case, edited):
    edited(digits, 'test = "test.npz"\n', "")

    result = run_use_case("epochs", digits, empty_store)

    assert result["accuracy"]["test"] is result["counts"]["test"] is None
    assert {change.on_test for change in class_changes(result, 3)} == {None}


def test_a_class_without_test_samples_has_no_accuracy_there(digits, empty_store, run_use_case):
    with np.load(digits / "test.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    np.savez(digits / "test.npz", image=image[label != 3], label=label[label != 3])

    result = run_use_case("epochs", digits, empty_store)

    assert [row[3] for row in result["accuracy"]["test"]] == [None] * 4
    assert all(row[3] is not None for row in result["accuracy"]["validation"])
    assert {change.name: change.on_test for change in class_changes(result, 2)}["three"] is None


def test_a_notice_about_every_checkpoint_is_told_once(digits, empty_store, run_use_case):
    for file in (digits / "checkpoints").glob("*.safetensors"):
        save_file({name: tensor.double() for name, tensor in load_file(file).items()}, file)

    result = run_use_case("epochs", digits, empty_store)

    assert result["notices"] == ["epoch-001.safetensors: float64 was converted to float32"]


def test_a_checkpoint_that_changes_meanwhile_is_refused_and_leaves_no_part(digits, empty_store, run_use_case):
    def change(stage: str, done: int, total: int, note: str = "") -> None:
        if note.startswith("epoch 4,"):
            shutil.copy(digits / "checkpoints" / "epoch-002.safetensors", digits / "checkpoints/epoch-001.safetensors")

    with pytest.raises(RefusedInput, match="changed while they were evaluated"):
        run_use_case("epochs", digits, empty_store, change)

    (folder,) = empty_store.unfinished_runs()
    assert folder.parts == ()


def key_of(folder: Path, **changes: dict) -> str:
    study = load_study(folder).with_changes(**changes) if changes else load_study(folder)
    return epochs_key(study, list_checkpoints(study).values())


def test_the_key_is_of_data_model_seed_and_every_checkpoint_and_of_no_training(digits):
    key = key_of(digits)
    same = ({"training": {"epochs": 9}}, {"influence": {"damping": 0.1}}, {"reweight": {"targets": ["two"]}})
    others = ({"study": {"seed": 1}}, {"model": {"hidden": [9]}}, {"data": {"test": "validation.npz"}})
    assert {key_of(digits, **changes) for changes in same} == {key}
    assert key_of(digits, study={"name": "renamed"}) == key_of(digits, model={"epoch": 2}) == key
    found = {key, *(key_of(digits, **changes) for changes in others)}
    add_detrimental_epoch(digits)
    found.add(key_of(digits))
    keep(digits, 2, 3, 4)
    found.add(key_of(digits))
    assert len(found) == 6


def test_the_run_is_in_the_cache_by_its_kind(worsened, empty_store, run_use_case):
    result = run_use_case("epochs", worsened, empty_store)

    assert result["run"] == key_of(worsened)
    with Cache.open(empty_store) as cache:
        assert cache.ingest() == [result["run"]]
        assert cache.refused == {}
        (run,) = cache.runs("epochs", "small digits")
        assert cache.run(result["run"]) == run
        assert run["detrimental"] == result["detrimental"]
