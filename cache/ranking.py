"""The samples that harm or help the chosen classes most."""

from typing import Literal

import duckdb
import numpy as np
import pandas as pd

from cache.queries import LARGEST_LIMIT, Vectors
from engine.errors import RefusedInput

Sign = Literal["harmful", "helpful"]


def ranked_samples(
    cursor: duckdb.DuckDBPyConnection, source: Vectors, classes: tuple[int, ...], sign: Sign, limit: int
) -> pd.DataFrame:
    """Returns the samples with the largest total influence of one sign on some classes.

    Samples that are joint negative (harmful) or joint positive (helpful) for the classes
    come first, each by the sum over the classes; then those whose sum alone has the sign.

    Args:
        cursor: to the cache.
        source: the run's vectors.
        classes: the chosen classes.
        sign: ``harmful``: the sum is negative, the presence harms the classes; ``helpful``: the opposite.
        limit: the most samples that are returned.

    Returns:
        Columns ``index``, ``label``, ``predicted``, ``confidence``, ``source``, ``influence`` (``(len(classes),)``
        float32, in the order of ``classes``), ``total`` (their sum) and ``joint`` (all of the one sign); worst first.

    Raises:
        RefusedInput: if a class, the sign or the limit is not one, or no class is chosen.
    """
    if sign not in ("harmful", "helpful"):
        raise RefusedInput(f"there is no sign {sign!r}", "harmful or helpful", "Choose one of the two")
    if limit < 1:
        raise RefusedInput(f"the limit is {limit} samples", "at least 1", "Ask for more samples")
    values = source.values(classes)
    direction, joint = ("-", f"greatest({values}) < 0") if sign == "harmful" else ("", f"least({values}) > 0")
    frame = cursor.execute(
        f"""
        WITH ranked AS (
            SELECT idx, [{values}] AS influence, list_sum([{values}]::DOUBLE[]) AS total, {joint} AS joint
            FROM {source.table} WHERE run = $run AND {direction}list_sum([{values}]::DOUBLE[]) > 0
            ORDER BY joint DESC, {direction}total DESC, idx LIMIT $limit
        )
        SELECT idx AS index, label, predicted, confidence, source, influence, total, joint
        FROM ranked JOIN (SELECT * FROM samples WHERE run = $run) USING (idx)
        ORDER BY joint DESC, {direction}total DESC, idx
        """,
        {"run": source.run, "limit": min(limit, LARGEST_LIMIT)},
    ).df()
    frame["influence"] = [np.asarray(row, dtype=np.float32) for row in frame["influence"]]
    return frame
