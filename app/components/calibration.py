"""Probe epochs on a page: their start, their progress, and what they said."""

import streamlit as st

from app.components.job_panel import begin, job_in_view, job_panel
from app.components.study_in_view import StudyInView
from app.components.work_place import work_place
from engine.reweight.calibration import PAIRS


def calibration_job(view: StudyInView) -> None:
    """Shows the start of the probe epochs of the run in view, or how far they are; nothing where they cannot be run."""
    if not view.is_current:
        return
    job = job_in_view("probe", view.path)
    if job is not None and job_panel(job).state in ("waiting", "running"):
        return
    work_place("probe")
    if st.button(
        f"Calibrate with {2 * PAIRS} epochs",
        help="Trains the next epoch under known weights and compares. A search does so at its start.",
    ):
        begin("probe", view.path, view.options)
        st.rerun()
