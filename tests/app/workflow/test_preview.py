import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.workflow.preview_view import class_counts, model_sentence, sample_table
from engine.errors import RefusedInput
from engine.study import load_study


def test_pictures_are_shown_with_their_labels_one_of_each_class_first(digits, empty_store, run_use_case):
    result = run_use_case("preview", digits, empty_store)

    assert [sample["label"] for sample in result["samples"]] == result["class_names"]
    picture = Image.open(io.BytesIO(base64.b64decode(result["samples"][0]["picture"])))
    assert picture.size == (96, 96)
    # The picture is the sample that its source names, enlarged by whole pixels.
    row = int(result["samples"][0]["source"].rpartition("#")[2])
    stored = np.load(digits / "train.npz")["image"][row]
    np.testing.assert_array_equal(np.asarray(picture)[::12, ::12], stored)
    assert not empty_store.root.exists()


def test_samples_are_counted_by_class_and_split(digits, empty_store, run_use_case):
    result = run_use_case("preview", digits, empty_store)

    assert result["counts"] == {"train": [20] * 10, "validation": [12] * 10, "test": [10] * 10}
    counts = class_counts(result)
    assert counts.iloc[-1].tolist() == ["all classes", 200, 120, 100]
    assert len(counts) == 11


def test_the_model_is_tried_as_training_evaluated_it(digits, empty_store, run_use_case, finished_store):
    result = run_use_case("preview", digits, empty_store)

    (influence,) = [run.manifest() for run in finished_store.finished_runs() if run.manifest()["kind"] == "influence"]
    assert result["model"]["accuracy"] == pytest.approx(np.mean(influence["accuracy"]["validation"]))
    assert (result["model"]["samples"], result["model"]["epoch"]) == (120, 4)
    assert "The checkpoint of epoch 4 classifies" in model_sentence(result)


def test_a_model_near_guessing_comes_with_what_to_check(digits, empty_store, run_use_case):
    result = run_use_case("preview", digits, empty_store)

    assert "near guessing" not in model_sentence(result)
    assert "near guessing" in model_sentence({**result, "model": {**result["model"], "accuracy": 0.12}})


def test_without_a_checkpoint_the_data_are_shown_alone(digits, empty_store, run_use_case):
    (digits / "checkpoints").rename(digits / "elsewhere")

    result = run_use_case("preview", digits, empty_store)

    assert (result["model"], result["model_problem"]) == (None, None)
    assert "no checkpoint yet" in model_sentence(result)


def test_a_checkpoint_that_does_not_fit_is_told_beside_the_data(digits, empty_store, run_use_case, edited):
    edited(digits, "hidden = [8]", "hidden = [9]")

    result = run_use_case("preview", digits, empty_store)

    assert result["model"] is None
    assert "other shapes" in result["model_problem"]
    assert len(result["samples"]) == 10


def test_rows_of_a_table_are_shown_by_their_columns(tmp_path, empty_store, run_use_case):
    lines = [f"{i},{i / 2},{'cat' if i % 2 else 'dog'}" for i in range(20)]
    (tmp_path / "train.csv").write_text("\n".join(["label,from,kind", *lines]))
    (tmp_path / "study.toml").write_text(
        'name = "table"\n[data]\nformat = "csv"\ntrain = "train.csv"\nvalidation = 0.2\nlabel = "kind"\n'
        '[model]\narchitecture = "mlp"\n'
    )

    result = run_use_case("preview", load_study(tmp_path), empty_store)

    table = sample_table(result)
    assert table.columns.tolist() == ["given label", "label", "from", "from (file)"]
    # Names that come twice could not be taken away as Parquet.
    table.to_parquet(tmp_path / "taken.parquet")
    assert len(table) == 10
    assert result["counts"] == {"train": [8, 8], "validation": [2, 2]}


def test_data_that_cannot_be_used_are_refused(digits, empty_store, run_use_case, edited):
    edited(digits, 'input = "image"', 'input = "picture"')

    with pytest.raises(RefusedInput, match="has no 'picture'"):
        run_use_case("preview", digits, empty_store)


def test_classes_take_turns_also_where_the_file_is_sorted_by_them(digits, empty_store, run_use_case):
    with np.load(digits / "train.npz") as arrays:
        order = np.argsort(arrays["label"], kind="stable")
        sorted_arrays = {name: values[order] for name, values in arrays.items()}
    np.savez(digits / "train.npz", **sorted_arrays)

    result = run_use_case("preview", digits, empty_store)

    assert [sample["label"] for sample in result["samples"]] == result["class_names"]
