"""Samples that act alike: whose influence vectors point the same way."""

import duckdb
import pandas as pd

from cache.queries import LARGEST_LIMIT, Vectors, sample
from engine.errors import RefusedInput


def neighbours(cursor: duckdb.DuckDBPyConnection, source: Vectors, index: int, count: int) -> pd.DataFrame:
    """Returns the samples whose influence on all classes is most alike in direction, whatever its strength.

    Args:
        cursor: to the cache.
        source: the run's vectors.
        index: of the sample.
        count: the most that are returned.

    Returns:
        Columns ``index``, ``label``, ``predicted``, ``confidence``, ``source`` and ``similarity``: the cosine of the
        angle between the vectors, −1 to 1, highest first. None for a sample without influence, and none
        that has none.

    Raises:
        RefusedInput: if the run has no such sample, or the count is not one.
    """
    if count < 1:
        raise RefusedInput(f"the limit is {count} samples", "at least 1", "Ask for more samples")
    vector = sample(cursor, source, index)[source.column]
    count = min(count, LARGEST_LIMIT) if vector.any() else 0
    return cursor.execute(
        f"""
        WITH alike AS (
            SELECT idx, array_cosine_similarity({source.column}, $vector::FLOAT[{source.classes}]) AS similarity
            FROM {source.table} WHERE run = $run AND idx <> $index
        ), nearest AS (
            SELECT idx, similarity FROM alike WHERE NOT isnan(similarity)
            ORDER BY similarity DESC, idx LIMIT $count
        )
        SELECT idx AS index, label, predicted, confidence, source, least(similarity, 1.0) AS similarity
        FROM nearest JOIN (FROM samples WHERE run = $run) USING (idx) ORDER BY nearest.similarity DESC, idx
        """,
        {"run": source.run, "index": int(index), "count": count, "vector": [float(value) for value in vector]},
    ).df()
