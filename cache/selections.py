"""The samples inside a shape that was drawn over a pair: which they are, and what they do together.

A selection is found once, over all rows, and then asked page by page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cache.blocks import vector_blocks
from cache.queries import Vectors
from cache.shapes import Shape
from engine.errors import RefusedInput
from engine.frontier import REGIONS, region_of


@dataclass(frozen=True)
class Selection:
    """Some samples of a run.

    Attributes:
        samples: their indices, ``(n,)`` int32; the one with the lowest total influence on all classes, which
            harms most, comes first.
        regions: how many lie in each region of the pair.
        own_classes: how many are labelled as each class, ``(K,)`` int64.
        influence: sum over the samples of their influence on each class, ``(K,)`` float64.
    """

    samples: NDArray[np.int32]
    regions: dict[str, int]
    own_classes: NDArray[np.int64]
    influence: NDArray[np.float64]


def select(cursor: duckdb.DuckDBPyConnection, source: Vectors, a: int, b: int, shape: Shape) -> Selection:
    """Finds the samples whose influence on classes ``a`` (x) and ``b`` (y) lies inside a shape, among all rows.

    Raises:
        RefusedInput: if there is no such class.
    """
    x_low, x_high, y_low, y_high = shape.bounds
    x, y = source.value(a), source.value(b)
    query = f"""
        SELECT idx, {source.column} AS vector FROM {source.table}
        WHERE run = $run AND {x} BETWEEN $x_low AND $x_high AND {y} BETWEEN $y_low AND $y_high
    """
    bounds = {"x_low": x_low, "x_high": x_high, "y_low": y_low, "y_high": y_high}
    indices, totals = [np.zeros(0, dtype=np.int32)], [np.zeros(0)]
    regions, influence = np.zeros(len(REGIONS), dtype=np.int64), np.zeros(source.classes)
    for rows, every in vector_blocks(cursor, query, {"run": source.run, **bounds}):
        inside = shape.contains(every[:, a], every[:, b])
        vectors = every[inside]
        indices.append(rows.column("idx").to_numpy()[inside])
        totals.append(vectors.sum(axis=1, dtype=np.float64))
        regions += np.bincount(region_of(vectors, a, b), minlength=len(REGIONS))
        influence += vectors.sum(axis=0, dtype=np.float64)
    found, total = np.concatenate(indices), np.concatenate(totals)
    labels = cursor.execute("SELECT idx, label FROM samples WHERE run = ?", [source.run]).fetchnumpy()
    chosen = np.zeros(source.samples, dtype=bool)
    chosen[found] = True
    own_classes = np.bincount(labels["label"][chosen[labels["idx"]]], minlength=source.classes)
    counts = {region: int(count) for region, count in zip(REGIONS, regions, strict=True)}
    return Selection(found[np.argsort(total)], counts, own_classes, influence)


def described(
    cursor: duckdb.DuckDBPyConnection, source: Vectors, indices: Sequence[int] | NDArray[np.integer]
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Returns what is known of some samples, in the order in which they are asked for.

    Args:
        cursor: to the cache.
        source: the run's vectors.
        indices: of the samples, each at most once.

    Returns:
        Columns ``index``, ``label``, ``predicted``, ``confidence``, ``source``; and the influence on every
        class, ``(n, K)``.

    Raises:
        RefusedInput: if the run lacks one of them.
    """
    asked = np.asarray(indices, dtype=np.int32)
    cursor.register("asked", pa.table({"idx": asked, "place": np.arange(len(asked), dtype=np.int32)}))
    try:
        query = f"""
            SELECT idx AS index, label, predicted, confidence, source, {source.column} AS vector
            FROM asked JOIN (FROM {source.table} WHERE run = $run) USING (idx)
                JOIN (FROM samples WHERE run = $run) USING (idx)
            ORDER BY place
        """
        blocks = list(vector_blocks(cursor, query, {"run": source.run}))
    finally:
        cursor.unregister("asked")
    if sum(rows.num_rows for rows, _ in blocks) != len(asked):
        raise RefusedInput(
            f"run {source.run} lacks some of the samples", f"0..{source.samples - 1}", "Choose some of its samples"
        )
    names = ["index", "label", "predicted", "confidence", "source"]
    if not blocks:
        return pd.DataFrame(columns=names), np.zeros((0, source.classes), dtype=np.float32)
    frame = pd.concat([rows.select(names).to_pandas() for rows, _ in blocks], ignore_index=True)
    return frame, np.concatenate([vectors for _, vectors in blocks])
