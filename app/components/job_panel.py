"""A job on a page: its start, its progress, its end. It survives a reload, since it lives in its folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from app.components import view_state
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.jobs import JobFolder, JobStatus, cancel_job, is_of_current_study, open_job, start_job
from engine.errors import RefusedInput

_POLL_SECONDS = 1.0
_ACTIVE = ("waiting", "running")


def begin(command: str, study: Path, options: dict[str, Any]) -> None:
    """Starts a job, or finds the one that was asked for before, and puts it in view."""
    job = start_job(opened().store, command, study, options)
    view_state.put(job=job.id)


def job_in_view(command: str, study: Path) -> JobFolder | None:
    """Returns the job of the URL if it is of this command and of the study as its file reads now."""
    job_id = view_state.get("job")
    if job_id is None:
        return None
    try:
        job = open_job(opened().store, job_id)
        request = job.request()
    except RefusedInput:
        return None
    same = request.command == command and request.study == study and is_of_current_study(job)
    return job if same else None


def job_panel(job: JobFolder, live: Callable[[], None] | None = None) -> JobStatus:
    """Shows how a job stands, and follows it until its end.

    Args:
        job: the job in view.
        live: drawn under the progress at every look, while the job runs.

    Returns:
        How the job stood when the page was drawn.
    """
    status = job.status()
    if status.state in _ACTIVE:
        _follow(job, live)
    elif status.state != "finished":
        show = st.info if status.state in ("cancelled", "interrupted") else st.error
        show(status.message or f"The job is {status.state}.")
        with st.expander("Log"):
            st.code(job.log_tail() or "The log is empty.", language=None)
        if st.button("Go on" if status.state in ("cancelled", "interrupted") else "Try again", key=f"resume_{job.id}"):
            request = job.request()
            begin(request.command, request.study, request.options)
            st.rerun()
    return status


@st.fragment(run_every=_POLL_SECONDS)
def _follow(job: JobFolder, live: Callable[[], None] | None) -> None:
    status = job.status()
    if status.state not in _ACTIVE:
        # The whole page is drawn anew: the result stands in other places than the progress.
        st.rerun()
    share = status.done / status.total if status.total else 0.0
    left = "" if status.seconds_left is None else f", about {_duration(status.seconds_left)} left"
    words = f"{status.stage or 'Starting'}: {status.done:,} of {status.total:,}{left}" if status.total else "Starting …"
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    bar.progress(min(1.0, share), text=f"{words} {status.note}".strip())
    if stop.button("Cancel", key=f"cancel_{job.id}", help="What is finished is kept; the search can go on later."):
        cancel_job(job)
    if live is not None:
        # A fragment runs again by itself, outside of what the page has around it.
        with refusals_shown():
            live()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
