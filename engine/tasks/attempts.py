"""Which items are waiting, how often each was begun, and when an item is lost for good."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import RefusedInput

ATTEMPTS = 3
"""Times that an item is begun at most where its process dies; what fails by itself is not begun again."""
LOSSES = 10
"""Likewise where its machine is lost, which no item is to blame for."""


@dataclass(frozen=True)
class Death:
    """What became of the process of an item.

    Attributes:
        why: in words.
        remedy: what is to be done if it happens each time.
        attempts: times that an item is begun at most if this is its fate.
    """

    why: str
    remedy: str
    attempts: int = ATTEMPTS


KILLED = Death(
    "its process was killed, most likely for want of memory",
    "Free memory, or let fewer work at once (lower [compute] workers); if it is always the same task, look at its "
    "samples. What has finished is kept",
)


def too_long(seconds: float) -> Death:
    """Returns the death of an item that took longer than it may."""
    return Death(
        f"it took longer than {seconds / 3600:g} hours",
        "Set PARETOSCOPE_TASK_HOURS higher if it may take longer. What has finished is kept",
        attempts=2,
    )


class Ledger:
    """The items of a map by position: those that wait, in order, and the deaths of each.

    Args:
        items: how many there are.
        called: from the position of an item to what it is called in messages.
    """

    def __init__(self, items: int, called: Callable[[int], str]) -> None:
        self.waiting = list(range(items))
        """Positions, the next first."""
        self._deaths = [Counter[str]() for _ in range(items)]
        self._since, self._called = [0.0] * items, called

    def next(self) -> int:
        """Takes the next item, which is begun now."""
        position = self.waiting.pop(0)
        self._since[position] = time.monotonic()
        return position

    def age(self, position: int) -> float:
        """Returns seconds since an item was begun."""
        return time.monotonic() - self._since[position]

    def put_back(self, position: int) -> None:
        """Puts back an item that is not to blame for what happened."""
        self.waiting.insert(0, position)

    def again(self, position: int, death: Death) -> None:
        """Puts back an item whose process died.

        Args:
            position: of the item.
            death: what became of its process.

        Raises:
            RefusedInput: if that happened as often as it may.
        """
        self._deaths[position][death.why] += 1
        if self._deaths[position][death.why] >= death.attempts:
            raise RefusedInput(
                f"{self._called(position)} was begun {death.attempts} times and lost each time: {death.why}",
                "a process that lives, and has the memory and the time that one task takes",
                death.remedy,
            )
        self.put_back(position)
