"""Waiting on a page for files that another process reads, with how far it is."""

from typing import Any

import streamlit as st

from app.jobs.read_apart import LOOK_SECONDS, read_apart


def read_in_view(read: str, asked: dict[str, Any], words: str, seconds: float = LOOK_SECONDS) -> dict[str, Any]:
    """Returns what :func:`app.jobs.read_apart.read_apart` does, and shows meanwhile how far it is.

    Who goes on to something else meanwhile ends it: Streamlit raises that where the progress is drawn.

    Args:
        read: a name of ``app.workflow.reads.READS``.
        asked: what it takes.
        words: for what is done, such as ``"Reading the study's data"``.
        seconds: that it may take.

    Raises:
        RefusedInput: if it refuses, or needs more memory or time than it may have.
    """
    slot = st.empty()

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        counted = f": {done:,} of {total:,}" if total else " …"
        slot.progress(min(1.0, done / total) if total else 0.0, text=f"{words}{counted}")

    try:
        found = read_apart(read, asked, seconds, progress)
    except Exception:
        slot.empty()
        raise
    slot.empty()
    return found
