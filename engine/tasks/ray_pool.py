"""The same work on many items as tasks of a Ray cluster, which finds machines for them and moves what they need.

Imported only where a cluster was asked for: Ray is an optional dependency.

Ray would begin a task that ran out of memory again and again; so it is told to begin none again, and what died with
its process or its machine is handed to it anew here, as often as processes of this machine get an item.
"""

import io
import pickle
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import ray
import torch
from torch import Tensor

from engine.errors import RefusedInput, first_line
from engine.progress import Progress, silent
from engine.tasks.attempts import KILLED, LOSSES, Death, Ledger, too_long
from engine.tasks.pool import Item, Result, TaskPool, Told, Work
from engine.tasks.ray_cluster import Room, machines, no_machine, places
from engine.tasks.ray_worker import run, versions
from engine.whole_files import PARTIAL

_NOT_IMPORTED = "failed to import on the worker"
"""What Ray says in place of an error where a machine cannot import what a task is made of."""
_LOOKS = 0.2
"""Seconds between two looks at whether the work is to stop."""
_COUNTS = 5.0
"""Seconds between two counts of the cluster's machines."""
NO_ROOM_SECONDS = 60.0
"""That is waited for a machine on which a task has room, where the cluster has none: one may be starting."""
OBJECT_SHARE = 0.25
"""Of a machine's object store that what is shared may take; beyond it, it goes by the folder that all see."""
TASK_BYTES = 1500 * 10**6
"""Memory of a task beside what it is handed: torch, prepared inputs of a training (up to 1 GB), what a batch needs."""


class NotSendable(Exception):
    """What all items need cannot leave this process, as with a model that holds a lambda."""


class RayPool(TaskPool[Item, Result]):
    """Tasks on a cluster that this process is connected to.

    Args:
        work: a function of a module of ``engine``.
        shared: what every item needs; each machine gets it once, each of its processes reads it once.
        threads: CPUs that a task asks for, and threads that it computes with.
        on_gpu: whether a task asks for a GPU, and then for one CPU.
        folder: that all machines see at the same path.
        seconds: that one item may take; then its process ends itself.

    Raises:
        NotSendable: if what is shared cannot be pickled.
    """

    def __init__(
        self, work: Work[Item, Result], shared: Any, threads: int, on_gpu: bool, folder: Path, seconds: float
    ) -> None:
        self._work, self._shared, self._seconds, self._folder = work, shared, seconds, folder
        self._threads = 1 if on_gpu else threads
        try:
            self._size, self._key = held_bytes(shared), uuid.uuid4().hex
        except Exception as error:
            # Whatever pickle, or what it calls, says: torch refuses its parametrizations by a RuntimeError, for one.
            raise NotSendable(first_line(error)) from error
        smallest = min((one.get("object_store_memory", 0.0) for one in machines()), default=0.0)
        self._is_laid_down = self._size > OBJECT_SHARE * smallest
        # Each process has a copy, and holds another for a moment; of a file that is mapped they share the pages.
        own = 0 if self._is_laid_down else 2 * self._size
        self._least = Room(self._threads, int(on_gpu), own + TASK_BYTES)
        self._where: list[Any] | str | None = None
        self.workers = max(1, places(self._least))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes what was handed over; tasks that still ran were ended by :meth:`completed`."""
        if isinstance(self._where, str):
            shutil.rmtree(Path(self._where).parent, ignore_errors=True)
        self._where = None

    def completed(self, items: Sequence[Item], told: Told, progress: Progress = silent) -> Iterator[tuple[int, Result]]:
        """Yields results as they come; see :meth:`TaskPool.completed`.

        Raises:
            RefusedInput: also if no machine of the cluster has room for a task.
        """
        done, total = told.before, told.total(len(items))
        ledger = Ledger(len(items), lambda position: told.called(position, len(items)))
        # The first stands for all: an item is held twice as well, for a moment.
        room = replace(self._least, memory=self._least.memory + (2 * held_bytes(items[0]) if len(items) else 0))
        begin, watch = self._beginning(room), _Machines(room)
        running: dict[Any, int] = {}
        try:
            while ledger.waiting or running:
                # Twice as many as have room: a machine that is done with one has the next at once.
                while ledger.waiting and len(running) < 2 * self.workers:
                    position = ledger.next()
                    running[begin(items[position])] = position
                ended, _ = ray.wait(list(running), num_returns=1, timeout=_LOOKS)
                for reference in ended:
                    position = running.pop(reference)
                    try:
                        result = ray.get(reference)
                    except Exception as error:
                        death = _death(error, told.called(position, len(items)))
                        is_late = death is KILLED and ledger.age(position) > self._seconds
                        ledger.again(position, too_long(self._seconds) if is_late else death)
                        continue
                    done += told.size(position)
                    yield position, result
                self.workers = watch.places()
                progress(told.stage, done, total, f"{self.workers} at once on Ray")
        finally:
            # Where the connection is gone, so are the tasks.
            for reference in running if ray.is_initialized() else ():
                ray.cancel(reference, force=True)

    def _beginning(self, room: Room) -> Callable[[Item], Any]:
        """Returns what begins an item, and tells under which reference."""
        asked = {"num_cpus": room.cpus, "num_gpus": room.gpus, "memory": room.memory}
        remote = ray.remote(run).options(max_retries=0, retry_exceptions=False, **asked)
        told = versions(), self._threads, self._seconds
        return lambda item: remote.remote(self._work, self._key, self._handed_over(), *told, item)

    def _handed_over(self) -> list[Any] | str:
        """Returns where workers find what is shared: in the object store, or in a file."""
        if self._where is None:
            # In a list: of a reference by itself Ray would hand over the object, to every task anew.
            self._where = self._written() if self._is_laid_down else [ray.put(self._shared)]
        return self._where

    def _written(self) -> str:
        folder: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}tasks-", dir=self._folder))
            # A file of Python's: torch's own tells of a full disk in another way.
            with (folder / "shared.pt").open("wb") as file:
                torch.save(self._shared, file)
        except BaseException as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise RefusedInput(
                f"{self._size / 1e9:.1f} GB for the cluster cannot be laid down in {self._folder}: "
                f"{error.strerror or first_line(error)}",
                "a store that has room, on a disk that all machines see",
                "Free some space, or name another store with --cache",
            ) from error
        return str(folder / "shared.pt")


def held_bytes(shared: Any) -> int:
    """Returns about how many bytes an object takes when it is sent.

    Raises:
        Exception: whatever pickle raises of an object that cannot be sent.
    """
    counter = _Counter(io.BytesIO())
    counter.dump(shared)
    return counter.total


_AT_ITS_MACHINE = "Look at the machines of the cluster: `ray status`. What has finished is kept"
_DEATHS: tuple[tuple[Any, Death], ...] = (
    (ray.exceptions.OutOfMemoryError, replace(KILLED, why="its machine ran out of memory")),
    (
        (ray.exceptions.NodeDiedError, ray.exceptions.LocalRayletDiedError),
        Death("its machine was lost", _AT_ITS_MACHINE, LOSSES),
    ),
    (ray.exceptions.WorkerCrashedError, KILLED),
    (
        (ray.exceptions.ObjectLostError, ray.exceptions.ObjectFetchTimedOutError),
        Death("its result was lost with a machine", _AT_ITS_MACHINE, LOSSES),
    ),
)
"""What Ray says of a process that died under its work, and what is told."""
_NO_ROOM = (ray.exceptions.OutOfDiskError, ray.exceptions.ObjectStoreFullError)


class _Counter(pickle.Pickler):
    """Counts what would be written; numbers are counted and not copied."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self._file, self._numbers, self._seen = file, 0, set[int]()

    @property
    def total(self) -> int:
        """Bytes of all that was dumped."""
        return self._numbers + self._file.tell()

    def persistent_id(self, obj: Any) -> str | None:
        """Counts the numbers of an array or a tensor in place of writing them."""
        if isinstance(obj, Tensor):
            # All that it looks at is sent, once.
            storage = obj.untyped_storage()
            self._numbers += 0 if storage.data_ptr() in self._seen else storage.nbytes()
            self._seen.add(storage.data_ptr())
            return "numbers"
        if isinstance(obj, np.ndarray) and obj.dtype != object:
            self._numbers += 0 if id(obj) in self._seen else obj.nbytes
            self._seen.add(id(obj))
            return "numbers"
        return None


class _Machines:
    """Counts how many tasks the cluster has room for, now and then: machines come and go."""

    def __init__(self, room: Room) -> None:
        self._room, self._found = room, 0
        self._counted = float("-inf")
        self._seen = time.monotonic()

    def places(self) -> int:
        """Returns how many have room at once, at least 1.

        Raises:
            RefusedInput: if for a while there has been no machine with room for one.
        """
        now = time.monotonic()
        if now - self._counted > _COUNTS:
            self._counted, self._found = now, places(self._room)
            if self._found:
                self._seen = now
            elif now - self._seen > NO_ROOM_SECONDS:
                raise no_machine(self._room)
        return max(1, self._found)


def _death(error: Exception, called: str) -> Death:
    """Returns what became of a task's process or machine.

    Raises:
        Exception: what the work itself raised, with the name of the item; or a refusal where Ray could not begin it.
    """
    for kinds, death in _DEATHS:
        if isinstance(error, kinds):
            return death
    if isinstance(error, ray.exceptions.RuntimeEnvSetupError):
        raise RefusedInput(
            f"a machine of the Ray cluster could not take the engine's code: {first_line(error, 200)}",
            "machines on which Ray can unpack a few megabytes",
            "Look at its logs, under /tmp/ray/session_latest/logs on that machine",
        ) from error
    if isinstance(error, _NO_ROOM):
        raise RefusedInput(
            f"a machine of the Ray cluster has no room left: {first_line(error, 200)}",
            "room for what tasks are handed and return, in memory or on disk",
            "Free some there, or start Ray with a larger --object-store-memory",
        ) from error
    cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else None
    found = cause if isinstance(cause, Exception) else error
    if isinstance(found, ImportError) or _NOT_IMPORTED in str(found):
        lines = [line.strip() for line in str(found).splitlines() if "Error" in line]
        raise RefusedInput(
            f"a machine of the Ray cluster lacks a package: {lines[-1] if lines else first_line(found)}",
            "the packages of requirements.txt on every machine",
            "Install them there, with the same versions as here",
        ) from error
    found.add_note(f"in {called}, on the Ray cluster")
    raise found
