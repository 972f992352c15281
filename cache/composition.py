"""Whose samples help and harm each class: counts by the sign of the influence and by the samples' own class.

A sample is beneficial to a class if its influence on it is above zero, detrimental if below; one of exactly zero is
neither. Counted over all rows, or over a class's strongest tenth: the tenth of all samples that act most on it, either
way, with those that tie with the last of them.
"""

from dataclasses import dataclass
from typing import Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

from cache.blocks import vector_blocks
from cache.queries import Vectors, labels
from engine.errors import RefusedInput

Effect = Literal["beneficial", "detrimental"]
EFFECTS: tuple[Effect, ...] = ("beneficial", "detrimental")
STRONGEST = 0.1
"""The share of all samples that is the strongest part of them for a class."""
_AT_ONCE = 2**26
"""Numbers of influence that lie in memory while thresholds are found: 256 MB."""


@dataclass(frozen=True)
class Composition:
    """Counts of beneficial and of detrimental samples for every class.

    Attributes:
        counts: by effect (in the order of EFFECTS), class that is affected and own class, ``(2, K, K)`` int64.
        thresholds: least absolute influence of the samples that are counted, by affected class, ``(K,)``.
    """

    counts: NDArray[np.int64]
    thresholds: NDArray[np.float32]


def composition(cursor: duckdb.DuckDBPyConnection, source: Vectors, strongest: bool) -> Composition:
    """Counts the samples of a run by effect and own class.

    Args:
        cursor: to the cache.
        source: the run's vectors.
        strongest: whether only the strongest tenth of each class is counted.
    """
    own = labels(cursor, source)
    thresholds = _thresholds(cursor, source) if strongest else np.zeros(source.classes, dtype=np.float32)
    counts = np.zeros((len(EFFECTS), source.classes, source.classes), dtype=np.int64)
    query = f"SELECT idx, {source.column} AS vector FROM {source.table} WHERE run = $run"
    for rows, vectors in vector_blocks(cursor, query, {"run": source.run}):
        of_rows = own[rows.column("idx").to_numpy()]
        # Sorted by own class, the samples of each are consecutive: one pass, however many classes there are.
        order = np.argsort(of_rows, kind="stable")
        present, starts = np.unique(of_rows[order], return_index=True)
        by_class = vectors[order]
        # A threshold of 0 leaves out nothing but what has no sign.
        for number, affects in enumerate(
            ((by_class >= thresholds) & (by_class > 0), (by_class <= -thresholds) & (by_class < 0))
        ):
            counts[number][:, present] += np.add.reduceat(affects, starts, axis=0, dtype=np.int64).T
    return Composition(counts, thresholds)


def composed_of(
    cursor: duckdb.DuckDBPyConnection, source: Vectors, k: int, effect: Effect, own: bool, threshold: float
) -> NDArray[np.int32]:
    """Returns the samples behind one count: of the class itself, or of the other classes.

    Args:
        cursor: to the cache.
        source: the run's vectors.
        k: the class that is affected.
        effect: that the samples have on it.
        own: whether they are labelled as that class; else as any other.
        threshold: least absolute influence, as :class:`Composition` tells it.

    Returns:
        Indices, the strongest first.

    Raises:
        RefusedInput: if there is no such class or effect.
    """
    if effect not in EFFECTS:
        raise RefusedInput(f"there is no effect {effect!r}", " or ".join(EFFECTS), "Choose one of the two")
    value = source.value(k)
    sign = "-" if effect == "detrimental" else ""
    rows = cursor.execute(
        f"""
        SELECT idx FROM (SELECT idx, {value} AS influence FROM {source.table} WHERE run = $run)
            JOIN (SELECT idx, label FROM samples WHERE run = $run) USING (idx)
        WHERE {sign}influence > 0 AND abs(influence) >= $threshold::FLOAT AND label {"=" if own else "<>"} $class
        ORDER BY abs(influence) DESC, idx
        """,
        {"run": source.run, "class": int(k), "threshold": float(threshold)},
    ).fetchnumpy()
    return np.asarray(rows["idx"], dtype=np.int32)


def _thresholds(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> NDArray[np.float32]:
    """Returns the absolute influence of the weakest sample in the strongest tenth, by class."""
    rank = source.samples - max(1, round(STRONGEST * source.samples))
    group = max(1, _AT_ONCE // source.samples)
    thresholds = np.empty(source.classes, dtype=np.float32)
    query = f"SELECT {source.column} AS vector FROM {source.table} WHERE run = $run"
    for first in range(0, source.classes, group):
        blocks = vector_blocks(cursor, query, {"run": source.run})
        strength = np.concatenate([np.abs(vectors[:, first : first + group]) for _, vectors in blocks])
        thresholds[first : first + group] = np.partition(strength, rank, axis=0)[rank]
    return thresholds
