"""How a long computation reports how far it is, and where it may be stopped."""

from typing import Protocol


class Progress(Protocol):
    """Called after every batch, training or candidate.

    The call is also the point of cancellation: an implementation may raise
    :class:`engine.errors.Cancelled`, so no computation needs a second channel.
    """

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Reports that ``done`` of ``total`` steps of ``stage`` are finished."""


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Reports nothing; the default where nobody watches."""
