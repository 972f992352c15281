"""A lock that is held exactly as long as its worker lives.

The kernel frees a ``flock`` when the last process with the open file dies, however it
dies, so a free lock proves that nobody works. The starter takes the lock and hands the
open file to the worker it launches: there is no moment between the two at which a
second starter could come in.

Workers hold the lock exclusively. Whoever only asks takes it shared for an instant;
since that would turn a starter away, :func:`acquire` tells the two apart.
"""

import fcntl
import os
import time
from pathlib import Path


def acquire(path: Path) -> int | None:
    """Takes the lock without waiting for its holder.

    Returns:
        The descriptor of the open lock file, or ``None`` if a worker or another
        starter holds the lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _has_exclusive_holder(descriptor):
                os.close(descriptor)
                return None
            # Only somebody who asked was in the way, and is gone in an instant.
            time.sleep(0.001)
        else:
            return descriptor


def release(descriptor: int) -> None:
    """Frees the lock for all who share the descriptor, children that were forked included."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def is_held(path: Path) -> bool:
    """Says whether a worker, or a starter about to launch one, holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _has_exclusive_holder(descriptor)
    finally:
        os.close(descriptor)


def _has_exclusive_holder(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
