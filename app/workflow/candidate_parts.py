"""How a search is stored: one part a generation for its candidates, the weights beside it, and the result.

What every reweighting delivers, weights and a checkpoint, has its names and its writer here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cache.run_folder import RunFolder
from engine.reweight.candidates import Candidate

CONTROL = "control.json"
"""Part with targets, and what the classes do after the unweighted epoch: accuracy, loss, value, scale."""
WEIGHTS = "weights.parquet"
"""Part with the chosen weight of each training sample: index, label, weight."""
CHECKPOINT = "improved.safetensors"
"""Part with the model that was trained with them."""
RESULT_SEEDS = 5
"""Batch orders over which the chosen weights are compared with the control."""
_FLOATS = pa.list_(pa.float32())
_NOT_TOLD = ("predicted", "loss", "value")


@dataclass(frozen=True)
class Control:
    """The unweighted epoch as candidates are drawn against it.

    Attributes:
        value: mean over each class of what it is judged by, shape ``(K,)``; lower is better.
        scale: what gains are told in per cent of, shape ``(K,)``.
        accuracy: share of each class's samples that are predicted right, shape ``(K,)``.
        by_orders: accuracy and value over the first 1, 2, ... batch orders: a candidate is compared with the control
            of just the orders that it was trained in.
    """

    value: NDArray[np.float64]
    scale: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    by_orders: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...] = ()

    def of(self, orders: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns accuracy and value of the control over the first so many batch orders."""
        known = 0 < orders <= len(self.by_orders)
        return self.by_orders[orders - 1] if known else (self.accuracy, self.value)


def read_control(folder: RunFolder) -> Control:
    """Returns the control of a search; one from before there was a choice is judged by its loss."""
    told = folder.read_json(CONTROL)
    value, scale = (np.array(told.get(name, told["loss"]), dtype=np.float64) for name in ("value", "scale"))
    by_orders = tuple(
        (np.array(one["accuracy"], dtype=np.float64), np.array(one["value"], dtype=np.float64))
        for one in told.get("by_orders", [])
    )
    return Control(value, scale, np.array(told["accuracy"], dtype=np.float64), by_orders)


def candidates_table(candidates: Sequence[Candidate]) -> pa.Table:
    """Returns what a list of candidates shows; gains and accuracies are lists by class."""
    measured = [candidate.measured for candidate in candidates]
    return pa.table(
        {
            "number": pa.array([c.number for c in candidates], pa.int32()),
            "generation": pa.array([c.generation for c in candidates], pa.int32()),
            "origin": pa.array([c.origin for c in candidates], pa.string()),
            "alpha": pa.array([c.alpha for c in candidates], _FLOATS),
            "step": pa.array([c.step for c in candidates], pa.float32()),
            "feasible": pa.array([c.feasible for c in candidates], pa.bool_()),
            "fitness": pa.array([c.fitness for c in candidates], pa.float64()),
            "predicted": pa.array([c.predicted.tolist() for c in candidates], _FLOATS),
            "accuracy": pa.array([None if m is None else m.accuracy.tolist() for m in measured], _FLOATS),
            "loss": pa.array([None if m is None else m.loss.tolist() for m in measured], _FLOATS),
            "value": pa.array([None if m is None else m.value.tolist() for m in measured], _FLOATS),
            "orders": pa.array([0 if m is None else m.orders for m in measured], pa.int32()),
            "variables": pa.array([c.variables for c in candidates], pa.string()),
            "trainings": pa.array([c.trainings for c in candidates], pa.int32()),
        }
    )


def weights_table(candidates: Sequence[Candidate]) -> pa.Table:
    """Returns the weights of each candidate, a list of N by number."""
    return pa.table(
        {
            "number": pa.array([c.number for c in candidates], pa.int32()),
            "weights": pa.array([c.weights.tolist() for c in candidates], _FLOATS),
        }
    )


def candidate_rows(folder: RunFolder) -> list[dict[str, Any]]:
    """Returns the stored candidates as plain values, in the order of their numbers."""
    table = folder.read_table("candidates-*.parquet")
    table = table.select([name for name in table.column_names if name not in _NOT_TOLD])
    return sorted(table.to_pylist(), key=lambda row: row["number"])


def stored_weights(folder: RunFolder, number: int) -> NDArray[np.float32]:
    """Returns the weights of one stored candidate, shape ``(N,)``."""
    table = folder.read_table("weights-*.parquet")
    row = table.column("number").to_pylist().index(number)
    # A copy: what Arrow lends may not be written, and torch takes only what may.
    return np.array(table.column("weights")[row].values, dtype=np.float32)


def write_result_weights(
    folder: RunFolder, labels: NDArray[np.integer], class_names: Sequence[str], weights: NDArray[np.floating] | None
) -> None:
    """Writes the weights that a reweighting delivers.

    Args:
        folder: of the run.
        labels: class of each training sample, ``(N,)``.
        class_names: K names.
        weights: ``(N,)``; None for all ones, where nothing was better than the control.

    Raises:
        RefusedInput: if the folder is shipped, or the disk is full or closed to writing.
    """
    columns = {
        "index": pa.array(np.arange(len(labels)), pa.int32()),
        "label": pa.array([class_names[label] for label in labels], pa.string()),
        "weight": pa.array(np.ones(len(labels)) if weights is None else weights, pa.float32()),
    }
    folder.write_table(WEIGHTS, pa.table(columns))
