"""What is known about runs, and what of them is read whole: vectors, one sample, candidates.

Every function runs one or two statements on a cursor that is its caller's alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd

from cache.migrations import vectors_table
from engine.errors import RefusedInput

Operator = Literal["ceiling", "epoch"]
OPERATORS: tuple[Operator, ...] = ("ceiling", "epoch")
LARGEST_LIMIT = 2**31
"""More samples no run has, and numbers beyond 64 bits the database cannot take."""


@dataclass(frozen=True)
class Vectors:
    """The influence vectors of one run by one operator, as a column of a table.

    Attributes:
        run: the run's key.
        classes: K, the length of a vector.
        samples: N, the number of vectors.
        column: ``ceiling`` or ``epoch``.
    """

    run: str
    classes: int
    samples: int
    column: Operator

    @property
    def table(self) -> str:
        """The table's name."""
        return vectors_table(self.classes)

    def value(self, class_index: int) -> str:
        """Returns the SQL of a sample's influence on one class.

        Raises:
            RefusedInput: if there is no such class.
        """
        if not 0 <= class_index < self.classes:
            raise RefusedInput(
                f"run {self.run} has no class {class_index}", f"0..{self.classes - 1}", "Choose one of its classes"
            )
        return f"{self.column}[{int(class_index) + 1}]"  # SQL counts from 1

    def values(self, class_indices: Sequence[int]) -> str:
        """Returns the SQL of a sample's influence on some classes, separated by commas.

        Raises:
            RefusedInput: if there is no such class, or none is given.
        """
        if not class_indices:
            raise RefusedInput("no class was chosen", "at least one class", "Choose the classes to look at")
        return ", ".join(self.value(index) for index in class_indices)


def runs(cursor: duckdb.DuckDBPyConnection, kind: str | None = None, study: str | None = None) -> list[dict[str, Any]]:
    """Returns the manifests of the runs, newest first.

    Args:
        cursor: to the cache.
        kind: ``influence``, ``ceiling``, ``reweight`` or ``climb``; None: all.
        study: name of the study; a reweighting belongs to the study of its influence run. None: all.
    """
    rows = cursor.execute(
        """
        SELECT run.manifest FROM runs AS run LEFT JOIN runs AS origin ON run.influence = origin.key
        WHERE ($kind IS NULL OR run.kind = $kind) AND ($study IS NULL OR coalesce(run.study, origin.study) = $study)
        ORDER BY run.created DESC NULLS LAST, run.key
        """,
        {"kind": kind, "study": study},
    ).fetchall()
    return [json.loads(manifest) for (manifest,) in rows]


def run(cursor: duckdb.DuckDBPyConnection, key: str) -> dict[str, Any]:
    """Returns the manifest of one run.

    Raises:
        RefusedInput: if the cache has no such run.
    """
    rows = cursor.execute("SELECT manifest FROM runs WHERE key = ?", [key]).fetchall()
    if not rows:
        raise _unknown(key)
    manifest: dict[str, Any] = json.loads(rows[0][0])
    return manifest


def has_run(cursor: duckdb.DuckDBPyConnection, key: str) -> bool:
    """Says whether a run is finished and was taken in."""
    return bool(cursor.execute("SELECT 1 FROM runs WHERE key = ?", [key]).fetchall())


def labels(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> np.ndarray:
    """Returns the class of each training sample in the order of the samples, ``(N,)`` int64."""
    rows = cursor.execute("SELECT label FROM samples WHERE run = ? ORDER BY idx", [source.run]).fetchnumpy()
    return np.asarray(rows["label"], dtype=np.int64)


def find_vectors(cursor: duckdb.DuckDBPyConnection, key: str, operator: Operator) -> Vectors:
    """Returns where the vectors of a run are.

    Raises:
        RefusedInput: if the cache has no such influence run, or the operator is not one of the two.
    """
    if operator not in OPERATORS:
        raise RefusedInput(f"there is no operator {operator!r}", " or ".join(OPERATORS), "Choose one of the two")
    found = "SELECT classes, samples FROM runs WHERE key = ? AND kind = 'influence'"
    # Fetched to the end: a cursor with rows left takes no other question.
    rows = cursor.execute(found, [key]).fetchall()
    if not rows:
        raise _unknown(key)
    classes, samples = rows[0]
    return Vectors(key, classes, samples, operator)


def vectors(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> np.ndarray:
    """Returns the influence vectors in the order of the samples, ``(N, K)`` float32."""
    table = cursor.sql(
        f"SELECT {source.column} AS v FROM {source.table} WHERE run = $run ORDER BY idx", params={"run": source.run}
    ).to_arrow_table()
    flat = table["v"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    # A copy of its own: Arrow's memory is read-only, and the caller's array is the caller's.
    return np.array(flat, dtype=np.float32).reshape(source.samples, source.classes)


def sample(cursor: duckdb.DuckDBPyConnection, source: Vectors, index: int) -> dict[str, Any]:
    """Returns one sample with its influence on every class by both operators.

    Returns:
        ``index``, ``label``, ``predicted``, ``confidence``, ``source``, and ``ceiling`` and ``epoch`` as ``(K,)``.

    Raises:
        RefusedInput: if the run has no such sample.
    """
    row = cursor.execute(
        f"""
        SELECT idx, label, predicted, confidence, source, ceiling, epoch
        FROM samples JOIN {source.table} USING (run, idx) WHERE run = ? AND idx = ?
        """,
        [source.run, int(index)],
    ).fetchone()
    if row is None:
        raise RefusedInput(
            f"run {source.run} has no sample {index}", f"0..{source.samples - 1}", "Choose one of its samples"
        )
    names = ("index", "label", "predicted", "confidence", "source")
    return dict(zip(names, row, strict=False)) | {
        operator: np.asarray(values, dtype=np.float32) for operator, values in zip(OPERATORS, row[5:], strict=True)
    }


def candidates(cursor: duckdb.DuckDBPyConnection, key: str) -> pd.DataFrame:
    """Returns the candidates of a search, also of one that still runs, by number.

    Returns:
        Columns ``number``, ``generation``, ``origin``, ``alpha``, ``step``, ``feasible``, ``fitness``,
        ``predicted`` (gains, decrease of what the class is judged by), ``accuracy``, ``loss``, ``value`` (what
        the class is judged by), ``orders`` (batch orders that these are the mean of); the lists as ``(K,)``
        float32, or None where there is none. No rows for a run
        without candidates so far.
    """
    frame = cursor.execute(
        """
        SELECT number, generation, origin, alpha, step, feasible, fitness, predicted, accuracy, loss, value, orders
        FROM candidates WHERE run = ? ORDER BY number, generation
        """,
        [key],
    ).df()
    for column in ("alpha", "accuracy", "loss", "value"):
        values = [value if isinstance(value, np.ndarray) else None for value in frame[column]]
        frame[column] = pd.Series(values, dtype=object)
    return frame


def _unknown(key: str) -> RefusedInput:
    return RefusedInput(
        f"the cache has no run '{key}'", "a run that was computed", "Choose one from the list, or compute it"
    )
