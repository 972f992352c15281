"""Some training samples as a table, a page at a time, whose rows open them."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from app.components.picks import open_sample, sample_in_view
from app.components.refusal import refusals_shown
from app.components.sample_inputs import add_inputs
from app.components.sample_panel import sample_panel
from app.components.study_in_view import StudyInView
from app.components.table import table

PAGE = 25
"""Rows on one page."""
_PICTURE_HEIGHT = 52
_PLACE = "sample_place"

Place = Literal["suspects", "bar"]
"""The tables of the page: a sample opens below the one that it was chosen in."""


def page_of_samples(samples: np.ndarray, key: str) -> tuple[np.ndarray, int]:
    """Shows which page of many samples is looked at, and returns the samples on it and its number.

    Args:
        samples: all of them, in their order.
        key: tells these samples in this order from others, which begin with their first page.
    """
    last = max(1, -(-len(samples) // PAGE))
    page, told = st.columns([1, 5], vertical_alignment="bottom")
    number = page.number_input("Page", 1, last, key=f"page_{key}")
    told.caption(f"Page {number:,} of {last:,}. A click on a row's box opens the sample.")
    return samples[(number - 1) * PAGE : number * PAGE], number


def sample_rows(
    shown: pd.DataFrame,
    view: StudyInView,
    samples: np.ndarray,
    place: Place,
    key: str,
    name: str,
    columns: dict[str, Any],
    whole: Callable[[], pd.DataFrame],
) -> None:
    """Shows samples with their pictures or values; a click on a row opens one.

    Args:
        shown: a row a sample.
        view: the run in view.
        samples: their indices.
        place: which table of the page it is.
        key: of the table.
        name: of the files to take away.
        columns: how they are shown.
        whole: makes the rows to take away.
    """
    with refusals_shown():
        add_inputs(shown, view, samples)
    options: dict[str, Any] = {"row_height": _PICTURE_HEIGHT} if "picture" in shown else {}
    table(
        shown,
        key,
        name,
        {"picture": st.column_config.ImageColumn("picture", width="small"), **columns},
        whole=whole,
        on_select=lambda: _chosen(key, samples, place),
        selection_mode="single-row",
        **options,
    )


def open_sample_of(view: StudyInView, place: Place) -> None:
    """Shows the sample that is open, if it was chosen in this table; one that the address names is of the first."""
    if sample_in_view(view) is not None and st.session_state.get(_PLACE, "suspects") == place:
        sample_panel(view)


def forget_place() -> None:
    """Lets the first table have the sample that is open, as the other one is not shown any more."""
    st.session_state.pop(_PLACE, None)


def _chosen(key: str, samples: np.ndarray, place: Place) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        open_sample(int(samples[rows[0]]))
        st.session_state[_PLACE] = place
