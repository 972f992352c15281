"""Cards of the studies that the store knows: what each is, its verdict, and how its jobs stand."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app.components import view_state
from app.components.navigation import go_to
from app.components.plain import plain, plain_code
from app.components.refusal import refusals_shown
from app.components.server_state import keys_of, opened, study_at
from app.components.training_start import train_button
from app.workflow.catalogue import (
    StudyCard,
    StudyEntry,
    has_checkpoint,
    jobs_in_words,
    lost_entries,
    study_card,
    study_entries,
)
from app.workflow.job_list import ACTIVE, job_rows
from cache.store import Store
from engine.errors import RefusedInput

ICONS = {
    "improvable": ":material/trending_up:",
    "at_ceiling": ":material/vertical_align_top:",
    "inconclusive": ":material/help:",
    None: ":material/hourglass_empty:",
}
"""Of the verdicts, as on the Ceiling page; ``None``: none is stored."""
_COLUMNS = 2


def study_cards() -> None:
    """Shows the studies, two side by side."""
    store = opened().store
    entries = study_entries(store) + lost_entries(store)
    states = [(row.study, row.command, row.status.state) for row in job_rows(store)]
    if not entries:
        st.info("The store knows no study yet. Make one under 'New study', or open a study file in the sidebar.")
    for start in range(0, len(entries), _COLUMNS):
        for column, entry in zip(st.columns(_COLUMNS), entries[start : start + _COLUMNS], strict=False):
            jobs = [(command, state) for study, command, state in states if study == entry.path]
            with column, st.container(border=True, height="stretch"):
                _card(store, entry, jobs)


def _card(store: Store, entry: StudyEntry, jobs: Sequence[tuple[str, str]]) -> None:
    # By the study and not by its place, which is another's once one is opened or forgotten elsewhere.
    key = hashlib.sha256(str(entry.path).encode()).hexdigest()[:12]
    shipped = store.is_shipped_study(entry.path)
    in_view = ":gray-badge[in view]" if str(entry.path) == view_state.get("study") else ""
    st.markdown(f"##### {plain(entry.name)} {':gray-badge[shipped sample]' if shipped else ''} {in_view}".rstrip())
    st.caption(plain_code(entry.path))
    problem = entry.problem
    if problem is None:
        try:
            card = _read(entry)
            st.markdown(" · ".join(plain(fact) for fact in card.facts))
            st.markdown(f"{ICONS[card.verdict]} {plain(card.sentence)}")
        except RefusedInput as refusal:
            problem = str(refusal)
    if problem is not None:
        st.warning(plain(problem), icon=":material/block:")
    if words := jobs_in_words(jobs):
        st.caption(f":material/sync: Jobs: {words}")
    is_training = any(command == "train" and state in ACTIVE for command, state in jobs)
    with st.container(horizontal=True):
        if st.button("Open", key=f"card_open_{key}", type="primary", disabled=entry.problem is not None):
            view_state.choose_study(str(entry.path))
            go_to("ceiling")
        if entry.problem is None:
            train_button(entry.path, key, is_training)
        if not shipped and st.button(
            "Forget …", key=f"card_forget_{key}", help="Takes the study off this list. Its files stay."
        ):
            _confirm_forgetting(entry)


def _read(entry: StudyEntry) -> StudyCard:
    study, cache = study_at(entry.path), opened().cache
    if not has_checkpoint(study):
        card = study_card(study, None, None)
        return replace(card, sentence="The model has no checkpoint yet: train it, or name one in the study file.")
    keys = keys_of(study)
    influence, ceiling = (cache.run(key) if cache.has_run(key) else None for key in (keys.influence, keys.ceiling))
    return study_card(study, influence, ceiling)


@st.dialog("Forget this study?")
def _confirm_forgetting(entry: StudyEntry) -> None:
    st.markdown(f"**{plain(entry.name)}** at {plain_code(entry.path)}")
    st.write(
        "It is taken off the list of studies. Nothing is deleted: its files, its stored runs and its jobs stay, and"
        " opening the study file again brings it back."
    )
    forget, keep = st.columns(2)
    if forget.button("Forget it", key="confirm_forget", type="primary"):
        with refusals_shown():
            opened().store.forget_study(entry.path)
            if view_state.get("study") == str(entry.path):
                view_state.choose_study(None)
            st.rerun()
    if keep.button("Keep it", key="keep_study"):
        st.rerun()
