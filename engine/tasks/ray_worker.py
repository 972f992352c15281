"""What runs in a process of a Ray cluster: one task after the other, on what is shared, which is read once."""

import hashlib
import os
import socket
import sys
import threading
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import engine
from engine.errors import RefusedInput
from engine.progress import silent
from engine.tasks.pool import Work

_ALIKE = ("torch", "torchvision", "numpy", "kronfluence", "transformers", "tokenizers")
_shared: dict[str, Any] = {}
"""What was read, by its key: the last one only."""


@cache
def versions() -> dict[str, str]:
    """Returns the versions on which results depend, with the hash of the engine's own code.

    The code goes to every machine, but a copy that lies in its path may come first.
    """
    sources, folder = hashlib.sha256(), Path(engine.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        sources.update(f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes())
    told = {"Python": ".".join(map(str, sys.version_info[:2])), **{name: version(name) for name in _ALIKE}}
    return {**told, "the engine's code": sources.hexdigest()[:12]}


def run(
    work: Work[Any, Any], key: str, where: Any, expected: dict[str, str], threads: int, seconds: float, item: Any
) -> Any:
    """Does the work on one item, in as many threads as the machine that asked for it would.

    Args:
        work: what is done.
        key: of what is shared.
        where: it is: a list with its reference in the object store, or the path of a file.
        expected: versions of the machine that asked.
        threads: of torch.
        seconds: that the item may take; then this process ends itself. Counted here: a task may long have waited.
        item: what is worked on.

    Raises:
        RefusedInput: if this machine has other versions, or does not see the file; and what the work raises.
    """
    torch.set_num_threads(threads)
    if key not in _shared:
        _check(expected)
        _shared.clear()
        _shared[key] = _read(where)
    watch = threading.Timer(min(seconds, threading.TIMEOUT_MAX), os._exit, (1,))
    watch.daemon = True
    watch.start()
    try:
        return work(_shared[key], item, silent)
    finally:
        watch.cancel()


def _check(expected: dict[str, str]) -> None:
    own = versions()
    others = [
        f"{name} {own.get(name)} in place of {wanted}" for name, wanted in expected.items() if own.get(name) != wanted
    ]
    if others:
        raise RefusedInput(
            f"the machine {socket.gethostname()} of the Ray cluster has {', '.join(others)}",
            "the same versions everywhere, or results would depend on who computed them",
            "Install requirements.txt and requirements-ray.txt there as here; a copy of the project that lies there in "
            "the same place must be of the same state",
        )


def _read(where: Any) -> Any:
    if isinstance(where, list):
        import ray

        return ray.get(where[0])
    if not os.access(where, os.R_OK):
        raise RefusedInput(
            f"the machine {socket.gethostname()} of the Ray cluster does not see {where}, or may not read it",
            "a store that all machines see at the same path, as the same user, since what is shared is too large for "
            "Ray's memory",
            "Put the store on a shared disk and name it with --cache",
        )
    # Mapped: a process reads what it uses, and those of one machine share it. It is our own file, of a moment ago.
    return torch.load(where, mmap=True, weights_only=False)
