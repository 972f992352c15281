import json

import numpy as np
import pytest

from engine.errors import Cancelled, RefusedInput
from engine.study import load_study


def test_the_result_tells_every_epoch_of_the_history(digits, empty_store, run_use_case, edited):
    result = run_use_case("train", edited(digits, "[model]\n", '[model]\ncheckpoints = "again"\n'), empty_store)

    history = json.loads((digits / "again" / "history.json").read_text())
    assert result["checkpoints"] == str(digits / "again")
    assert result["class_names"] == list(load_study(digits).data.class_names or ())
    assert result["per_class_accuracy"] == [
        {"validation": record["validation"], "test": record["test"]} for record in history["epochs"]
    ]
    assert result["epoch_seconds"] == [record["seconds"] for record in history["epochs"]]
    assert len(result["epoch_seconds"]) == 4


def test_a_class_without_test_samples_is_null_and_not_nan(digits, empty_store, run_use_case):
    with np.load(digits / "test.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    np.savez(digits / "test.npz", image=image[label != 5], label=label[label != 5])

    result = run_use_case("train", digits, empty_store, overwrite=True)

    assert [epoch["test"][5] for epoch in result["per_class_accuracy"]] == [None] * 4
    assert None not in result["per_class_accuracy"][-1]["validation"]
    json.dumps(result, allow_nan=False)


def test_without_a_test_split_there_is_no_accuracy_on_it(digits, empty_store, run_use_case, edited):
    result = run_use_case("train", edited(digits, 'test = "test.npz"\n', ""), empty_store, overwrite=True)

    assert [epoch["test"] for epoch in result["per_class_accuracy"]] == [None] * 4


def test_checkpoints_that_are_there_are_replaced_only_on_request(digits, empty_store, run_use_case, contents):
    before = contents(digits / "checkpoints")

    with pytest.raises(RefusedInput, match="already holds a finished training"):
        run_use_case("train", digits, empty_store)

    assert contents(digits / "checkpoints") == before
    run_use_case("train", digits, empty_store, overwrite=True)
    again = contents(digits / "checkpoints")
    assert again["epoch-004.safetensors"][0] > before["epoch-004.safetensors"][0]
    assert again["epoch-004.safetensors"][1] == before["epoch-004.safetensors"][1]


def test_a_stopped_training_goes_on_to_the_same_weights(digits, empty_store, run_use_case, edited):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if done == 25:
            raise Cancelled

    edited(digits, "[model]\n", '[model]\ncheckpoints = "again"\n')
    with pytest.raises(Cancelled):
        run_use_case("train", digits, empty_store, stop)
    assert not (digits / "again" / "epoch-003.safetensors").exists()

    run_use_case("train", digits, empty_store)

    last = "epoch-004.safetensors"
    assert (digits / "again" / last).read_bytes() == (digits / "checkpoints" / last).read_bytes()


def test_another_seed_trains_another_model(digits, empty_store, run_use_case, contents):
    before = contents(digits / "checkpoints")["epoch-001.safetensors"]

    run_use_case("train", digits, empty_store, overwrite=True, seed=1)

    assert contents(digits / "checkpoints")["epoch-001.safetensors"][1] != before[1]
