"""Features of texts, kept in a folder so that they are made once: an encoder takes minutes, reading seconds.

The name of a file is the hash of all that its numbers depend on, so nothing is ever out of date; a file is written
whole, and one that is damaged is made again. Where they are kept is told by :func:`features_kept_in`, for as
long as its context lasts: commands and the dashboard name a folder of their store. Without one nothing is kept.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from engine.errors import RefusedInput, first_line
from engine.whole_files import write_whole

VERSION = 1
"""Raised when the same texts and settings become other features."""
_folder: ContextVar[Path | None] = ContextVar("features_folder", default=None)
_DIGEST = "sha256"


@contextmanager
def features_kept_in(folder: Path | None) -> Iterator[None]:
    """Keeps features in a folder, which is made where it is missing, and finds them there."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def features_key(texts: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Returns the hash of texts, in their order, and of what is made of them."""
    digest = hashlib.sha256(json.dumps({"version": VERSION, **settings}, sort_keys=True).encode())
    for text in texts:
        # Each text by itself: where one ends and the next begins is part of what they say.
        digest.update(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    return digest.hexdigest()[:32]


Made = tuple[Tensor, Tensor]
"""Features of n texts, ``(n, D)`` float32, and the lengths of these texts, ``(n,)`` int32."""


def kept_features(key: str, rows: int, make: Callable[[], Made]) -> Made:
    """Returns features and lengths of texts: those that are kept under a key, else newly made ones.

    Args:
        key: of :func:`features_key`.
        rows: how many there must be.
        make: makes them.

    Raises:
        RefusedInput: if they cannot be written.
    """
    folder = _folder.get()
    if folder is None:
        return make()
    path = folder / f"{key}.safetensors"
    found = _read(path, rows)
    if found is None:
        found = make()
        named = {"features": found[0].contiguous(), "lengths": found[1].contiguous()}
        try:
            write_whole(path, save(named, {_DIGEST: _sha256(found)}))
        except OSError as error:
            raise RefusedInput(
                f"features of texts cannot be kept in {folder}: {error.strerror or first_line(error)}",
                "a store that has room and may be written",
                "Free some space, or mend its permissions",
            ) from error
    return found


def _read(path: Path, rows: int) -> Made | None:
    """Returns what is kept in a file; None where it is missing or is not what was written."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            found: Made = (file.get_tensor("features").clone(), file.get_tensor("lengths").clone())
            told = (file.metadata() or {}).get(_DIGEST)
    except (SafetensorError, OSError, ValueError):
        return None
    features, lengths = found
    sound = features.ndim == 2 and features.dtype == torch.float32 and len(features) == len(lengths) == rows
    return found if sound and told == _sha256(found) else None


def _sha256(made: Made) -> str:
    digest = hashlib.sha256()
    for tensor in made:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
