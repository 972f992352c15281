"""One trained candidate, class by class, and the way to make it the result."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.command_line import command_line
from app.components.job_panel import begin
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.work_place import work_place
from app.workflow.candidate_parts import read_control
from app.workflow.options import finds_again, options_of
from cache.fingerprints import choice_key


def candidate_panel(view: StudyInView, search: str, numbers: Sequence[int], chosen: int | None) -> None:
    """Shows the candidate that was clicked on the frontier, or chosen by its number.

    Args:
        view: the study in view.
        search: key of the search.
        numbers: of its trained candidates.
        chosen: the candidate that the result in view was trained with; ``None`` while the search runs.
    """
    picked = _picked(search, numbers)
    key = f"candidate_{search}"
    st.session_state[key] = picked
    st.selectbox(
        "Candidate",
        list(numbers),
        index=None,
        key=key,
        format_func=lambda number: f"Candidate {number}{', the result' if number == chosen else ''}",
        placeholder="Click a point, or choose its number",
        on_change=lambda: view_state.put(candidate=f"{search}:{st.session_state[key]}"),
    )
    if picked is None:
        return
    row = view.cache.candidates(search).set_index("number").loc[picked]
    control, _ = read_control(opened().store.run(search)).of(int(row["orders"]))
    after = np.asarray(row["accuracy"], dtype=float)
    percent = st.column_config.NumberColumn(format="percent")
    table(
        pd.DataFrame(
            {
                "class": view.names,
                "before": np.array(view.influence["accuracy"]["validation"], dtype=float),
                "control": control,
                "after its epoch": after,
                "points against control": 100 * (after - control),
            }
        ),
        f"candidate_table_{search}",
        f"candidate-{picked}",
        {"before": percent, "control": percent, "after its epoch": percent}
        | {"points against control": st.column_config.NumberColumn(format="%+.1f")},
    )
    orders = f"{int(row['orders'])} batch order{'s' if row['orders'] > 1 else ''}"
    st.caption(f"In {orders}, on the validation data that was searched on, which flatters whoever leads there.")
    if picked == chosen:
        st.caption("This is the candidate that the result below was trained with.")
    elif chosen is not None:
        _make_it_the_result(view, search, picked)


def _picked(search: str, numbers: Sequence[int]) -> int | None:
    """Returns the number of the candidate in view, ``None`` if it is of another search or not there."""
    of, _, number = (view_state.get("candidate") or "").rpartition(":")
    return int(number) if of == search and view_state.is_number(number) and int(number) in numbers else None


def _make_it_the_result(view: StudyInView, search: str, number: int) -> None:
    options = {**view.options, **options_of(view.cache.run(search))}
    if not view.is_current or not finds_again(search, view.key, view.study, options):
        st.caption("The study has other data or settings now than this search had.")
        return
    work_place("candidate")
    if st.button(
        "Make this candidate the result", help="Trains it in batch orders that no search has seen, on every split."
    ):
        begin("reweight", view.path, {**options, "candidate": number})
        view_state.put(search=choice_key(search, number))
        st.rerun()
    command_line("reweight", view.path, {**options, "candidate": number})
