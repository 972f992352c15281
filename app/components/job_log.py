"""The log of a job on a page: tracebacks and paths, for those alone who run or are let into the dashboard."""

import streamlit as st

from app.components import server_state
from app.components.plain import plain_code
from app.jobs import JobFolder
from app.workflow.access import is_this_machine_only


def job_log(job: JobFolder, expanded: bool = False) -> None:
    """Shows the end of a job's log, or where it lies if anybody may be looking.

    Args:
        job: whose log it is.
        expanded: whether it is open at first.
    """
    with st.expander("Log", expanded=expanded):
        if is_this_machine_only(server_state.bound_to()) or st.user.get("is_logged_in"):
            st.code(job.log_tail() or "The log is empty.", language=None)
        else:
            place = "/".join(job.log_path.parts[-3:])
            st.caption(f"Without a login the log is not shown. On the server it is {plain_code(place)}, in the store.")
