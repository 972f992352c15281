"""What a page shows of an error that nobody foresaw: a number under which the log has all of it, and nothing else."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.components.refusal import refusals_shown

_DETAILS = "client.showErrorDetails"


@contextmanager
def faults_logged() -> Iterator[None]:
    """Writes an unexpected error to the log and shows its number, where pages are not to show details.

    Elsewhere, as in tests of pages, the error passes.
    """
    try:
        yield
    except Exception as error:
        if st.get_option(_DETAILS) != "none":
            raise
        number = uuid.uuid4().hex[:8]
        logging.getLogger(__name__).error("Error %s on a page", number, exc_info=error)
        st.error(
            f"Something failed here that nobody foresaw. The log of the server says what, under error {number}. The"
            " other pages and all that was computed are not affected.",
            icon=":material/bug_report:",
        )


def show_uncaught(error: Exception) -> bool:
    """Shows what failed outside of a page, as in a widget's callback, like what fails on one.

    Returns:
        That Streamlit need not show it as well.
    """
    with faults_logged(), refusals_shown():
        _raise(error)
    return True


def _raise(error: Exception) -> None:
    raise error
