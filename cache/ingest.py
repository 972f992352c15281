"""Taking finished parts of run folders into the DuckDB cache, any number of times.

Each run is one transaction, so a process that is killed in the middle leaves the
cache as it was, and the next ingestion takes the run in. A run that is not valid is
refused by name and does not stop the others. Of a search that still runs, the
generations written so far are taken in, so that its candidates appear while it works.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb
import numpy as np
import pyarrow as pa

from cache.database import told_as_refusal
from cache.harmful_manifest import HarmfulManifest
from cache.manifests import (
    CeilingManifest,
    ClimbManifest,
    DatamodellingManifest,
    EpochsManifest,
    HalvesManifest,
    InfluenceManifest,
    Manifest,
    ProbeManifest,
    RemovalManifest,
    ReweightManifest,
    read_manifest,
)
from cache.migrations import create_vectors_table
from cache.parts import CANDIDATE_PARTS, part_names, read_candidates, read_opinions, read_samples, read_vectors
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput
from engine.frontier import pool_folds

Refused = Callable[[str, RefusedInput], object]


def log_refusal(key: str, refusal: RefusedInput) -> None:
    """Notes a refused run in the log."""
    logging.getLogger(__name__).warning("run %s is left out of the cache: %s", key, refusal)


def ingest(store: Store, connection: duckdb.DuckDBPyConnection, on_refused: Refused = log_refusal) -> list[str]:
    """Takes in what the cache does not have yet, and lets go of runs whose folders are gone.

    Args:
        store: whose lock the caller holds.
        connection: to the store's database.
        on_refused: called with the key and the reason of each run that is not valid.

    Returns:
        Keys of the runs of which something new came in.

    Raises:
        RefusedInput: if the cache itself cannot be read or written.
    """
    changed = []
    with told_as_refusal(), connection.cursor() as cursor:
        # Looked for before the question what is known: a run that ends in between is taken in the next time.
        stored, begun = store.finished_runs(), store.unfinished_runs()
        known = _without_lost(cursor, {folder.key for folder in stored}, {folder.key for folder in begun})
        finished = [folder for folder in stored if folder.key not in known]
        searching = [folder for folder in begun if folder.key not in known]
        for folder in finished + searching:
            try:
                with _transaction(cursor):
                    if _take_run(cursor, folder) if folder.is_finished else _take_candidates(cursor, folder):
                        changed.append(folder.key)
            except RefusedInput as refusal:
                on_refused(folder.key, refusal)
            except FileNotFoundError:
                # Deleted while it was read: there is nothing left to tell of.
                continue
    return changed


def drop_run(cursor: duckdb.DuckDBPyConnection, key: str) -> None:
    """Removes every row of a run from the cache, in one transaction; without effect where there is none."""
    with _transaction(cursor):
        cursor.execute("DELETE FROM runs WHERE key = ?", [key])
        for table in ("samples", "candidates", "candidate_parts", *_vectors_tables(cursor)):
            cursor.execute(f"DELETE FROM {table} WHERE run = ?", [key])


def _without_lost(cursor: duckdb.DuckDBPyConnection, finished: set[str], begun: set[str]) -> set[str]:
    """Drops the rows of runs whose folders are gone; returns the keys of the finished runs that are left."""
    known = {key for (key,) in cursor.execute("SELECT key FROM runs").fetchall()}
    searched = {key for (key,) in cursor.execute("SELECT DISTINCT run FROM candidate_parts").fetchall()}
    for key in (known - finished) | (searched - finished - begun):
        drop_run(cursor, key)
    return known & finished


def _vectors_tables(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    names = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'vectors\\_%' ESCAPE '\\'")
    return [name for (name,) in names.fetchall()]


def _take_run(cursor: duckdb.DuckDBPyConnection, folder: RunFolder) -> bool:
    manifest = read_manifest(folder)
    if isinstance(manifest, InfluenceManifest):
        _take_influence(cursor, folder, manifest)
    elif isinstance(manifest, CeilingManifest | ProbeManifest | RemovalManifest):
        _insert_run(cursor, folder, manifest, manifest.influence, len(manifest.class_names), None)
    elif isinstance(manifest, HarmfulManifest):
        # What is said of each sample stays in the folder, and is only looked at whole: it must be there and be valid.
        read_opinions(folder)
        _insert_run(cursor, folder, manifest, manifest.influence, len(manifest.class_names), None)
    elif isinstance(manifest, ClimbManifest | EpochsManifest | HalvesManifest | DatamodellingManifest):
        # A climb has influence of its own in every round, which no page asks for sample by sample.
        _insert_run(cursor, folder, manifest, None, len(manifest.class_names), None)
    else:
        _take_reweighting(cursor, folder, manifest)
    return True


def _take_influence(cursor: duckdb.DuckDBPyConnection, folder: RunFolder, manifest: InfluenceManifest) -> None:
    _insert(cursor, "samples", [folder.key], read_samples(folder, manifest).sort_by("index"))
    table = create_vectors_table(cursor, manifest.classes)
    counts = np.asarray(manifest.fold_counts)
    for part in read_vectors(folder, manifest):
        pooled = [_arrays(pool_folds(rows, counts)) for rows in (part.ceiling, part.epoch)]
        vectors = pa.table({"idx": part.index, "ceiling": pooled[0], "epoch": pooled[1]})
        _insert(cursor, table, [folder.key], vectors)
    _insert_run(cursor, folder, manifest, None, manifest.classes, manifest.samples)


def _take_reweighting(cursor: duckdb.DuckDBPyConnection, folder: RunFolder, manifest: ReweightManifest) -> None:
    _take_candidates(cursor, folder)
    row = cursor.execute("SELECT max(len(predicted)) FROM candidates WHERE run = ?", [folder.key]).fetchone()
    _insert_run(cursor, folder, manifest, manifest.influence, (row and row[0]) or 0, None)


def _take_candidates(cursor: duckdb.DuckDBPyConnection, folder: RunFolder) -> bool:
    """Makes the cache's generations those of the folder; returns whether any differed.

    A search that is started anew writes its generations again: a part whose stamp
    changed replaces the rows that came from it, one that is gone takes them along.
    """
    present = {name: _stamp(folder, name) for name in part_names(folder, CANDIDATE_PARTS)}
    rows = cursor.execute("SELECT part, stamp FROM candidate_parts WHERE run = ?", [folder.key]).fetchall()
    stored: dict[str, str] = dict(rows)
    outdated = [name for name, stamp in stored.items() if present.get(name) != stamp]
    for table in ("candidates", "candidate_parts"):
        cursor.execute(f"DELETE FROM {table} WHERE run = ? AND list_contains(?, part)", [folder.key, outdated])
    new = [name for name, stamp in present.items() if stored.get(name) != stamp]
    for name in new:
        _insert(cursor, "candidates", [folder.key, name], read_candidates(folder, name))
        cursor.execute("INSERT INTO candidate_parts VALUES (?, ?, ?)", [folder.key, name, present[name]])
    return bool(outdated or new)


def _insert_run(
    cursor: duckdb.DuckDBPyConnection,
    folder: RunFolder,
    manifest: Manifest,
    influence: str | None,
    classes: int,
    samples: int | None,
) -> None:
    study = manifest.study.name if manifest.study else None
    # The manifest is kept in its own words, not as validated: pages show what the run wrote.
    text = json.dumps(folder.manifest())
    cursor.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [folder.key, manifest.kind, study, influence, classes, samples, manifest.created, text],
    )


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, origin: list[str], rows: pa.Table) -> None:
    """Appends rows behind the columns that say where they come from: the run, or the run and its part."""
    cursor.register("incoming", rows)
    try:
        cursor.execute(f"INSERT INTO {table} SELECT {', '.join('?' for _ in origin)}, * FROM incoming", origin)
    finally:
        # Not possible within a transaction that has failed, which is what must be told.
        with suppress(duckdb.Error):
            cursor.unregister("incoming")


def _arrays(vectors: np.ndarray) -> pa.FixedSizeListArray:
    values = np.ascontiguousarray(vectors, dtype=np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _stamp(folder: RunFolder, name: str) -> str:
    """Tells one writing of a part from the next; parts are written whole, so its file is a new one."""
    status = (folder.path / name).stat()
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
    except BaseException:
        # After a fault of the database itself there is nothing left to roll back; the fault is what matters.
        with suppress(duckdb.Error):
            cursor.rollback()
        raise
    cursor.commit()
