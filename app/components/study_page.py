"""What every page needs first: the study in view, its runs, and a way to compute them."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components import view_state
from app.components.copy_link import copy_link
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.navigation import go_to
from app.components.plain import plain
from app.components.report_button import report_button
from app.components.server_state import keys_of, opened, study_at
from app.components.study_in_view import StudyInView
from app.components.work_place import work_place
from app.workflow.catalogue import RunKeys
from app.workflow.run_in_view import run_in_view
from engine.classes import class_indices
from engine.errors import RefusedInput
from engine.study import Study


def opened_study(question: str) -> tuple[Path, Study]:
    """Shows the page's head and returns the study, of which nothing need be stored; ends the page without one.

    Args:
        question: what the page answers; its title.

    Returns:
        The path of the study file, and its settings.

    Raises:
        RefusedInput: if the study cannot be used.
    """
    path, study, _ = _opened(question)
    return path, study


def _opened(question: str) -> tuple[Path, Study, DeltaGenerator]:
    """Returns the study of :func:`opened_study`, and the place in the page's head that is kept for its report."""
    title, link, report = st.columns([5, 1, 1], vertical_alignment="bottom")
    title.title(question)
    with link:
        copy_link()
    entry = st.session_state["entry"]
    if entry is None:
        st.info("No study is open. Give the path of a study file in the sidebar.")
        if st.button("What is this? Read the introduction"):
            go_to("introduction")
        st.stop()
    return entry.path, study_at(entry.path), report


def study_in_view(question: str) -> StudyInView:
    """Shows the page's head and returns the study; ends the page where nothing is stored yet.

    Args:
        question: what the page answers; its title.

    Raises:
        RefusedInput: if the study or its files cannot be used.
    """
    path, study, report = _opened(question)
    cache = opened().cache
    keys = keys_of(study)
    chosen = view_state.get("run")
    options: dict[str, Any] = {}
    is_current = True
    if chosen is not None and chosen != keys.influence:
        found = run_in_view(study, chosen, cache, keys_of)
        if found is None:
            st.warning("The link names a run that is not in this store. Shown is what the study file asks for now.")
            view_state.put(run=None)
        else:
            study, keys, options, is_current = found.study, found.keys, found.options, found.is_current
            _another_run(cache.run(keys.influence), is_current)
    if not (cache.has_run(keys.influence) and cache.has_run(keys.ceiling)):
        _compute(study, path, keys, options, is_current)
        st.stop()
    view = StudyInView(
        path, study, keys.influence, cache.run(keys.influence), cache.run(keys.ceiling), cache, options, is_current
    )
    view_state.suggest_targets(_suggested(view), view.names)
    st.session_state["place_of_run"].caption(
        f"Run: epoch {view.influence['epoch']}, {view.influence['created'][:16].replace('T', ' ')}"
    )
    with report:
        report_button(view)
    return view


def _suggested(view: StudyInView) -> tuple[int, ...]:
    try:
        return tuple(class_indices(view.study.reweight.targets, view.names))
    except RefusedInput:
        if view.is_current:
            raise
        # The study's file may be of other classes now than the run that is looked at.
        return ()


def _another_run(manifest: dict[str, Any], is_current: bool) -> None:
    words, back = st.columns([4, 1], vertical_alignment="center")
    words.info(
        f"Shown is the run of epoch {manifest['epoch']}, computed {manifest['created'][:16].replace('T', ' ')}."
        + ("" if is_current else " Data or settings have changed since: it can be looked at, but not worked on.")
    )
    if back.button("Show the study's own", width="stretch"):
        view_state.put(run=None)
        st.rerun()


def _compute(study: Study, path: Path, keys: RunKeys, options: dict[str, Any], is_current: bool) -> None:
    if not is_current:
        st.info("No verdict is stored for this run, and none can be computed from data that have changed.")
        return
    for key in (keys.influence, keys.ceiling):
        if key in opened().cache.refused:
            st.warning(f"A stored result is left out: {plain(opened().cache.refused[key])}")
    job = job_in_view("ceiling", path)
    if job is not None and job_panel(job).state in ("waiting", "running"):
        return
    st.info(
        f"'{plain(study.name)}' has no stored result for its data, checkpoint and settings as they are now."
        " Computing one takes about as long as a few training epochs."
    )
    work_place("ceiling")
    if st.button("Compute influence and verdict", type="primary"):
        begin("ceiling", path, options)
        st.rerun()
