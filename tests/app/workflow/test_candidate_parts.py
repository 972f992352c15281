from typing import Any

import numpy as np
import pytest

from app.workflow.candidate_parts import (
    candidate_rows,
    candidates_table,
    read_control,
    stored_weights,
    weights_table,
)
from cache.run_folder import RunFolder
from engine.reweight.candidates import Candidate, Measured


def candidate(number: int, **changes) -> Candidate:
    values: dict[str, Any] = {
        "number": number,
        "generation": number // 2,
        "origin": "random",
        "alpha": (-0.25, 0.5),
        "step": 0.75,
        "feasible": True,
        "fitness": 0.1 * number,
        "predicted": np.array([0.5, -0.5]),
        "weights": np.array([1.0, 0.5, 1.5], np.float32) + number,
        "measured": Measured(np.array([0.5, 1.0]), np.array([2.0, 0.25]), np.array([-1.5, 3.0])),
    }
    return Candidate(**(values | changes))


def stored(folder: RunFolder, generation: int, *candidates: Candidate) -> None:
    folder.write_table(f"candidates-{generation:03}.parquet", candidates_table(candidates))
    folder.write_table(f"weights-{generation:03}.parquet", weights_table(candidates))


def test_candidates_of_all_generations_come_back_in_the_order_of_their_numbers(tmp_path):
    folder = RunFolder(tmp_path / "run")
    stored(folder, 0, candidate(1), candidate(0, origin="baseline", alpha=None, step=None))
    stored(folder, 1, candidate(2))

    rows = candidate_rows(folder)

    assert [row["number"] for row in rows] == [0, 1, 2]
    assert rows[0] | {"fitness": 0.0} == {
        "number": 0,
        "generation": 0,
        "origin": "baseline",
        "alpha": None,
        "step": None,
        "feasible": True,
        "fitness": 0.0,
        "accuracy": [0.5, 1.0],
        "orders": 1,
        "trainings": 0,
        "variables": None,
    }
    assert rows[2]["alpha"] == [-0.25, 0.5]


def test_a_control_from_before_there_was_a_choice_is_judged_by_its_loss(tmp_path):
    old, new = RunFolder(tmp_path / "old"), RunFolder(tmp_path / "new")
    old.write_json("control.json", {"targets": [0], "loss": [0.5, np.nan], "accuracy": [0.5, 1.0]})
    told = {"loss": [0.5, 2.0], "value": [-1.0, 3.0], "scale": [1.5, 3.5], "accuracy": [0.5, 1.0]}
    new.write_json("control.json", told)

    assert read_control(old).value == pytest.approx([0.5, np.nan], nan_ok=True)
    assert read_control(old).scale == pytest.approx([0.5, np.nan], nan_ok=True)
    assert (read_control(new).value.tolist(), read_control(new).scale.tolist()) == ([-1.0, 3.0], [1.5, 3.5])


def test_old_candidates_without_values_are_told_like_new_ones(tmp_path):
    old, new = RunFolder(tmp_path / "old"), RunFolder(tmp_path / "new")
    stored(new, 0, candidate(0))
    old.write_table("candidates-000.parquet", new.read_table("candidates-000.parquet").drop_columns(["value"]))

    assert candidate_rows(old) == candidate_rows(new)
    assert new.read_table("candidates-000.parquet").column("value").to_pylist() == [[-1.5, 3.0]]


def test_a_candidate_that_was_not_trained_has_no_accuracy(tmp_path):
    folder = RunFolder(tmp_path / "run")
    stored(folder, 0, candidate(0, feasible=False, measured=None))

    assert candidate_rows(folder)[0]["accuracy"] is None
    for column in ("loss", "value"):
        assert folder.read_table("candidates-000.parquet").column(column).to_pylist() == [None]


def test_weights_are_found_by_the_number_of_their_candidate(tmp_path):
    folder = RunFolder(tmp_path / "run")
    stored(folder, 0, candidate(1), candidate(0))
    stored(folder, 1, candidate(3), candidate(2))

    weights = stored_weights(folder, 3)

    assert weights.tolist() == [4.0, 3.5, 4.5]
    assert weights.dtype == np.float32
    assert weights.flags.writeable
