"""Rows with their influence vectors, block by block, so that a million of them need not lie in memory at once."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

ROWS = 131_072


def vector_blocks(
    cursor: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, str | float]
) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Runs a query and yields its rows with their vectors, in the order of the query.

    Args:
        cursor: that is the caller's alone until the last block.
        query: has a column ``vector``, a ``FLOAT[K]``.
        parameters: of the query.

    Yields:
        The rows, and their vectors ``(n, K)`` float32, not to be written to.
    """
    for batch in cursor.sql(query, params=parameters).to_arrow_reader(ROWS):
        if batch.num_rows:
            flat = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
            yield batch, flat.reshape(batch.num_rows, -1)
