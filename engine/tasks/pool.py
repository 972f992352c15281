"""The same work on many items, wherever it is done: what callers see of it, and the way of doing it right here.

Callers hand over a function of a module, what every item needs, and the items; they get results as they come. Where
the work is done makes no difference to any result: in this process (:class:`InProcess`), in processes of this machine
(:mod:`engine.tasks.processes`) or on the machines of a Ray cluster (:mod:`engine.tasks.ray_pool`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from engine.progress import Progress, silent

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Any, Item, Progress], Result]
"""From what all items share, one item, and what is told its steps, to a result."""


@dataclass(frozen=True)
class Told:
    """How a map over items is told to who watches, and in messages.

    Attributes:
        stage: told to ``progress``.
        sizes: steps of each item, of which progress is told; by default one each.
        before: steps that were done before.
        name: from the position of an item to what it is called where it fails; by default its number.
    """

    stage: str
    sizes: Sequence[int] | None = None
    before: int = 0
    name: Callable[[int], str] | None = None

    def size(self, position: int) -> int:
        """Returns how many steps an item has."""
        return 1 if self.sizes is None else self.sizes[position]

    def total(self, items: int) -> int:
        """Returns how many steps there are in all, with those before."""
        return self.before + (items if self.sizes is None else sum(self.sizes))

    def called(self, position: int, items: int) -> str:
        """Returns what an item is called in a message."""
        return f"task {position + 1} of {items}" if self.name is None else self.name(position)


class TaskPool(ABC, Generic[Item, Result]):
    """Does one kind of work on items; a context, within which it may hold processes.

    Attributes:
        workers: how many items are worked on at once, as far as it is known.
    """

    workers: int

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what it holds; where an error leaves the context, in the middle of its work."""

    @abstractmethod
    def completed(self, items: Sequence[Item], told: Told, progress: Progress = silent) -> Iterator[tuple[int, Result]]:
        """Yields what the work makes of each item, as it comes.

        Args:
            items: what is worked on; an item is taken when its turn is near, so that they need not all be in memory.
            told: how it is told.
            progress: called with the steps that are done, a few times a second or after each step; may raise to stop.

        Yields:
            Position of an item and its result.

        Raises:
            RefusedInput: if an item's process died, or took too long, as often as an item is begun
                (:data:`engine.tasks.attempts.ATTEMPTS`); it is named. What the work itself raises is raised here.
        """

    def results(self, items: Sequence[Item], told: Told, progress: Progress = silent) -> list[Result]:
        """Returns what the work makes of each item, in their order; see :meth:`completed`."""
        found = dict(self.completed(items, told, progress))
        return [found[position] for position in range(len(items))]


class InProcess(TaskPool[Item, Result]):
    """Works on one item after the other in this process, and tells every step.

    Args:
        work: what is done.
        shared: what every item needs.
    """

    workers = 1

    def __init__(self, work: Work[Item, Result], shared: Any) -> None:
        self._work, self._shared = work, shared

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Holds nothing."""

    def completed(self, items: Sequence[Item], told: Told, progress: Progress = silent) -> Iterator[tuple[int, Result]]:
        """Yields results in the order of the items; see :meth:`TaskPool.completed`."""
        done, total = told.before, told.total(len(items))
        for position in range(len(items)):
            report = _of_all(progress, told.stage, done, told.size(position), total)
            yield position, self._work(self._shared, items[position], report)
            done += told.size(position)


def _of_all(progress: Progress, of_all: str, before: int, size: int, steps: int) -> Progress:
    """Returns what tells the steps of one item of ``size`` as steps of all, after ``before``."""

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        progress(of_all, before + size * done // max(total, 1), steps, note)

    return report
