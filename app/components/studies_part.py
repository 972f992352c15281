"""Which part of the Studies page is looked at: one at a time, so that none waits for the others."""

import streamlit as st

from app.components import view_state

STUDIES, RUNS, NEW, JOBS = "Studies", "Runs", "New study", "Jobs"
_PARTS = {
    STUDIES: ":material/folder: Studies",
    RUNS: ":material/database: Runs of the study",
    NEW: ":material/add: New study",
    JOBS: ":material/sync: Jobs",
}


def chosen_part() -> str:
    """Shows the choice and returns it; an address may name the part, or a job, or two runs to be compared."""
    part = view_state.get("part") or ""
    if part not in _PARTS:
        part = JOBS if view_state.get("job") else RUNS if view_state.get("compare") else STUDIES
        turn_to(part)
    st.session_state["studies_part_choice"] = part
    st.segmented_control(
        "Part of the page",
        list(_PARTS),
        format_func=lambda part: _PARTS[part],
        key="studies_part_choice",
        required=True,
        label_visibility="collapsed",
        on_change=lambda: turn_to(st.session_state["studies_part_choice"]),
    )
    return part


def turn_to(part: str) -> None:
    """Turns to another part from the next run of the page on."""
    view_state.put(part=part)
