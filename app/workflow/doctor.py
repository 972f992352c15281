"""The use-case behind ``doctor``: is the store in order, and what to do where it is not."""

import importlib.metadata
import os
from typing import Any

from cache import Cache, StoreBusy, rebuild
from cache.store import Store
from engine.errors import RefusedInput


def examine(store: Store, rebuilding: bool = False) -> dict[str, Any]:
    """Checks store, cache and environment; rebuilds the cache first where that is asked for.

    Args:
        store: that is looked at.
        rebuilding: moves the DuckDB file aside and makes a new one from the run folders.

    Returns:
        ``checks``: a list of ``name``, ``ok`` and ``message``, which says what to do where not ok.

    Raises:
        StoreBusy: if the cache is to be rebuilt while another process holds the store.
    """
    rebuilt = len(rebuild(store)) if rebuilding else None
    checks = [_folder(store), *_cache(store), _torch()]
    if rebuilt is not None:
        checks.insert(0, _check("rebuild", True, f"the cache was built anew from {rebuilt} runs"))
    return {"checks": checks}


def _check(name: str, ok: bool, message: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "message": message}


def _folder(store: Store) -> dict[str, Any]:
    existing = next(folder for folder in (store.root, *store.root.parents) if folder.exists())
    if existing.is_dir() and os.access(existing, os.W_OK):
        return _check("store", True, f"{store.root} may be written")
    return _check("store", False, f"{store.root} may not be written: mend its permissions or name another with --cache")


def _cache(store: Store) -> list[dict[str, Any]]:
    try:
        with Cache.open(store) as cache:
            cache.ingest()
            runs = _check("cache", True, f"{len(cache.runs())} runs are in the cache")
            return [runs, *(_check(f"run {key}", False, str(reason)) for key, reason in cache.refused.items())]
    except StoreBusy as busy:
        return [_check("cache", True, f"not looked at: the store is in use by {busy.holder}")]
    except RefusedInput as refusal:
        return [_check("cache", False, str(refusal))]


def _torch() -> dict[str, Any]:
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    kronfluence = importlib.metadata.version("kronfluence")
    return _check("environment", True, f"torch {torch.__version__} on {device}; kronfluence {kronfluence}")
