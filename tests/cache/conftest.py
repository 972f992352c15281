"""Runs as commands write them, small enough to read: the fixtures of the cache's tests."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from cache.run_folder import RunFolder
from cache.store import Store

FOLDS = 2


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def write_influence() -> Callable[..., np.ndarray]:
    """Writes an influence run whose two folds are alike, so pooling them returns the vectors."""

    def write(folder: RunFolder, vectors: np.ndarray, parts: int = 2, **manifest) -> np.ndarray:
        samples, classes = vectors.shape
        vectors = vectors.astype(np.float32)
        order = np.random.default_rng(1).permutation(samples)
        folder.write_table(
            "samples.parquet",
            pa.table(
                {
                    "index": pa.array(order, pa.int32()),
                    "label": pa.array(order % classes, pa.int16()),
                    "source": [f"train.csv#{index}" for index in order],
                    "predicted": pa.array((order + 1) % classes, pa.int16()),
                    "confidence": pa.array(np.full(samples, 0.75), pa.float32()),
                }
            ),
        )
        for number, rows in enumerate(np.array_split(np.arange(samples), parts)):
            columns = {
                name: pa.FixedSizeListArray.from_arrays(pa.array(np.tile(values[rows], FOLDS).ravel()), FOLDS * classes)
                for name, values in (("ceiling", vectors), ("epoch", -vectors))
            }
            folder.write_table(f"vectors-{number:05}.parquet", pa.table({"index": rows.astype(np.int32), **columns}))
        told = {
            "kind": "influence",
            "study": {"name": "digits"},
            "class_names": [f"class {index}" for index in range(classes)],
            "classes": classes,
            "samples": samples,
            "folds": FOLDS,
            "fold_counts": [[3] * classes] * FOLDS,
            "created": "2024-05-01T10:00:00+00:00",
        }
        folder.finish(told | manifest)
        return vectors

    return write


@pytest.fixture
def write_generation() -> Callable[..., None]:
    """Writes one generation of a search: a trained candidate, and one that was not trained."""

    def write(folder: RunFolder, generation: int, fitness: float = 1.0, classes: int = 3, **columns) -> None:
        trained = [0.5] * classes
        values = {
            "number": pa.array([2 * generation, 2 * generation + 1], pa.int32()),
            "generation": pa.array([generation] * 2, pa.int32()),
            "origin": ["informed", "baseline"],
            "alpha": pa.array([[-0.25] * classes, None], pa.list_(pa.float32())),
            "step": pa.array([0.5, None], pa.float32()),
            "feasible": [True, False],
            "fitness": pa.array([fitness, -np.inf], pa.float64()),
            "predicted": pa.array([[0.1] * classes] * 2, pa.list_(pa.float32())),
            "accuracy": pa.array([trained, None], pa.list_(pa.float32())),
            "loss": pa.array([trained, None], pa.list_(pa.float32())),
            "value": pa.array([[-1.0] * classes, None], pa.list_(pa.float32())),
        }
        folder.write_table(f"candidates-{generation:03}.parquet", pa.table(values | columns))

    return write
