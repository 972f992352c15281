"""What is known of all pairs of classes at once: how their influence correlates, and the shares of the regions.

A pass over the vectors in blocks, each one product of matrices: of a hundred classes there
are 4,950 pairs, too many for an expression each.
"""

import duckdb
import numpy as np

from cache.blocks import vector_blocks
from cache.queries import Vectors
from engine.frontier import REGIONS

_JOINT_POSITIVE, _JOINT_NEGATIVE, _TRADE_OFF = REGIONS


def region_shares(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> dict[str, np.ndarray]:
    """Returns for every pair of classes the share of samples in each region.

    Returns:
        By region a symmetric matrix ``(K, K)`` of shares 0..1; on the diagonal, a class with itself.
    """
    positive, negative = np.zeros((2, source.classes, source.classes))
    for _, vectors in vector_blocks(cursor, _all_of(source), {"run": source.run}):
        # Counts of one block are whole numbers that float32 holds exactly.
        helps, harms = (vectors > 0).astype(np.float32), (vectors < 0).astype(np.float32)
        positive += helps.T @ helps
        negative += harms.T @ harms
    positive /= source.samples
    negative /= source.samples
    return {_JOINT_POSITIVE: positive, _JOINT_NEGATIVE: negative, _TRADE_OFF: 1.0 - positive - negative}


def correlation(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> np.ndarray:
    """Returns Pearson's correlation of the influence on every pair of classes.

    Returns:
        A symmetric matrix ``(K, K)``; a class on which no sample differs from another correlates 0 with the others.
    """
    products, sums = np.zeros((source.classes, source.classes)), np.zeros(source.classes)
    lowest, highest = np.full(source.classes, np.inf), np.full(source.classes, -np.inf)
    shift: np.ndarray | None = None
    for _, vectors in vector_blocks(cursor, _all_of(source), {"run": source.run}):
        # Counted from about the mean, so that little is lost when the mean's part is taken off at the end.
        shift = vectors.mean(axis=0, dtype=np.float64) if shift is None else shift
        centred = vectors - shift
        products += centred.T @ centred
        sums += centred.sum(axis=0)
        lowest, highest = np.minimum(lowest, vectors.min(axis=0)), np.maximum(highest, vectors.max(axis=0))
    covariance = products - np.outer(sums, sums) / source.samples
    moved = highest > lowest
    lengths = np.sqrt(np.where(moved, np.diag(covariance), 1.0))
    matrix = np.where(np.outer(moved, moved), covariance / np.outer(lengths, lengths), 0.0)
    np.fill_diagonal(matrix, 1.0)
    return np.clip(matrix, -1.0, 1.0)


def _all_of(source: Vectors) -> str:
    return f"SELECT {source.column} AS vector FROM {source.table} WHERE run = $run"
