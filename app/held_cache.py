"""The cache that a server holds from before it listens, so that a second server is refused at its start.

Without it the first page would take the store's lock, and of two servers that nobody has looked at yet neither
would know of the other.
"""

from pathlib import Path

from cache import Cache
from cache.store import Store

_held: dict[Path, Cache] = {}


def hold(store: Store, address: str | None) -> None:
    """Opens a store's cache for as long as this process lives.

    Args:
        store: whose cache it is.
        address: where this process serves, told to processes that are refused.

    Raises:
        StoreBusy: if another process holds the store; it is named.
        RefusedInput: if the database is damaged.
    """
    _held[store.root] = Cache.open(store, address)


def held(store: Store) -> Cache | None:
    """Returns the cache of a store that this process holds, or ``None``."""
    return _held.get(store.root)
