"""A lock file that says who holds it, so that a refusal can name the process.

The lock itself is the operating system's: it is free again the moment its holder
dies, however it dies. Who holds it is written to a file beside it, because that file
only informs: it may be stale and is read only while the lock is known to be taken.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from engine.whole_files import write_whole


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        pid: number of the process; 0 where it has not told yet.
        address: where it serves, e.g. ``http://127.0.0.1:8501``, when it serves.
    """

    pid: int
    address: str | None = None

    def __str__(self) -> str:
        process = f"process {self.pid}" if self.pid else "another process"
        return process + (f" at {self.address}" if self.address else "")


class NamedLock:
    """An exclusive lock between processes, and between threads of one process.

    Args:
        path: the lock file; its folder is made when the lock is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._holder_path = path.with_name(f"{path.name}.holder")
        # Taken by one thread and released by another is normal: a server's threads share it.
        self._lock = FileLock(path, timeout=0, thread_local=False)

    def acquire(self, address: str | None = None) -> bool:
        """Takes the lock at once or not at all.

        Args:
            address: where the holder serves, told to those who are refused.

        Returns:
            Whether the lock is now held.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            return False
        told = json.dumps({"pid": os.getpid(), "address": address})
        # It only informs: on a full disk the lock holds without it.
        with suppress(OSError):
            write_whole(self._holder_path, told.encode(), durable=False)
        return True

    def holder(self) -> Holder | None:
        """Returns who took the lock last, or None where that was not written yet."""
        try:
            told = json.loads(self._holder_path.read_text(encoding="utf-8"))
            return Holder(int(told["pid"]), told["address"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def current_holder(self) -> Holder | None:
        """Returns who holds the lock now, ``None`` where it is free; taken for an instant only, to ask."""
        if not self.path.exists():
            return None
        try:
            self._lock.acquire()
        except Timeout:
            return self.holder() or Holder(0)
        except OSError:
            return None  # Whoever may not write here cannot be told.
        self._lock.release()
        return None

    def release(self) -> None:
        """Gives the lock back; without effect where it is not held."""
        if self._lock.is_locked:
            # It only informs: that it cannot be removed must not keep the lock.
            with suppress(OSError):
                self._holder_path.unlink(missing_ok=True)
            self._lock.release()
