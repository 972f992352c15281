"""Waiting on a page for files that another process reads, with how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from app.jobs.read_apart import LOOK_SECONDS, WAITING, read_apart
from engine.progress import Progress


@contextmanager
def reading_shown(words: str) -> Iterator[Progress]:
    """Gives what shows how far a reading is, and takes that away at its end.

    Who goes on to something else meanwhile ends the reading: Streamlit raises that where the progress is drawn.

    Args:
        words: for what is done, such as ``"Reading the study's data"``.
    """
    slot = st.empty()

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == WAITING:
            slot.progress(0.0, text="Waiting for others who look as well …")
        elif total:
            slot.progress(min(1.0, done / total), text=f"{words}: {done:,} of {total:,}")
        else:
            slot.progress(0.0, text=f"{words} …")

    try:
        yield progress
    except Exception:
        slot.empty()
        raise
    slot.empty()


def read_in_view(read: str, asked: dict[str, Any], words: str) -> dict[str, Any]:
    """Returns what a short look by :func:`app.jobs.read_apart.read_apart` finds, and shows that it is going on.

    Args:
        read: a name of ``app.workflow.reads.READS``.
        asked: what it takes.
        words: for what is done, such as ``"Looking at the folder"``.

    Raises:
        RefusedInput: as there.
    """
    with reading_shown(words) as progress:
        return read_apart(read, asked, LOOK_SECONDS, progress)
