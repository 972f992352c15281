"""What all sessions of one server share: the store, its cache, and opened studies."""

import atexit
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app.held_cache import held
from app.jobs.freshness import Stamps, take_stamps
from app.serving import SAMPLES
from app.workflow.catalogue import RunKeys, run_keys
from app.workflow.epochs_view import compared_checkpoints
from app.workflow.study_roots import refuse_file_outside, refuse_outside
from app.workflow.trust_view import comparison_key
from cache import Cache, climb_key
from cache.fingerprints import epochs_key
from cache.store import Store, default_store_root
from engine.checkpoints import chosen_checkpoint, optimizer_path
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
    cache = held(store) or Cache.open(store, address=os.environ.get("PARETOSCOPE_ADDRESS"))
    atexit.register(cache.close)
    return Opened(store, cache)


def bound_to() -> str | None:
    """Returns the address that this server is really bound to, however it was started; ``None``: to all."""
    return st.get_option("server.address")


def study_at(path: Path) -> Study:
    """Returns the study at a path, read anew when its file changed.

    Raises:
        RefusedInput: if it is not a valid study, or leads out of the folders that this server may look into.
    """
    refuse_file_outside(path, opened().store)
    file = path / "study.toml" if path.is_dir() else path
    study = _study(path, file.stat().st_mtime_ns if file.is_file() else 0)
    refuse_outside(study, opened().store)
    return study


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
    files = [*study.input_paths]
    if study.influence.damping == "calibrated":
        # Which is chosen by the influence of a checkpoint.
        files += [study.checkpoints_path, optimizer_path(study.checkpoints_path)]
    return _climb_key(study.model_dump_json(), how, rounds, take_stamps(files), study)


@st.cache_data(show_spinner="Looking at the study's files …", max_entries=256)
def _climb_key(settings: str, how: str, rounds: int, stamps: Stamps, _study: Study) -> str:
    return climb_key(_study, how, rounds)


def comparison_key_of(study: Study, subsets: int, seeds: int, strategies: Sequence[str]) -> str:
    """Returns :func:`comparison_key` of a study; its files are hashed again only when one changed.

    Raises:
        RefusedInput: if a data file or the checkpoint is missing.
    """
    _, checkpoint = chosen_checkpoint(study)
    stamps = take_stamps([*study.input_paths, checkpoint, optimizer_path(checkpoint)])
    return _comparison_key(study.model_dump_json(), subsets, seeds, tuple(strategies), stamps, study)


@st.cache_data(show_spinner="Looking at the study's files …", max_entries=256)
def _comparison_key(
    settings: str, subsets: int, seeds: int, strategies: tuple[str, ...], stamps: Stamps, _study: Study
) -> str:
    return comparison_key(_study, subsets, seeds, strategies)


def epochs_key_of(study: Study) -> str:
    """Returns the key of the evaluation of a study's checkpoints; files are hashed again only when one changed.

    Raises:
        RefusedInput: if a data file is missing, or no two checkpoints are of consecutive epochs.
    """
    checkpoints = compared_checkpoints(study)
    momenta = [optimizer_path(path) for path in checkpoints.values()]
    stamps = take_stamps([*study.input_paths, *checkpoints.values(), *momenta])
    return _epochs_key(study.model_dump_json(), stamps, study)


@st.cache_data(show_spinner="Looking at the study's files …", max_entries=256)
def _epochs_key(settings: str, stamps: Stamps, _study: Study) -> str:
    return epochs_key(_study, compared_checkpoints(_study).values())
