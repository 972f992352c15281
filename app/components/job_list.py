"""All jobs of the store: how each stands, its end or its progress, and its log."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import streamlit as st

from app.components import view_state
from app.components.faults import faults_logged
from app.components.job_log import job_log
from app.components.job_panel import begin_again
from app.components.plain import plain, plain_code
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.jobs import cancel_job, open_job
from app.workflow.job_list import RESUMABLE, JobRow, job_row, job_rows, progress_words

_POLL_SECONDS = 1.0
_SHOWN = 20
ICONS = {
    "waiting": ":material/hourglass_top:",
    "running": ":material/sync:",
    "finished": ":material/check_circle:",
    "cancelled": ":material/pause_circle:",
    "interrupted": ":material/pause_circle:",
    "killed": ":material/pause_circle:",
    "out of time": ":material/timer_off:",
    "out of memory": ":material/memory_alt:",
    "disk full": ":material/hard_drive:",
    "refused": ":material/block:",
    "crashed": ":material/error:",
    "failed": ":material/error:",
}
"""Of the states of jobs."""


def job_list() -> None:
    """Shows the jobs, the latest first, and follows those that run."""
    rows = job_rows(opened().store)
    if not rows:
        st.info("No job was started in this store yet. Computations that take long are listed here while they run.")
        return
    named = view_state.get("job")
    rows.sort(key=lambda row: (row.job.id != named, not row.is_active))
    running = [row.job.id for row in rows if row.is_active]
    if running:
        # Only what runs is looked at again, and only while something does.
        _follow(tuple(running))
    ended = [row for row in rows if not row.is_active]
    for row in ended[:_SHOWN]:
        with st.container(border=True):
            _ended(row, expanded=row.job.id == named)
    if len(ended) > _SHOWN:
        with st.expander(f"{len(ended) - _SHOWN} earlier jobs"):
            for row in ended[_SHOWN:]:
                _ended(row, expanded=False)


@st.fragment(run_every=_POLL_SECONDS)
@faults_logged()
def _follow(jobs: tuple[str, ...]) -> None:
    store = opened().store
    rows = [job_row(open_job(store, job)) for job in jobs]
    if any(not row.is_active for row in rows):
        # The whole page is drawn anew: the ended one is listed among the others.
        st.rerun()
    for row in rows:
        with st.container(border=True):
            _head(row)
            bar, stop = st.columns([5, 1], vertical_alignment="center")
            bar.progress(row.status.share, text=plain(progress_words(row.status)))
            if stop.button(
                "Cancel", key=f"list_cancel_{row.job.id}", help="What is finished is kept; the job can go on later."
            ):
                cancel_job(row.job)
            job_log(row.job)


def _head(row: JobRow) -> None:
    about = f" · {plain(row.options)}" if row.options else ""
    st.markdown(f"{ICONS[row.status.state]} **{plain(row.command or 'Job')}** {row.status.state}{about}")
    view = {"job": row.job.id}
    if row.study is None:
        study = "a study that cannot be read"
    elif row.is_of_draft:
        # No list of studies has it: an address that named it would lead to another one, without the job.
        study = f"the new study '{plain(row.study_name)}'"
    else:
        study = plain_code(row.study)
        view = {"study": str(row.study), **view}
    link = urlencode(view, errors="replace")
    started = (
        ""
        if row.status.started is None
        else f" · started {datetime.fromtimestamp(row.status.started, UTC):%Y-%m-%d %H:%M} UTC"
    )
    st.caption(f"{study}{started} · [link to this job](?{link})")


def _ended(row: JobRow, expanded: bool) -> None:
    _head(row)
    if row.problem is not None:
        st.warning(plain(row.problem), icon=":material/block:")
    elif row.status.message:
        st.write(plain(row.status.message))
    label = RESUMABLE.get(row.status.state)
    if label is not None and row.study is not None and st.button(label, key=f"list_resume_{row.job.id}"):
        _go_on(row)
    job_log(row.job, expanded)


def _go_on(row: JobRow) -> None:
    with refusals_shown():
        begin_again(row.job)
        st.rerun()
