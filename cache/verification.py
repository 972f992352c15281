"""Whether the cache holds what the run folders hold: every block of it read once, and rows and sums compared.

DuckDB checks the sum of a block when it reads it, so a byte that changed on the disk shows only in what is read. Rows
that are whole and still not those of the folder show in their number, and in a sum over them in which each sample
has a weight of its own, so that values which changed places are noticed as well.
"""

from collections.abc import Sequence

import duckdb
import numpy as np

from cache.manifests import InfluenceManifest, ReweightManifest, read_manifest
from cache.migrations import vectors_table
from cache.parts import CANDIDATE_PARTS, part_names, read_candidates, read_vectors
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput
from engine.frontier import pool_folds

_WEIGHTS = 1009
"""Samples whose indices differ by a multiple of it have one weight."""
_TOLERANCE = 1e-9
"""Of the sum of sizes: two orders of adding differ by less."""


def read_everything(cursor: duckdb.DuckDBPyConnection) -> None:
    """Reads every value of every table; what DuckDB says of a damaged block passes."""
    tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
    for (table,) in tables:
        cursor.execute(f'SELECT bit_xor(hash(rows)) FROM "{table}" AS rows').fetchall()


def differences(cursor: duckdb.DuckDBPyConnection, store: Store) -> dict[str, str]:
    """Compares what the cache holds with the run folders.

    Args:
        cursor: of the store's cache, after an ingestion.
        store: whose runs are compared; those that the cache left out are not.

    Returns:
        By the key of a run how the cache differs from its folder; a folder that is damaged is told as such.
    """
    known = [key for (key,) in cursor.execute("SELECT key FROM runs ORDER BY key").fetchall()]
    found = {}
    for key in known:
        try:
            difference = _difference(cursor, store.run(key))
        except RefusedInput as refusal:
            difference = str(refusal)
        if difference is not None:
            found[key] = difference
    return found


def _difference(cursor: duckdb.DuckDBPyConnection, folder: RunFolder) -> str | None:
    if not folder.is_finished:
        return "its folder is gone"
    manifest = read_manifest(folder)
    if isinstance(manifest, InfluenceManifest):
        return _influence_differs(cursor, folder, manifest)
    if isinstance(manifest, ReweightManifest):
        return _candidates_differ(cursor, folder)
    return None


def _influence_differs(cursor: duckdb.DuckDBPyConnection, folder: RunFolder, manifest: InfluenceManifest) -> str | None:
    counts = np.asarray(manifest.fold_counts)
    stored, sizes = np.zeros(2), np.zeros(2)
    for part in read_vectors(folder, manifest):
        weights = (part.index.astype(np.int64) % _WEIGHTS + 1).astype(np.float64)
        for i, rows in enumerate((part.ceiling, part.epoch)):
            vectors = pool_folds(rows, counts).astype(np.float32).astype(np.float64)
            stored[i] += weights @ vectors.sum(axis=1)
            sizes[i] += weights @ np.abs(vectors).sum(axis=1)
    samples = cursor.execute("SELECT count(*) FROM samples WHERE run = ?", [folder.key]).fetchone()
    row = cursor.execute(
        f"SELECT count(*), {', '.join(_weighted_sum(column) for column in ('ceiling', 'epoch'))}"
        f" FROM {vectors_table(manifest.classes)} WHERE run = ?",
        [folder.key],
    ).fetchone()
    assert samples is not None
    assert row is not None
    for what, count in (("samples", samples[0]), ("vectors", row[0])):
        if count != manifest.samples:
            return f"the cache has {count:,} {what} of {manifest.samples:,}"
    return None if _are_close(row[1:], stored, sizes) else "its vectors in the cache are not those of its folder"


def _weighted_sum(column: str) -> str:
    return f"sum((idx % {_WEIGHTS} + 1) * list_sum(CAST({column} AS DOUBLE[])))"


def _candidates_differ(cursor: duckdb.DuckDBPyConnection, folder: RunFolder) -> str | None:
    tables = [read_candidates(folder, name) for name in part_names(folder, CANDIDATE_PARTS)]
    fitness = np.concatenate([np.empty(0), *(table["fitness"].to_numpy() for table in tables)])
    fitness = fitness[np.isfinite(fitness)]
    row = cursor.execute(
        "SELECT count(*), coalesce(sum(fitness) FILTER (isfinite(fitness)), 0) FROM candidates WHERE run = ?",
        [folder.key],
    ).fetchone()
    assert row is not None
    count = sum(len(table) for table in tables)
    if row[0] != count:
        return f"the cache has {row[0]:,} candidates of {count:,}"
    same = _are_close(row[1:], fitness.sum(keepdims=True), np.abs(fitness).sum(keepdims=True))
    return None if same else "its candidates in the cache are not those of its folder"


def _are_close(cached: Sequence[float], stored: np.ndarray, sizes: np.ndarray) -> bool:
    return bool((np.abs(np.array(cached) - stored) <= _TOLERANCE * sizes).all())
