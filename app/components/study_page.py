"""What every page needs first: the study in view, its runs, and a way to compute them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from app.components import view_state
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.navigation import go_to
from app.components.server_state import keys_of, opened, study_at
from app.workflow.catalogue import RunKeys
from cache import Cache
from cache.manifests import measurement_of
from engine.classes import class_indices
from engine.judged_by import Measurement
from engine.study import Study


@dataclass(frozen=True)
class StudyInView:
    """A study whose influence and verdict are stored.

    Attributes:
        path: of the study file.
        study: its settings.
        key: of its influence run.
        influence: manifest of that run.
        ceiling: manifest of its ceiling run.
        cache: answers every query.
    """

    path: Path
    study: Study
    key: str
    influence: dict[str, Any]
    ceiling: dict[str, Any]
    cache: Cache

    @property
    def names(self) -> list[str]:
        """The class names, in class order."""
        return self.influence["class_names"]

    @property
    def measurement(self) -> Measurement:
        """What the classes are judged by."""
        return measurement_of(self.influence)


def study_in_view(question: str) -> StudyInView:
    """Shows the page's head and returns the study; ends the page where nothing is stored yet.

    Args:
        question: what the page answers; its title.

    Raises:
        RefusedInput: if the study or its files cannot be used.
    """
    st.title(question)
    entry = st.session_state["entry"]
    if entry is None:
        st.info("No study is open. Give the path of a study file in the sidebar.")
        if st.button("What is this? Read the introduction"):
            go_to("introduction")
        st.stop()
    study = study_at(entry.path)
    keys = keys_of(study)
    cache = opened().cache
    if not (cache.has_run(keys.influence) and cache.has_run(keys.ceiling)):
        _compute(study, entry.path, keys)
        st.stop()
    view = StudyInView(entry.path, study, keys.influence, cache.run(keys.influence), cache.run(keys.ceiling), cache)
    view_state.suggest_targets(class_indices(study.reweight.targets, view.names), view.names)
    return view


def _compute(study: Study, path: Path, keys: RunKeys) -> None:
    for key in (keys.influence, keys.ceiling):
        if key in opened().cache.refused:
            st.warning(f"A stored result is left out: {opened().cache.refused[key]}")
    job = job_in_view("ceiling", path)
    if job is not None and job_panel(job).state in ("waiting", "running"):
        return
    st.info(
        f"'{study.name}' has no stored result for its data, checkpoint and settings as they are now."
        " Computing one takes about as long as a few training epochs."
    )
    if st.button("Compute influence and verdict", type="primary"):
        begin("ceiling", path, {})
        st.rerun()
