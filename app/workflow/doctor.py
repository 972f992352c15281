"""The use-case behind ``doctor``: is everything in order, and what to do where it is not.

It looks and changes nothing, but for taking finished runs into the cache, and for ``--rebuild``.
"""

import os
import shutil
from typing import Any

from app.figures.wording import size_in_words
from app.workflow.access import secrets_files
from app.workflow.disk_room import SPARED, nearest_existing
from app.workflow.doctor_checks import Check, check
from app.workflow.doctor_environment import (
    gpu_check,
    memory_check,
    package_check,
    ray_check,
    safe_loading_check,
    torch_check,
)
from app.workflow.doctor_server import address_check, login_checks
from app.workflow.doctor_settings import settings_check
from cache import Cache, StoreBusy, rebuild
from cache.store import Store
from engine.errors import RefusedInput


def examine(store: Store, rebuilding: bool = False) -> dict[str, Any]:
    """Checks store, runs, cache, environment and server; rebuilds the cache first where that is asked for.

    Args:
        store: that is looked at.
        rebuilding: moves the DuckDB file aside and makes a new one from the run folders.

    Returns:
        ``checks``: a list of ``name``, ``ok`` and ``message``, which says what to do where not ok.

    Raises:
        StoreBusy: if the cache is to be rebuilt while another process holds the store.
    """
    rebuilt = len(rebuild(store)) if rebuilding else None
    found = [*_folder(store), *_runs(store), *_cache(store)]
    found += [torch_check(), gpu_check(), package_check(), ray_check(), memory_check(), safe_loading_check()]
    found += [settings_check(), *login_checks(secrets_files()), address_check(store)]
    if rebuilt is not None:
        found.insert(0, check("rebuild", True, f"the cache was built anew from {rebuilt} runs"))
    return {"checks": found}


def _folder(store: Store) -> list[Check]:
    existing = nearest_existing(store.root)
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        remedy = "mend its permissions or name another with --cache"
        return [check("store", False, f"{store.root} may not be written: {remedy}")]
    free = shutil.disk_usage(existing).free
    room = f"{size_in_words(free)} are free on its disk"
    if free < SPARED:
        room += ": free some space, with python -m app prune for instance"
    return [check("store", True, f"{store.root} may be written"), check("disk", free >= SPARED, room)]


def _runs(store: Store) -> list[Check]:
    runs = [run for run in store.finished_runs() if not run.readonly]
    unrecorded, wrong = 0, []
    for run in runs:
        try:
            damaged = run.damaged_parts()
        except RefusedInput as refusal:
            wrong.append(check(f"run {run.key}", False, str(refusal)))
            continue
        if damaged is None:
            unrecorded += 1
        elif damaged:
            parts = ", ".join(damaged[:3]) + (f" and {len(damaged) - 3} more" if len(damaged) > 3 else "")
            remedy = "Delete the run on the Studies page and compute it again"
            wrong.append(check(f"run {run.key}", False, f"not as it was written: {parts}. {remedy}"))
    compared = len(runs) - unrecorded - len(wrong)
    told = f"{compared} of {len(runs)} finished runs are as they were written"
    if unrecorded:
        told += f"; of {unrecorded} that was not written down, since they are of an earlier version"
    return [check("runs", not wrong, told), *wrong]


def _cache(store: Store) -> list[Check]:
    try:
        with Cache.open(store) as cache:
            cache.ingest()
            left_out = [check(f"run {key}", False, str(reason)) for key, reason in cache.refused.items()]
            differences = cache.differences()
            count = len(cache.runs())
    except StoreBusy as busy:
        return [check("cache", True, f"not looked at: the store is in use by {busy.holder}")]
    except RefusedInput as refusal:
        return [check("cache", False, str(refusal))]
    if differences:
        told = "; ".join(f"run {key}: {difference}" for key, difference in differences.items())
        return [check("cache", False, f"{told}. Rebuild it with: python -m app doctor --rebuild"), *left_out]
    return [check("cache", True, f"{count} runs are in the cache, all as in their folders"), *left_out]
