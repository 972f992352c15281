"""A job on a page: its start, its progress, its end. It survives a reload, since it lives in its folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from app.components import view_state
from app.components.faults import faults_logged
from app.components.job_log import job_log
from app.components.plain import plain
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.components.work_place import is_on_cluster
from app.jobs import JobFolder, JobStatus, cancel_job, is_of_current_study, open_job, start_job
from app.workflow.cluster import begun_where
from app.workflow.job_list import ACTIVE, RESUMABLE, progress_words
from app.workflow.options import RAY
from engine.errors import RefusedInput

_POLL_SECONDS = 1.0


def begin(command: str, study: Path, options: dict[str, Any]) -> None:
    """Starts a job where the session chose, or finds the one that was asked for before, and puts it in view."""
    _start(command, study, begun_where(command, options, is_on_cluster()))


def begin_again(job: JobFolder) -> None:
    """Starts a job again where it was begun, whatever the session chose, and puts it in view.

    One of a cluster goes on at the one that this server offers, and on this machine if it offers none.

    Raises:
        RefusedInput: if its request cannot be read.
    """
    request = job.request()
    _start(request.command, request.study, begun_where(request.command, request.options, RAY in request.options))


def _start(command: str, study: Path, options: dict[str, Any]) -> None:
    view_state.put(job=start_job(opened().store, command, study, options).id)


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
    if status.state in ACTIVE:
        _follow(job, live)
    elif status.state != "finished":
        show = st.info if RESUMABLE[status.state] == "Go on" else st.error
        show(plain(status.message or f"The job is {status.state}."))
        job_log(job)
        if st.button(RESUMABLE[status.state], key=f"resume_{job.id}"):
            begin_again(job)
            st.rerun()
    return status


@st.fragment(run_every=_POLL_SECONDS)
@faults_logged()
def _follow(job: JobFolder, live: Callable[[], None] | None) -> None:
    status = job.status()
    if status.state not in ACTIVE:
        # The whole page is drawn anew: the result stands in other places than the progress.
        st.rerun()
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    bar.progress(status.share, text=plain(progress_words(status)))
    if stop.button("Cancel", key=f"cancel_{job.id}", help="What is finished is kept; the search can go on later."):
        cancel_job(job)
    if live is not None:
        # A fragment runs again by itself, outside of what the page has around it.
        with refusals_shown():
            live()
