"""Above the form: a folder to look at, which fills the form in and says why, and what could not be told."""

from dataclasses import fields
from typing import Any

import pandas as pd
import streamlit as st

from app.components.path_field import browse_button
from app.components.plain import plain
from app.components.reading import read_in_view
from app.components.refusal import refusals_shown
from app.components.study_fields import Draft, set_field
from app.components.table import table
from app.workflow.folder_browser import Roots
from app.workflow.new_study import Answers

_TOLD = "new_folder_told"
_FOLDER = "new_looked_folder"


def look_at_folder(draft: Draft, allowed: Roots) -> None:
    """Shows the field for a folder, and what the last look at one told.

    Args:
        draft: the answers, which a look fills in.
        allowed: where files may lie.
    """
    # The browser hands a folder over under the key of the field that it was opened for.
    draft.pop(_FOLDER.removeprefix("new_"), None)
    with st.container(border=True):
        text, browse, look = st.columns([5, 1, 2], vertical_alignment="bottom")
        with text:
            st.text_input(
                "Begin with a folder",
                key=_FOLDER,
                placeholder="a folder with your data, and your trained model if there is one",
                help="What lies there is looked at, none of its code runs, and what that tells is filled in."
                " Going on to something else meanwhile ends the look.",
            )
        with browse:
            browse_button("A folder with your data", "Browse", _FOLDER, True)
        if look.button(
            "Look at the folder", key="look_at_folder", disabled=not st.session_state[_FOLDER], width="stretch"
        ):
            st.session_state.pop(_TOLD, None)
            with refusals_shown():
                st.session_state[_TOLD] = _filled_in(draft, allowed)
        if _TOLD in st.session_state:
            _show(st.session_state[_TOLD])


def _filled_in(draft: Draft, allowed: Roots) -> dict[str, Any]:
    """Looks at the folder and fills the whole form in: what stood there before belongs to other data."""
    folder = allowed.existing(st.session_state[_FOLDER], folder=True)
    told = read_in_view("folder", {"folder": str(folder)}, "Looking at the folder")
    answers = told["answers"]
    for field in fields(Answers):
        value = answers.get(field.name, field.default)
        set_field(draft, field.name, list(value) if isinstance(value, tuple) else value)
    if draft["train"]:
        # Else the form would propose anew, as it does for every file that it has not seen.
        train = allowed.existing(draft["train"], folder=None)
        st.session_state["new_looked_at"] = train, (draft["format"], draft["delimiter"] or None)
    return told


def _show(told: dict[str, Any]) -> None:
    """Shows what could not be told, and the reasons for what was."""
    if told["unknown"]:
        st.markdown("**What the folder does not tell**")
        st.markdown("\n".join(f"- {plain(_sentence(one))}" for one in told["unknown"]))
    if told["without"]:
        keys = ", ".join(told["without"])
        st.warning(
            f"The form has no field for {plain(keys)}: write the study file by `python -m app init` instead.",
            icon=":material/edit:",
        )
    with st.expander(f"Why: {len(told['inferred'])} keys with their reasons"):
        rows = [{"key": one["key"], "value": str(one["value"]), "why": one["why"]} for one in told["inferred"]]
        table(pd.DataFrame(rows), "folder_reasons", "reasons")


def _sentence(one: dict[str, str]) -> str:
    return f"{one['what'][:1].upper()}{one['what'][1:]}: {one['why']}. {one['remedy']}."
