"""The list of studies in the sidebar, and the field that opens another."""

import streamlit as st

from app.components import view_state
from app.components.plain import plain, plain_code
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.workflow.catalogue import StudyEntry, open_study, study_entries, study_labels
from app.workflow.folder_browser import typed_path
from app.workflow.job_list import job_rows


def study_picker() -> StudyEntry | None:
    """Shows the studies and returns the chosen one, or ``None`` where there is none."""
    store = opened().store
    entries = study_entries(store)
    by_path = {str(entry.path): entry for entry in entries}
    # Always there, filled or not: what comes and goes would shift, and so fold up, what is below.
    notice = st.container()
    if view_state.get("study") not in by_path:
        first = next((str(entry.path) for entry in entries if entry.problem is None), None)
        if view_state.get("study"):
            notice.warning(f"No study at {plain_code(view_state.get('study'))}: showing the first of the list.")
            view_state.choose_study(first)
        else:
            view_state.put(study=first)
    if entries:
        st.session_state["study_choice"] = view_state.get("study")
        st.selectbox(
            "Study",
            list(by_path),
            format_func=study_labels(entries).__getitem__,
            key="study_choice",
            on_change=lambda: view_state.choose_study(st.session_state["study_choice"]),
            help="One trained classifier and its data. The shipped samples come last.",
        )
    with st.expander("Open another study"):
        st.text_input(
            "Study file or folder",
            key="study_path",
            placeholder="path to study.toml",
            help="A path on the machine that runs this dashboard.",
        )
        if st.button("Open study", key="open_study"):
            with refusals_shown():
                entry = open_study(store, typed_path(st.session_state["study_path"]))
                view_state.choose_study(str(entry.path))
                st.rerun()
    _running_jobs()
    return by_path.get(view_state.get("study") or "")


def _running_jobs() -> None:
    """Tells of jobs at work, also of those that another page or session started."""
    for row in job_rows(opened().store):
        if row.is_active and row.study is not None:
            share = f", {row.status.stage} {row.status.done:,} of {row.status.total:,}" if row.status.total else ""
            st.caption(f":material/sync: {plain(row.command)} of {plain(row.study_name)}{plain(share)}")
