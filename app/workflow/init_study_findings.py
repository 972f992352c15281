"""What a look at a folder tells: keys of a study file, each with its reason, and what stays open, with what to do."""

from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import RefusedInput


@dataclass(frozen=True)
class Inferred:
    """A key of the study file, with its tables before it, its value, and what speaks for it."""

    key: str
    value: Any
    why: str


@dataclass(frozen=True)
class Unknown:
    """What could not be told, or was told by a guess between equals; why, and what the user can do."""

    what: str
    why: str
    remedy: str


class Findings:
    """Gathers what is found, in the order in which it was first told.

    A key that is told again has its new value in its old place: a later look may know better.
    """

    def __init__(self) -> None:
        self._inferred: dict[str, Inferred] = {}
        self._unknown: list[Unknown] = []

    @property
    def inferred(self) -> tuple[Inferred, ...]:
        """All keys, in their order."""
        return tuple(self._inferred.values())

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """All that stays open, each thing once."""
        return tuple(dict.fromkeys(self._unknown))

    def infer(self, key: str, value: Any, why: str) -> None:
        """Tells a key, e.g. ``data.label``; ``why`` is a clause without a full stop."""
        self._inferred[key] = Inferred(key, value, why)

    def forget(self, key: str) -> None:
        """Takes a key back."""
        self._inferred.pop(key, None)

    def leave_open(self, what: str, why: str, remedy: str) -> None:
        """Tells what could not be told."""
        self._unknown.append(Unknown(what, why, remedy))

    def leave_refused(self, what: str, refusal: RefusedInput) -> None:
        """Tells what a reader refused, in its own words."""
        self.leave_open(what, refusal.problem, refusal.remedy)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns the value of a key, as far as it was told."""
        return self._inferred[key].value if key in self._inferred else default

    def values(self) -> dict[str, Any]:
        """Returns the values as the tables of a study file."""
        tables: dict[str, Any] = {}
        for one in self.inferred:
            *path, last = one.key.split(".")
            table = tables
            for name in path:
                table = table.setdefault(name, {})
            table[last] = one.value
        return tables

    def told(self) -> dict[str, Any]:
        """Returns both lists as JSON has them."""
        return {
            "inferred": [asdict(one) for one in self.inferred],
            "unknown": [asdict(one) for one in self.unknown],
        }
