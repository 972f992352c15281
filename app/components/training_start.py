"""The button that trains a study's model where it has no checkpoint yet."""

from pathlib import Path

import streamlit as st

from app.components.job_panel import begin
from app.components.plain import plain
from app.components.server_state import study_at
from app.components.studies_part import JOBS, turn_to
from app.workflow.catalogue import has_checkpoint


def train_button(path: Path, key: str, is_training: bool = False) -> None:
    """Shows the button where there is nothing that could be analysed; it starts the job and turns to the jobs.

    Args:
        path: of the study file.
        key: that tells the button from others on the page.
        is_training: whether it is at work already, so that there is nothing to press.

    Raises:
        RefusedInput: if the study cannot be read.
    """
    study = study_at(path)
    if has_checkpoint(study):
        return
    if st.button(
        "Train it",
        key=f"train_{key}",
        type="primary",
        disabled=is_training,
        help=f"Trains {plain(study.model.architecture)} for {study.training.epochs} epochs, a checkpoint each.",
    ):
        begin("train", path, {})
        turn_to(JOBS)
        st.rerun()
