"""The samples that a removal study left out for a class, as a table of the Trust page."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.columns import share
from app.components.refusal import refusals_shown
from app.components.sample_rows import open_sample_of, page_of_samples, sample_rows
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.figures.removal import DOES
from app.workflow.trust_view import left_out_for, left_out_table
from engine.experiments.removal import Sign


def left_out_panel(view: StudyInView, study: dict[str, Any], sign: Sign) -> None:
    """Lets a class be chosen and shows which samples were left out for it.

    Args:
        view: the run in view.
        study: manifest of the removal study.
        sign: which of its samples.
    """
    names = study["class_names"]
    classes: list[int | None] = [None, *study["classes"]]
    chosen = view_state.class_index("without", names)
    chosen = chosen if chosen in classes else None
    view_state.hold("without_choice", chosen)
    st.selectbox(
        "Show the samples that were left out for",
        classes,
        format_func=lambda k: "No class" if k is None else names[k],
        key="without_choice",
        on_change=lambda: view_state.set_class("without", st.session_state["without_choice"], names),
        help="A click on a cell of the maps shows those of its row.",
        placeholder="No class is chosen",
        width=360,
    )
    if chosen is None:
        return
    with refusals_shown():
        _samples(view, study, sign, chosen)


def _samples(view: StudyInView, study: dict[str, Any], sign: Sign, k: int) -> None:
    samples = left_out_for(opened().store.run(study["key"]), sign, k)
    key = f"left_out_{study['key']}_{sign}_{k}"
    page, number = page_of_samples(samples, key)
    influence = f"influence on {study['class_names'][k]}"

    def rows(some: np.ndarray) -> pd.DataFrame:
        return left_out_table(*view.cache.described(view.key, some), view.names, k)

    sample_rows(
        rows(page),
        view,
        page,
        "suspects",
        f"{key}_{number}",
        "left-out-samples",
        {
            "confidence": share("sure", "The model's confidence in what it says."),
            "influence": st.column_config.NumberColumn(
                influence, format="%+.3g", help=f"Higher: its presence helps. These {DOES[sign]} most."
            ),
        },
        whole=lambda: rows(samples),
    )
    open_sample_of(view, "suspects")
