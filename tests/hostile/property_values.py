"""What holds of study files, of the linear programme and of the cache, whatever they are given."""

import json
import math
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app.workflow.improve_view import Predictor
from cache import Cache
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme
from engine.study import Study, load_study, study_of
from tests.hostile.mutations import damaged, with_changes
from tests.hostile.small_study import study_text

_FOLDS, _CLASSES, _SAMPLES = 2, 3, 12
_TOLD: dict[str, Any] = {
    "kind": "influence",
    "study": {"name": "drawn"},
    "class_names": [f"class {number}" for number in range(_CLASSES)],
    "classes": _CLASSES,
    "samples": _SAMPLES,
    "folds": _FOLDS,
    "fold_counts": [[3] * _CLASSES] * _FOLDS,
    "created": "2026-05-01T10:00:00+00:00",
}
_TABLES: dict[str, Any] = {
    "name": "drawn",
    "seed": 0,
    "data": {"format": "csv", "train": "a.csv", "validation": 0.2, "label": "y", "limit": {"train": 5}},
    "model": {"architecture": "mlp", "hidden": [3], "checkpoints": "c", "epoch": 1},
    "training": {"learning_rate": 0.1, "batch_size": 8, "epochs": 2, "schedule": "cosine"},
    "influence": {"strategy": "diagonal", "damping": 0.1, "modules": "auto"},
    "reweight": {"targets": ["a"], "weight_bounds": [0.5, 1.5], "slack": 0.5, "search": {"iterations": 2}},
    "compute": {"device": "cpu", "threads": 1},
}


def study_tables() -> tuple[st.SearchStrategy[dict[str, Any]], Callable[[dict[str, Any]], None]]:
    """Draws the values of a study file."""

    def check(values: dict[str, Any]) -> None:
        _sound_study(study_of(values, Path()))

    return with_changes(_TABLES, st.dates(), st.datetimes(), st.times()), check


def study_files(folder: Path) -> tuple[st.SearchStrategy[bytes], Callable[[bytes], None]]:
    """Draws the bytes of a study file."""
    file = folder / "drawn.toml"

    def check(content: bytes) -> None:
        file.write_bytes(content)
        _sound_study(load_study(file))

    return damaged(study_text().encode()), check


def _sound_study(study: Study) -> None:
    low, high = study.reweight.weight_bounds
    assert 0 <= low <= 1 <= high
    assert low < high < math.inf
    assert study.reweight.search.elites <= study.reweight.search.population
    assert study.canonical("data", "model", "training", "influence", "reweight")
    assert study.data_paths is not None


_ANY_FLOAT = st.floats(allow_nan=True, width=32)
_MOSTLY_FINITE = st.one_of(st.floats(-10, 10, width=32), st.floats(-10, 10, width=32), _ANY_FLOAT)


@st.composite
def _programmes(draw: st.DrawFn) -> tuple[np.ndarray, ProgrammeSettings, np.ndarray | None, np.ndarray]:
    samples, classes = draw(st.integers(0, 12) | st.integers(4, 12)), draw(st.integers(0, 4) | st.integers(2, 4))
    elements = draw(st.sampled_from([st.floats(-10, 10, width=32), _MOSTLY_FINITE, _ANY_FLOAT]))
    vectors = draw(arrays.arrays(np.float32, (samples, classes), elements=elements, fill=st.nothing()))
    low, high = st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([1.5, 2.0, 1.0])
    known = st.lists(st.integers(0, max(0, classes - 1)), min_size=1, max_size=2, unique=True)
    settings = ProgrammeSettings(
        targets=tuple(draw(known | known | st.lists(st.integers(-1, classes), max_size=3))),
        bounds=(draw(low | low | st.floats()), draw(high | high | st.floats())),
        objective=draw(st.sampled_from(["max_min", "sum"])),
        thresholds=draw(st.sampled_from(["attainable", "paper"])),
        mean_preserving=draw(st.booleans()),
        budget=draw(st.none() | st.floats(0.01, 1) | st.floats()),
    )
    groups = draw(st.none() | arrays.arrays(np.int64, samples, elements=st.integers(0, 3)))
    alpha = draw(arrays.arrays(np.float64, classes, elements=draw(st.sampled_from([st.floats(-1, 0.3), st.floats()]))))
    return vectors, settings, groups, alpha


def programmes() -> tuple[st.SearchStrategy[Any], Callable[[Any], None]]:
    """Draws influence vectors, settings and thresholds of the linear programme."""

    def check(drawn: tuple[np.ndarray, ProgrammeSettings, np.ndarray | None, np.ndarray]) -> None:
        vectors, settings, groups, alpha = drawn
        programme = ReweightProgramme(vectors, settings, groups)
        predictor = Predictor(programme, settings.targets, np.ones(vectors.shape[1]))
        prediction = predictor.predict(alpha)
        assert np.isfinite(prediction.gains).all()
        if prediction.problem is None:
            weights = programme.solve(alpha).weights
            assert len(weights) == len(vectors)
            assert settings.bounds[0] <= weights.min() <= weights.max() <= settings.bounds[1]
        else:
            assert prediction.problem

    return _programmes(), check


@st.composite
def _runs(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any], np.ndarray]:
    elements = draw(st.sampled_from([st.floats(-10, 10, width=32), _ANY_FLOAT]))
    vectors = draw(arrays.arrays(np.float32, (_SAMPLES, _FOLDS * _CLASSES), elements=elements))
    told = st.text(min_size=1, max_size=20).map(lambda name: _TOLD | {"study": {"name": name}})
    index = draw(st.just(np.arange(_SAMPLES)) | arrays.arrays(np.int64, _SAMPLES, elements=st.integers(-1, _SAMPLES)))
    return vectors, draw(told | with_changes(_TOLD)), index


class StoredRuns:
    """A store and its cache, to which one drawn run after another is given."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)
        self._cache = Cache.open(self._store)

    def close(self) -> None:
        """Closes the cache."""
        self._cache.close()

    def arrays(self) -> tuple[st.SearchStrategy[Any], Callable[[Any], None]]:
        """Draws the numbers of a run and what its manifest tells."""

        def check(drawn: tuple[np.ndarray, dict[str, Any], np.ndarray]) -> None:
            self._taken_in(drawn, lambda folder: None)

        return _runs(), check

    def bytes(self) -> tuple[st.SearchStrategy[Any], Callable[[Any], None]]:
        """Draws the bytes of a run's part."""
        vectors = np.arange(_SAMPLES * _FOLDS * _CLASSES, dtype=np.float32).reshape(_SAMPLES, -1)
        folder = self._store.run("sound")
        _write_run(folder, vectors, _TOLD, np.arange(_SAMPLES))
        names = ("vectors-00000.parquet", "samples.parquet", "run.json")
        contents = {name: (folder.path / name).read_bytes() for name in names}
        shutil.rmtree(folder.path)
        parts = st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), damaged(contents[name])))

        def check(part: tuple[str, bytes]) -> None:
            whole = (vectors, _TOLD, np.arange(_SAMPLES))
            self._taken_in(whole, lambda folder: (folder.path / part[0]).write_bytes(part[1]))

        return parts, check

    def questions(self) -> tuple[st.SearchStrategy[Any], Callable[[Any], None]]:
        """Draws what a page asks of a sound run."""
        vectors = np.random.default_rng(0).normal(size=(_SAMPLES, _FOLDS * _CLASSES)).astype(np.float32)
        folder = self._store.run("asked")
        _write_run(folder, vectors, _TOLD, np.arange(_SAMPLES))
        self._cache.ingest()
        keys = st.just("asked") | st.text(max_size=20)
        number = st.integers(-3, _CLASSES + 2) | st.integers()

        def check(drawn: tuple[str, int, int, list[int]]) -> None:
            key, a, b, several = drawn
            _asked(self._cache, key, a, b, several)

        return st.tuples(keys, number, number, st.lists(number, max_size=4)), check

    def _taken_in(self, drawn: Any, spoil: Callable[[RunFolder], object]) -> None:
        folder = self._store.run("drawn")
        try:
            _write_run(folder, *drawn)
            spoil(folder)
            self._cache.ingest()
            refusal = self._cache.refused.get("drawn")
            if refusal is not None:
                raise refusal
            stored = self._cache.vectors("drawn")
            assert np.isfinite(stored).all()
            assert len(stored) == _SAMPLES
        finally:
            shutil.rmtree(folder.path, ignore_errors=True)
            self._cache.ingest()
            assert not self._cache.has_run("drawn")


def _asked(cache: Cache, key: str, a: int, b: int, several: list[int]) -> None:
    """Asks a cache what pages ask; each question by itself may be refused."""
    asked: tuple[Callable[[], Any], ...] = (
        lambda: cache.run(key),
        lambda: cache.labels(key),
        lambda: cache.pair_points(key, a, b),
        lambda: sum(cache.region_counts(key, a, b).values()),
        lambda: cache.subset_counts(key, several),
        lambda: cache.neighbours(key, a, b),
        lambda: cache.sample(key, a),
        lambda: cache.ranked_samples(key, several, "harmful", max(0, b)),
    )
    for question in asked:
        with suppress(RefusedInput):
            question()


def _write_run(folder: RunFolder, vectors: np.ndarray, told: dict[str, Any], index: np.ndarray) -> None:
    shutil.rmtree(folder.path, ignore_errors=True)
    samples = pa.table(
        {
            "index": pa.array(np.arange(_SAMPLES), pa.int32()),
            "label": pa.array(np.arange(_SAMPLES) % _CLASSES, pa.int16()),
            "source": [f"train.csv#{row}" for row in range(_SAMPLES)],
            "predicted": pa.array(np.arange(_SAMPLES) % _CLASSES, pa.int16()),
            "confidence": pa.array(np.full(_SAMPLES, 0.5), pa.float32()),
        }
    )
    folder.write_table("samples.parquet", samples)
    rows = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    folder.write_table(
        "vectors-00000.parquet", pa.table({"index": pa.array(index, pa.int32()), "ceiling": rows, "epoch": rows})
    )
    # As JSON may have them, and our own writer never does: endless numbers as well.
    (folder.path / "run.json").write_text(json.dumps({**told, "key": folder.key}))
