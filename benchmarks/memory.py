"""How much memory a computation takes above what was there before it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

_EVERY = 0.02
"""Seconds between two looks."""


class PeakMemory:
    """The largest resident size seen while the context of :func:`watched_memory` lasts."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.before = self.highest = self._process.memory_info().rss

    @property
    def gigabytes(self) -> float:
        """Peak above the start, in 10^9 bytes."""
        return (self.highest - self.before) / 1e9

    def look(self) -> None:
        """Notes the size now."""
        self.highest = max(self.highest, self._process.memory_info().rss)


@contextmanager
def watched_memory() -> Iterator[PeakMemory]:
    """Looks at this process's resident memory again and again for as long as the context lasts."""
    peak, stop = PeakMemory(), threading.Event()

    def watch() -> None:
        while not stop.wait(_EVERY):
            peak.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
        peak.look()
