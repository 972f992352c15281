"""The same work on many items in some processes, which share the threads and end when the work does."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from types import TracebackType
from typing import Any, Generic, TypeVar

import torch

from engine.errors import RefusedInput
from engine.progress import Progress, silent

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOOKS = 0.2
"""Seconds between two looks at whether the work is to stop."""


class ProcessPool(Generic[Item, Result]):
    """Processes that each hold one shared object; a context. They are started when they are first needed.

    Args:
        work: a function of a module, called in a process with the shared object and an item.
        shared: what every item needs; each process gets it once.
        workers: how many processes.
    """

    def __init__(self, work: Callable[[Any, Item], Result], shared: Any, workers: int) -> None:
        self.workers, self._work, self._shared = workers, work, shared
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "ProcessPool[Item, Result]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            if error is not None:
                # What they would still do is wanted by nobody.
                for process in list(getattr(self._pool, "_processes", {}).values()):
                    process.terminate()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def results(self, items: Sequence[Item], stage: str, progress: Progress = silent) -> list[Result]:
        """Returns what the work makes of each item, in their order.

        Args:
            items: to be sent to a process.
            stage: told to ``progress``.
            progress: called a few times a second with the items that are done; may raise to stop.

        Raises:
            RefusedInput: if a process was killed. What the work itself raises is raised here, the others go on.
        """
        pool = self._processes()
        futures: list[Future[Result]] = [pool.submit(_call, item) for item in items]
        waiting: set[Future[Result]] = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOKS, return_when=FIRST_COMPLETED)
            for future in done:
                _result(future)
            progress(stage, len(futures) - len(waiting), len(futures), f"{self.workers} side by side")
        return [_result(future) for future in futures]

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            threads = max(1, (torch.get_num_threads() or os.cpu_count() or 1) // self.workers)
            # Never forked: a fork copies the locks of torch's threads without the threads.
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=get_context("spawn"),
                initializer=_begin,
                initargs=(self._work, self._shared, threads),
            )
        return self._pool


def _result(future: Future[Result]) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise RefusedInput(
            "a process that trained a model was killed, most likely for want of memory",
            "memory for as many models as [compute] workers says",
            "Lower workers; what has finished is kept",
        ) from error


_state: list[tuple[Callable[[Any, Any], Any], Any]] = []
"""In a process of the pool: what it does, and with what."""


def _begin(work: Callable[[Any, Any], Any], shared: Any, threads: int) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    torch.set_num_threads(threads)
    _state.append((work, shared))


def _call(item: Any) -> Any:
    work, shared = _state[-1]
    return work(shared, item)


def _end_with_the_parent() -> None:
    """Ends this process when the one that started it is gone: killed, it could not say so."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
