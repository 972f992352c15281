"""What runs in a process of a Ray cluster: one task after the other, on what is shared, which is read once."""

import socket
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from engine.errors import RefusedInput
from engine.progress import silent
from engine.tasks.pool import Work

_ALIKE = ("torch", "numpy", "kronfluence")
_shared: dict[str, Any] = {}
"""What was read, by its key: the last one only."""


def versions() -> dict[str, str]:
    """Returns the versions on which results depend."""
    return {"Python": ".".join(map(str, sys.version_info[:2])), **{name: version(name) for name in _ALIKE}}


def run(work: Work[Any, Any], key: str, where: Any, expected: dict[str, str], threads: int, item: Any) -> Any:
    """Does the work on one item, in as many threads as the machine that asked for it would.

    Args:
        work: what is done.
        key: of what is shared.
        where: it is: a list with its reference in the object store, or the path of a file.
        expected: versions of the machine that asked.
        threads: of torch.
        item: what is worked on.

    Raises:
        RefusedInput: if this machine has other versions, or does not see the file; and what the work raises.
    """
    torch.set_num_threads(threads)
    if key not in _shared:
        _check(expected)
        _shared.clear()
        _shared[key] = _read(where)
    return work(_shared[key], item, silent)


def _check(expected: dict[str, str]) -> None:
    own = versions()
    others = [f"{name} {own[name]} in place of {wanted}" for name, wanted in expected.items() if own[name] != wanted]
    if others:
        raise RefusedInput(
            f"the machine {socket.gethostname()} of the Ray cluster has {', '.join(others)}",
            "the same versions everywhere, or results would depend on who computed them",
            "Install requirements.txt and requirements-ray.txt there as here",
        )


def _read(where: Any) -> Any:
    if isinstance(where, list):
        import ray

        return ray.get(where[0])
    if not Path(where).is_file():
        raise RefusedInput(
            f"the machine {socket.gethostname()} of the Ray cluster does not see {where}",
            "a store that all machines see at the same path, since what is shared is too large for Ray's memory",
            "Put the store on a shared disk and name it with --cache",
        )
    # Mapped: a process reads what it uses, and those of one machine share it. It is our own file, of a moment ago.
    return torch.load(where, mmap=True, weights_only=False)
