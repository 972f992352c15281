"""The report of the study in view: one HTML file to share."""

import streamlit as st

from app.components.command_line import shown_command
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.workflow.command_text import file_name


def report_button(view: StudyInView) -> None:
    """Offers the report; it is made when it is asked for, so that no page waits for it.

    Args:
        view: the study in view.
    """
    # The session is not there when the file is asked for: what the file needs is taken now.
    store, name = opened().store, file_name(view.study.name)
    path, study, options = view.path, view.study, view.options

    def report() -> bytes:
        from app.report import findings_of, report_page

        return report_page(findings_of(path, study, store, options)).encode()

    with st.popover("Report", icon=":material/summarize:", width="stretch"):
        st.markdown(
            "Verdict, figures, searches and settings in one HTML file of about 5 MB, which opens without a server or"
            " a network."
        )
        st.download_button(
            "Download the report",
            report,
            f"{name}-report.html",
            "text/html",
            key="report",
            icon=":material/download:",
            on_click="ignore",
            disabled=not view.is_current,
            help="Takes some seconds to make."
            if view.is_current
            else "Data or settings have changed since this run: there is a report of the study's own only.",
        )
        if view.is_current:
            st.caption("The same file, with vectors and weights beside it:")
            out = {"out": f"{name}-export"}
            st.code(shown_command("export", path, {**options, **out}), language="bash", wrap_lines=True)
