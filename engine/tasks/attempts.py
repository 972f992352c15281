"""Which items are waiting, how often each was begun, and when an item is lost for good."""

import time
from collections.abc import Callable, Iterable

from engine.errors import RefusedInput

ATTEMPTS = 3
"""Times that an item is begun at most: what dies with its process is begun again, what fails by itself is not."""
KILLED = "its process was killed, most likely for want of memory"


class Ledger:
    """The items of a map by position: those that wait, in order, and the attempts at each.

    Args:
        items: how many there are.
        called: from the position of an item to what it is called in messages.
    """

    def __init__(self, items: int, called: Callable[[int], str]) -> None:
        self.waiting = list(range(items))
        """Positions, the next first."""
        self._begun, self._since, self._called = [0] * items, [0.0] * items, called

    def next(self) -> int:
        """Takes the next item, which is begun now."""
        position = self.waiting.pop(0)
        self._begun[position] += 1
        self._since[position] = time.monotonic()
        return position

    def age(self, position: int) -> float:
        """Returns seconds since an item was begun."""
        return time.monotonic() - self._since[position]

    def restart(self, positions: Iterable[int]) -> None:
        """Counts the time of some items from now."""
        for position in positions:
            self._since[position] = time.monotonic()

    def again(self, position: int, why: str) -> None:
        """Puts back an item whose process died.

        Args:
            position: of the item.
            why: what became of its process.

        Raises:
            RefusedInput: if it was begun as often as an item may be.
        """
        if self._begun[position] >= ATTEMPTS:
            raise RefusedInput(
                f"{self._called(position)} was begun {ATTEMPTS} times and lost each time: {why}",
                "a process that lives, and has the memory and the time that one task takes",
                "Lower [compute] workers, or free memory; if it is always the same task, look at its samples. What has "
                "finished is kept",
            )
        self.waiting.insert(0, position)


def too_long(seconds: float) -> str:
    """Returns what became of a process whose item took longer than it may."""
    return f"it took longer than {seconds / 3600:g} hours"
