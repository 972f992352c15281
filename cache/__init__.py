"""What is stored: run folders, which are the truth, and the DuckDB cache built from them.

- :class:`Store`, :class:`RunFolder`, :class:`StoreBusy`, :func:`default_store_root`: folders and locks
- :func:`influence_key`, :func:`ceiling_key`, :func:`reweight_key`, :func:`climb_key` and fingerprints: what a run is
  keyed by
- :class:`Cache`, :func:`ingest_if_free`, :func:`rebuild`: the database and its queries

The last group is imported at its first use: workers and commands that only read and
write run folders never load DuckDB.
"""

from typing import TYPE_CHECKING, Any

from cache.fingerprints import (
    RESULT_VERSION,
    ceiling_key,
    checkpoint_fingerprint,
    climb_key,
    data_fingerprint,
    file_sha256,
    influence_key,
    reweight_key,
)
from cache.run_folder import RunFolder
from cache.store import Store, StoreBusy, default_store_root

if TYPE_CHECKING:
    from cache.cache import Cache, ingest_if_free, rebuild

__all__ = [
    "RESULT_VERSION",
    "Cache",
    "RunFolder",
    "Store",
    "StoreBusy",
    "ceiling_key",
    "checkpoint_fingerprint",
    "climb_key",
    "data_fingerprint",
    "default_store_root",
    "file_sha256",
    "influence_key",
    "ingest_if_free",
    "rebuild",
    "reweight_key",
]


def __getattr__(name: str) -> Any:
    if name in {"Cache", "ingest_if_free", "rebuild"}:
        # By its full path: "from cache import cache" would ask this function again.
        import importlib

        return getattr(importlib.import_module("cache.cache"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
