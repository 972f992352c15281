"""Where a store keeps what was uploaded."""

from pathlib import Path

from cache.store import Store


def uploads_folder(store: Store) -> Path:
    """Returns where uploaded files are kept; nothing is made before it is needed."""
    return store.root / "uploads"
