"""Large studies for the dashboard's benchmark: real files and run folders, but drawn and not computed.

What the dashboard shows of a run does not depend on how the vectors came about, only on how many there are and
how they are spread. So data, checkpoint and manifests are written as the project writes them, under the keys that
the dashboard asks for, and the vectors are drawn: a few directions that classes share, heavy tails, and noise.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.workflow.catalogue import run_keys
from app.workflow.influence import part_name
from cache import ingest_if_free
from cache.fingerprints import RESULT_VERSION
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import checkpoint_name
from engine.data import load_data
from engine.frontier import correlation, region_shares, spectrum, subset_regions
from engine.influence import FOLDS
from engine.models import build_model, save_checkpoint
from engine.study import Study, load_study

FEATURES, HIDDEN = 8, 32
VALIDATION_EACH = 60
"""Validation samples of each class."""
_PART = 250_000
_DIRECTIONS = 3
_RIGHT = 0.85
"""Share of the samples that the drawn predictions have right."""


@dataclass(frozen=True)
class LargeStudy:
    """A study whose influence and verdict are in a store, and taken into its cache.

    Attributes:
        path: of the study file.
        store: its folder.
        class_names: K names.
        seconds: what was spent, by what: ``data``, ``runs``, ``ingest``.
    """

    path: Path
    store: Path
    class_names: tuple[str, ...]
    seconds: dict[str, float]


def make_large_study(folder: Path, samples: int, classes: int, seed: int = 0) -> LargeStudy:
    """Writes a study of table rows with a finished influence run and a verdict.

    Args:
        folder: of the study and of its store; it is made.
        samples: N, training samples.
        classes: K.
        seed: of all that is drawn.
    """
    generator = np.random.default_rng(seed)
    began = time.perf_counter()
    study = _write_study(folder / "study", samples, classes, generator)
    written = time.perf_counter()
    store = Store(folder / "store")
    vectors = _write_runs(study, store, generator)
    _write_verdict(study, store, vectors)
    store.register_study(folder / "study" / "study.toml")
    stored = time.perf_counter()
    ingest_if_free(store)
    seconds = {"data": written - began, "runs": stored - written, "ingest": time.perf_counter() - stored}
    return LargeStudy((folder / "study" / "study.toml").resolve(), store.root, _names(classes), seconds)


def drawn_vectors(labels: NDArray[np.int64], classes: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draws influence vectors ``(N, K)``: most samples help their own class, some harm all.

    Args:
        labels: class of each sample, ``(N,)``.
        classes: K.
        generator: of the draw.
    """
    samples = len(labels)
    directions = generator.standard_normal((_DIRECTIONS, classes)).astype(np.float32)
    strength = generator.standard_t(3, (samples, _DIRECTIONS)).astype(np.float32)
    vectors: NDArray[np.float32] = strength @ directions
    vectors += generator.standard_normal((samples, classes), dtype=np.float32)
    vectors[np.arange(samples), labels] += 2.0
    return vectors


def _names(classes: int) -> tuple[str, ...]:
    # Of one length, so that no name begins with another.
    return tuple(f"class {k:03d}" for k in range(classes))


def _write_study(folder: Path, samples: int, classes: int, generator: np.random.Generator) -> Study:
    folder.mkdir(parents=True)
    centres = 2 * generator.standard_normal((classes, FEATURES)).astype(np.float32)
    for split, count in (("train", samples), ("validation", VALIDATION_EACH * classes)):
        labels = generator.permutation(np.arange(count) % classes)
        rows = centres[labels] + generator.standard_normal((count, FEATURES), dtype=np.float32)
        np.savez(folder / f"{split}.npz", x=rows, label=labels)
    quoted = ", ".join(f'"{name}"' for name in _names(classes))
    (folder / "study.toml").write_text(
        f'name = "{samples:,} samples"\n'
        '[data]\nformat = "npz"\nmodality = "tabular"\ninput = "x"\nlabel = "label"\n'
        f'train = "train.npz"\nvalidation = "validation.npz"\nclass_names = [{quoted}]\n'
        f'[model]\narchitecture = "mlp"\nhidden = [{HIDDEN}]\ncheckpoints = "checkpoints"\n'
        "[training]\nlearning_rate = 0.05\nepochs = 10\n",
        encoding="utf-8",
    )
    study = load_study(folder)
    model = build_model(study.model, (FEATURES,), classes, study.seed)
    save_checkpoint(model, study.checkpoints_path / checkpoint_name(study.training.epochs))
    return study


def _write_runs(study: Study, store: Store, generator: np.random.Generator) -> NDArray[np.float32]:
    """Writes the influence run and returns its ceiling vectors."""
    data = load_data(study)
    names, labels = list(data.class_names), data.train.labels.numpy().astype(np.int64)
    samples, classes = len(labels), len(names)
    folder = store.run(run_keys(study).influence)
    right = generator.random(samples) < _RIGHT
    folder.write_table(
        "samples.parquet",
        pa.table(
            {
                "index": pa.array(np.arange(samples), pa.int32()),
                "label": pa.array(labels, pa.int16()),
                "source": pa.array(data.train.sources, pa.string()),
                "predicted": pa.array(np.where(right, labels, generator.permutation(labels)), pa.int16()),
                "confidence": pa.array(generator.uniform(0.3, 1.0, samples), pa.float32()),
            }
        ),
    )
    vectors = drawn_vectors(labels, classes, generator)
    for number, start in enumerate(range(0, samples, _PART)):
        rows = vectors[start : start + _PART]
        columns = {"ceiling": _folds(rows), "epoch": _folds(0.3 * rows)}
        index = pa.array(np.arange(start, start + len(rows)), pa.int32())
        folder.write_table(part_name(number), pa.table({"index": index, **columns}))
    _finish_influence(study, folder, names, labels, generator)
    return vectors


def _folds(rows: NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Returns the column of a part; the folds are alike, so that pooling them returns the rows."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.tile(rows, FOLDS).ravel()), FOLDS * rows.shape[1])


def _finish_influence(
    study: Study, folder: RunFolder, names: list[str], labels: NDArray[np.int64], generator: np.random.Generator
) -> None:
    classes = len(names)
    by_split: dict[str, Any] = {"train": np.bincount(labels, minlength=classes), "test": None}
    by_split["validation"] = np.full(classes, VALIDATION_EACH)

    def drawn(low: float, high: float) -> dict[str, Any]:
        return {split: None if split == "test" else generator.uniform(low, high, classes) for split in by_split}

    loss = drawn(0.2, 0.9)
    folder.finish(
        {
            "kind": "influence",
            "study": {"name": study.name, "tables": study.model_dump(mode="json", exclude={"folder"})},
            "class_names": names,
            "classes": classes,
            "samples": len(labels),
            "folds": FOLDS,
            "fold_counts": np.full((FOLDS, classes), VALIDATION_EACH // FOLDS),
            "epoch": study.training.epochs,
            "strategy": "ekfac",
            "measurement": study.influence.measurement,
            "seconds": {"factors": 10.0, "scores": 20.0},
            "tracked_parameters": 1.0,
            "refused_modules": {},
            "accuracy": drawn(0.6, 0.98),
            "loss": loss,
            "scale": loss,
            "counts": by_split,
            "stationarity": generator.uniform(0.0, 0.1, classes),
            "stability": None,
            "factor_examples": min(len(labels), 2_000),
            "factor_agreement": 0.98,
            "precision": {"name": "fp32", "agreement": None},
            "notices": [],
            "result_version": RESULT_VERSION,
            "created": "2024-05-01T10:00:00+00:00",
            "environment": {"threads": 1, "torch": "", "device": "cpu"},
        }
    )


def _write_verdict(study: Study, store: Store, vectors: NDArray[np.float32]) -> None:
    keys = run_keys(study)
    names = store.run(keys.influence).manifest()["class_names"]
    classes = len(names)
    spread = spectrum(vectors)
    interval = [-1.0, 2.0]
    store.run(keys.ceiling).finish(
        {
            "kind": "ceiling",
            "influence": keys.influence,
            "class_names": names,
            "classes": names,
            "measurement": study.influence.measurement,
            "verdict": "at_ceiling",
            "sentence": f"At the ceiling: drawn and not computed, for measuring; the weakest is {names[0]}.",
            "evidence": [f"{name} has no headroom." for name in names],
            "gain": {"in_sample": [2.0] * classes, "held_out": [0.5] * classes, "interval": [interval] * classes},
            "certificate": {"value": 0.1, "bound": 0.1, "prices": [1 / classes] * classes},
            "headroom": [
                {
                    "class": name,
                    "held_out": 0.5,
                    "interval": interval,
                    "in_sample": 2.0,
                    "costs": [names[k - 1]],
                    "payers": [],
                    "evidence": f"{name} has no headroom.",
                }
                for k, name in enumerate(names)
            ],
            "prices": np.full((classes, classes), 1 / classes),
            "effects": np.full((classes, classes), 0.1),
            "minimum": {"value": -0.5, "interval": interval},
            "few_samples": [],
            "spectrum": {
                "explained_variance_ratio": spread.explained_variance_ratio,
                "first_ratio": spread.first_ratio,
                "paper_says_room": spread.paper_says_room,
                "smallest_direction": spread.smallest_direction,
            },
            "regions": region_shares(vectors),
            "all_classes": subset_regions(vectors, range(classes)),
            "correlation": correlation(vectors),
            "study": {"name": study.name},
            "result_version": RESULT_VERSION,
            "created": "2024-05-01T10:00:10+00:00",
        }
    )
