from typing import Any

import numpy as np

from app.workflow.candidate_parts import candidate_rows, candidates_table, stored_weights, weights_table
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
        "measured": Measured(np.array([0.5, 1.0]), np.array([2.0, 0.25])),
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
    }
    assert rows[2]["alpha"] == [-0.25, 0.5]


def test_a_candidate_that_was_not_trained_has_no_accuracy(tmp_path):
    folder = RunFolder(tmp_path / "run")
    stored(folder, 0, candidate(0, feasible=False, measured=None))

    assert candidate_rows(folder)[0]["accuracy"] is None
    assert folder.read_table("candidates-000.parquet").column("loss").to_pylist() == [None]


def test_weights_are_found_by_the_number_of_their_candidate(tmp_path):
    folder = RunFolder(tmp_path / "run")
    stored(folder, 0, candidate(1), candidate(0))
    stored(folder, 1, candidate(3), candidate(2))

    weights = stored_weights(folder, 3)

    assert weights.tolist() == [4.0, 3.5, 4.5]
    assert weights.dtype == np.float32
    assert weights.flags.writeable
