"""The same work on many items in some processes of this machine, which share the threads and end when the work does."""

import os
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import Process, get_context, parent_process
from types import TracebackType
from typing import Any

import torch

from engine.progress import Progress, silent
from engine.tasks.attempts import KILLED, Ledger, too_long
from engine.tasks.pool import Item, Result, TaskPool, Told, Work

_LOOKS = 0.2
"""Seconds between two looks at whether the work is to stop."""


def threads_each(workers: int) -> int:
    """Returns how many of this process's threads each of so many workers gets."""
    return max(1, torch.get_num_threads() // workers)


class ProcessPool(TaskPool[Item, Result]):
    """Processes that each hold one shared object. They are started when they are first needed.

    Where one is killed, what was in work is begun again in half as many: it was most likely memory that they lacked.

    Args:
        work: a function of a module.
        shared: what every item needs; each process gets it once.
        workers: how many processes.
        seconds: that one item may take; then its process is killed.
    """

    def __init__(self, work: Work[Item, Result], shared: Any, workers: int, seconds: float = float("inf")) -> None:
        self.workers, self._work, self._shared, self._seconds = workers, work, shared, seconds
        self._threads = threads_each(workers)
        self._pool: ProcessPoolExecutor | None = None
        self._spawned: MutableMapping[int, Process] = {}
        self._has_broken = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the processes; what they would still do is wanted by nobody where an error leaves the context."""
        self._close(kill=error is not None)

    def completed(self, items: Sequence[Item], told: Told, progress: Progress = silent) -> Iterator[tuple[int, Result]]:
        """Yields results as they come; see :meth:`TaskPool.completed`."""
        done, total = told.before, told.total(len(items))
        ledger = Ledger(len(items), lambda position: told.called(position, len(items)))
        running: dict[Future[Result], int] = {}
        while ledger.waiting or running:
            # No more than are worked on: what else was handed over would die with a process as well.
            died = None
            while ledger.waiting and len(running) < self.workers:
                position = ledger.next()
                try:
                    running[self._processes().submit(_call, items[position])] = position
                except BrokenProcessPool:
                    # One died since it was last asked: while its results were taken, or between two maps.
                    ledger.put_back(position)
                    died = KILLED
                    break
            ended, _ = wait(running, timeout=_LOOKS, return_when=FIRST_COMPLETED)
            for future in ended:
                try:
                    result = future.result()
                except BrokenProcessPool:
                    died = KILLED
                    continue
                position = running.pop(future)
                done += told.size(position)
                yield position, result
            late = {position for position in running.values() if ledger.age(position) > self._seconds}
            if died is not None or late:
                self._close(kill=True)
                for position in sorted(running.values(), reverse=True):
                    if died is not None:
                        ledger.again(position, died)
                    elif position in late:
                        ledger.again(position, too_long(self._seconds))
                    else:
                        ledger.put_back(position)
                running.clear()
            if died is not None:
                # Half as many, and then one: its last attempt each item has alone.
                self.workers, self._has_broken = 1 if self._has_broken else max(1, self.workers // 2), True
            progress(told.stage, done, total, f"{self.workers} side by side")

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Never forked: a fork copies the locks of torch's threads without the threads.
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=get_context("spawn"),
                initializer=_begin,
                initargs=(self._work, self._shared, self._threads),
            )
            # The pool forgets its processes when one of them dies.
            self._spawned = self._pool._processes
        return self._pool

    def _close(self, kill: bool) -> None:
        if self._pool is None:
            return
        for process in list(self._spawned.values()) if kill else ():
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        # One that was being started while another died is known to nobody else.
        for process in list(self._spawned.values()):
            process.terminate()
            process.join()
        self._pool = None


_state: list[tuple[Work[Any, Any], Any]] = []
"""In a process of the pool: what it does, and with what."""


def _begin(work: Work[Any, Any], shared: Any, threads: int) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    torch.set_num_threads(threads)
    _state.append((work, shared))


def _call(item: Any) -> Any:
    work, shared = _state[-1]
    return work(shared, item, silent)


def _end_with_the_parent() -> None:
    """Ends this process when the one that started it is gone: killed, it could not say so."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
