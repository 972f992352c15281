"""The table parts of a run, checked before any of their values enters the cache.

DuckDB stores NaN and infinity without complaint and would answer with them, so what is
not finite is refused here, as is a part whose rows or columns are not those that the
manifest promises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cache.harmful_manifest import HarmfulManifest
from cache.manifests import InfluenceManifest, read_manifest
from cache.run_folder import RunFolder
from engine.errors import RefusedInput

CANDIDATE_PARTS = "candidates-*.parquet"
VECTOR_PARTS = "vectors-*.parquet"
OPINIONS = "opinions.parquet"

_SAMPLES = pa.schema(
    {
        "index": pa.int32(),
        "label": pa.int16(),
        "source": pa.string(),
        "predicted": pa.int16(),
        "confidence": pa.float32(),
    }
)
_CANDIDATES = pa.schema(
    {
        "number": pa.int32(),
        "generation": pa.int32(),
        "origin": pa.string(),
        "alpha": pa.list_(pa.float32()),
        "step": pa.float32(),
        "feasible": pa.bool_(),
        "fitness": pa.float64(),
        "predicted": pa.list_(pa.float32()),
        "accuracy": pa.list_(pa.float32()),
        "loss": pa.list_(pa.float32()),
        "value": pa.list_(pa.float32()),
        "orders": pa.int32(),
    }
)
_OPINIONS = pa.schema(
    {
        "index": pa.int32(),
        "label": pa.int16(),
        "quality": pa.float32(),
        "suggested": pa.int16(),
        "suggested_probability": pa.float32(),
        "self_influence": pa.float64(),
        "wrong": pa.bool_(),
    }
)
# A baseline has no thresholds and no step, and a candidate that was not trained has no measurement; most labels
# are good, and which ones are wrong is seldom known.
_NULLABLE = frozenset({"alpha", "step", "accuracy", "loss", "value", "suggested", "suggested_probability", "wrong"})


@dataclass(frozen=True)
class VectorPart:
    """Influence of some samples, still by fold: column f * K + k is class k judged by fold f.

    Attributes:
        index: of the samples, ``(n,)``.
        ceiling: influence by the inverse curvature, ``(n, F * K)``; positive: presence helps the class.
        epoch: influence by the next epoch's operator, ``(n, F * K)``.
    """

    index: np.ndarray
    ceiling: np.ndarray
    epoch: np.ndarray


@dataclass(frozen=True)
class Opinions:
    """What is said of every training sample by its label quality and its self-influence, in their order.

    Attributes:
        label: the given one, ``(N,)``.
        quality: probability of the given label by a model that has not seen it, ``(N,)`` float32; low = doubtful.
        suggested: the class to label the sample as, ``(N,)``; -1 where none is suggested.
        suggested_probability: of the suggested class by the same model, ``(N,)``; NaN where there is none.
        self_influence: how strongly the sample acts on its own loss, ``(N,)`` float64, at least 0.
        errors: indices of the samples whose label is known to be wrong, or ``None`` where that is not known.
    """

    label: np.ndarray
    quality: np.ndarray
    suggested: np.ndarray
    suggested_probability: np.ndarray
    self_influence: np.ndarray
    errors: np.ndarray | None


def part_names(folder: RunFolder, pattern: str) -> list[str]:
    """Returns the names of a run's parts that match a glob, in their order."""
    return [name for name in folder.parts if fnmatchcase(name, pattern)]


def read_samples(folder: RunFolder, manifest: InfluenceManifest) -> pa.Table:
    """Returns the samples of an influence run: one row each, every index once.

    Raises:
        RefusedInput: if the part is missing, damaged, or not what the manifest promises.
    """
    name = "samples.parquet"
    table = _typed(folder, name, folder.read_table(name), _SAMPLES)
    if not _is_permutation(table["index"].to_numpy(), manifest.samples):
        raise _refusal(folder, name, "its index is not a permutation", f"each of 0..{manifest.samples - 1} once")
    for column in ("label", "predicted"):
        values = table[column].to_numpy()
        if values.min() < 0 or values.max() >= manifest.classes:
            raise _refusal(folder, name, f"{column} is out of range", f"0..{manifest.classes - 1}")
    return table


def read_vectors(folder: RunFolder, manifest: InfluenceManifest) -> Iterator[VectorPart]:
    """Yields the vectors of an influence run part by part, so that memory holds one part at a time.

    Raises:
        RefusedInput: if a part is missing, damaged, not finite or mis-shaped, or if the parts
            together do not hold each sample once.
    """
    width = manifest.folds * manifest.classes
    indices = [np.empty(0, np.int64)]
    for name in part_names(folder, VECTOR_PARTS):
        table = folder.read_table(name)
        index = _column(folder, name, table, "index", pa.int32()).to_numpy()
        part = VectorPart(index, *(_matrix(folder, name, table, column, width) for column in ("ceiling", "epoch")))
        indices.append(index)
        yield part
    if not _is_permutation(np.concatenate(indices), manifest.samples):
        raise _refusal(
            folder, VECTOR_PARTS, "their indices are not a permutation", f"each of 0..{manifest.samples - 1} once"
        )


def read_opinions(folder: RunFolder) -> Opinions:
    """Returns what a search for label errors says of every training sample.

    Raises:
        RefusedInput: if the run is no such search, or the part is missing, damaged, or not what the manifest promises.
    """
    manifest = read_manifest(folder)
    if not isinstance(manifest, HarmfulManifest):
        raise _refusal(folder, OPINIONS, f"the run is of kind {manifest.kind}", "a search for label errors")
    table = _typed(folder, OPINIONS, folder.read_table(OPINIONS), _OPINIONS)
    if not np.array_equal(table["index"].to_numpy(), np.arange(manifest.samples)):
        raise _refusal(folder, OPINIONS, "its index does not count the samples", f"0..{manifest.samples - 1} in order")
    suggested = pc.fill_null(table["suggested"], -1).to_numpy()
    label, classes = table["label"].to_numpy(), len(manifest.class_names)
    if label.min() < 0 or label.max() >= classes or suggested.min() < -1 or suggested.max() >= classes:
        raise _refusal(folder, OPINIONS, "a label is out of range", f"0..{classes - 1}")
    wrong = table["wrong"]
    known = pc.sum(wrong).as_py() if wrong.null_count == 0 else None
    if known != manifest.known_errors or 0 < wrong.null_count < len(wrong):
        raise _refusal(folder, OPINIONS, "wrong is not what known_errors says", "a value for every sample or for none")
    self_influence = table["self_influence"].to_numpy()
    if not (np.isfinite(self_influence) & (self_influence >= 0)).all():
        raise _refusal(folder, OPINIONS, "self_influence is not one", "finite values of at least 0")
    return Opinions(
        label=label,
        quality=table["quality"].to_numpy(),
        suggested=suggested,
        suggested_probability=pc.fill_null(table["suggested_probability"], np.nan).to_numpy(),
        self_influence=self_influence,
        errors=None if wrong.null_count else np.flatnonzero(wrong.to_numpy()),
    )


def read_candidates(folder: RunFolder, name: str) -> pa.Table:
    """Returns the candidates of one generation of a search.

    Losses and values may be infinite or NaN: a training that diverged is a result. A part from
    before there was a choice of measurement has no values and was judged by its losses, one from before
    candidates raced tells no batch orders and was trained in one.

    Raises:
        RefusedInput: if the part is damaged, mixes class counts, or holds a NaN elsewhere.
    """
    stored = folder.read_table(name)
    if "value" not in stored.column_names and "loss" in stored.column_names:
        stored = stored.append_column("value", stored["loss"])
    if "orders" not in stored.column_names:
        stored = stored.append_column("orders", pa.array(np.ones(len(stored)), pa.int32()))
    table = _typed(folder, name, stored, _CANDIDATES)
    lengths = {
        length
        for column in ("alpha", "predicted", "accuracy", "loss", "value")
        for length in pc.unique(pc.list_value_length(table[column])).to_pylist()
        if length is not None
    }
    if len(lengths) > 1:
        raise _refusal(folder, name, f"its lists have lengths {sorted(lengths)}", "one value a class in every list")
    for column in ("alpha", "predicted", "accuracy"):
        if not np.isfinite(pc.list_flatten(table[column]).to_numpy()).all():
            raise _refusal(folder, name, f"{column} is not finite", "finite values")
    if pc.any(pc.is_nan(table["fitness"])).as_py():
        raise _refusal(folder, name, "fitness is not a number", "a number, or minus infinity for a failure")
    return table


def _typed(folder: RunFolder, name: str, table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Returns a part's table with exactly the schema's columns, in its types, without nulls where none may be."""
    columns = [_column(folder, name, table, field.name, field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _column(folder: RunFolder, name: str, table: pa.Table, column: str, kind: pa.DataType) -> pa.ChunkedArray:
    if table.column_names.count(column) != 1:
        raise _refusal(folder, name, f"it has no column {column}", f"a column {column}")
    values = table[column]
    if values.null_count and column not in _NULLABLE:
        raise _refusal(folder, name, f"{column} has empty values", "a value in every row")
    try:
        values = values.cast(kind)
        # What is said to be text may be bytes that are none, which only a full look finds.
        values.validate(full=pa.types.is_string(kind))
    except pa.ArrowException as error:
        raise _refusal(folder, name, f"{column} is {values.type}", f"values that fit {kind}") from error
    if kind == pa.float32() and not pc.all(pc.is_finite(values), min_count=0).as_py():
        raise _refusal(folder, name, f"{column} is not finite", "finite values")
    return values


def _matrix(folder: RunFolder, name: str, table: pa.Table, column: str, width: int) -> np.ndarray:
    """Returns a column of equally long lists as an array ``(n, width)``."""
    values = _column(folder, name, table, column, pa.list_(pa.float32(), width)).combine_chunks()
    flat = values.flatten()
    matrix = flat.to_numpy(zero_copy_only=False).reshape(-1, width)
    if flat.null_count or not np.isfinite(matrix).all():
        raise _refusal(folder, name, f"{column} is not finite", "finite influence values")
    return matrix


def _is_permutation(index: np.ndarray, count: int) -> bool:
    return len(index) == count and np.array_equal(np.sort(index), np.arange(count))


def _refusal(folder: RunFolder, name: str, problem: str, expected: str) -> RefusedInput:
    return RefusedInput(
        f"run {folder.key}: part {name} is not valid ({problem})",
        expected,
        "Delete the run's folder and compute the run again",
    )
