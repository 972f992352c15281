"""What all sessions of one server share: the store, its cache, and opened studies."""

import atexit
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.jobs.freshness import Stamps, take_stamps
from app.serving import SAMPLES
from app.workflow.catalogue import RunKeys, run_keys
from app.workflow.improve_view import Predictor
from cache import Cache, climb_key
from cache.manifests import class_scale
from cache.store import Store, default_store_root
from engine.checkpoints import optimizer_path
from engine.study import Study, load_study


@dataclass(frozen=True)
class Opened:
    """The store and the cache that this server holds."""

    store: Store
    cache: Cache


@st.cache_resource(show_spinner=False)
def opened() -> Opened:
    """Opens the store once a server; the cache holds the store's lock from then on.

    Raises:
        RefusedInput: if another process holds the store.
    """
    store = Store(default_store_root(), SAMPLES)
    cache = Cache.open(store, address=os.environ.get("PARETOSCOPE_ADDRESS"))
    atexit.register(cache.close)
    return Opened(store, cache)


def study_at(path: Path) -> Study:
    """Returns the study at a path, read anew when its file changed.

    Raises:
        RefusedInput: if it is not a valid study.
    """
    file = path / "study.toml" if path.is_dir() else path
    return _study(path, file.stat().st_mtime_ns if file.is_file() else 0)


@st.cache_data(show_spinner=False, max_entries=64)
def _study(path: Path, changed: int) -> Study:
    return load_study(path)


def keys_of(study: Study) -> RunKeys:
    """Returns the keys of a study's runs; its files are hashed again only when one changed.

    Raises:
        RefusedInput: if a data file or the checkpoint is missing.
    """
    checkpoints = study.checkpoints_path
    files = [*study.input_paths, checkpoints, optimizer_path(checkpoints)]
    return _keys(study.model_dump_json(), take_stamps(files), study)


@st.cache_data(show_spinner="Looking at the study's files …", max_entries=256)
def _keys(settings: str, stamps: Stamps, _study: Study) -> RunKeys:
    return run_keys(_study)


def climb_key_of(study: Study, how: str, rounds: int) -> str:
    """Returns the key of a climb of a study; its files are hashed again only when one changed.

    Raises:
        RefusedInput: if a data file is missing.
    """
    return _climb_key(study.model_dump_json(), how, rounds, take_stamps(study.input_paths), study)


@st.cache_data(show_spinner="Looking at the study's files …", max_entries=256)
def _climb_key(settings: str, how: str, rounds: int, stamps: Stamps, _study: Study) -> str:
    return climb_key(_study, how, rounds)


@st.cache_data(show_spinner=False, max_entries=16)
def matrices(key: str) -> dict[str, np.ndarray]:
    """Returns what the matrix of class pairs shows, by kind ``(K, K)``; asked once, since runs never change."""
    cache = opened().cache
    return {"correlation": cache.correlation(key), **cache.region_shares(key)}


def predictor(study: Study, key: str, targets: tuple[int, ...]) -> Predictor:
    """Returns the warm programme for one run and one choice of targets."""
    return _predictor(key, targets, study.canonical("reweight"), study)


@st.cache_resource(show_spinner="Preparing the prediction …", max_entries=8)
def _predictor(key: str, targets: tuple[int, ...], settings: str, _study: Study) -> Predictor:
    cache = opened().cache
    manifest = cache.run(key)
    return Predictor.of(
        _study,
        targets,
        cache.vectors(key, "epoch"),
        cache.labels(key),
        class_scale(manifest),
        tuple(manifest["class_names"]),
    )


@st.cache_resource(show_spinner="Reading the study's data …", max_entries=2)
def _study_data(key: str, _study: Study) -> Any:
    # torch is loaded here and not before: most sessions never open a sample.
    from engine.data import load_data

    return load_data(_study)


def training_inputs(study: Study, key: str) -> Any:
    """Returns the inputs of the training samples as stored: pictures or table rows.

    Args:
        study: whose data are read.
        key: of its influence run, which tells its data apart from what was there before.

    Raises:
        RefusedInput: if the data can no longer be read.
    """
    return _study_data(key, study).train.inputs
