"""Which classes the verdict is about: all, or some alone; a verdict that is not stored is computed as a job."""

from dataclasses import replace

import streamlit as st

from app.components import view_state
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.plain import plain
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.components.work_place import work_place
from cache.fingerprints import ceiling_key

_CHOICE = "judged_classes"


def of_judged_classes(view: StudyInView) -> StudyInView:
    """Returns the view with the verdict on the chosen classes; with that on all where the chosen one is not stored."""
    key = _key(view)
    return view if key is None or not view.cache.has_run(key) else replace(view, ceiling=view.cache.run(key))


def judged_picker(view: StudyInView) -> None:
    """Shows which classes are judged, and the start or the progress of a verdict that is not stored.

    Args:
        view: as :func:`of_judged_classes` returned it.
    """
    names = view.names
    judged = view_state.judged(names)
    st.session_state[_CHOICE] = [names[k] for k in judged or ()]
    st.multiselect(
        "Judge only some classes",
        names,
        key=_CHOICE,
        on_change=lambda: view_state.set_judged([names.index(name) for name in st.session_state[_CHOICE]], names),
        placeholder="All classes",
        help="Asks whether these can improve together, without regard to the others; what the others lose is shown.",
    )
    if judged is None:
        return
    chosen = [names[k] for k in judged]
    if view.ceiling["classes"] == chosen:
        st.caption(f"Judged: {plain(', '.join(chosen))}. The other {len(names) - len(chosen)} were left free.")
        return
    key = _key(view)
    if key in opened().cache.refused:
        st.warning(f"A stored result is left out: {plain(opened().cache.refused[key])}")
    job = job_in_view("ceiling", view.path)
    ours = job is not None and job.request().options.get("classes") == chosen
    if job is not None and ours and job_panel(job).state in ("waiting", "running"):
        return
    if not view.is_current:
        st.info("No verdict on these classes is stored for this run, whose data or settings have changed since.")
        return
    st.info(f"The verdict above is of all classes. That of {plain(', '.join(chosen))} alone is not computed yet.")
    work_place("judged")
    if st.button("Judge these classes", help="About as long as a few training epochs."):
        begin("ceiling", view.path, {**view.options, "classes": chosen})
        st.rerun()


def _key(view: StudyInView) -> str | None:
    """Returns the key of the verdict on the chosen classes, ``None`` where all are judged."""
    judged = view_state.judged(view.names)
    return None if judged is None else ceiling_key(view.key, view.study, judged)
