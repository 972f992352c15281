"""Beside the form: what is still wrong, the study file, the preview, and the button that makes it."""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.job_panel import job_panel
from app.components.navigation import go_to
from app.components.plain import plain, plain_code
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.components.table import table
from app.components.training_start import train_button
from app.jobs import JobFolder, open_job, start_job
from app.workflow.drafts import of_preview, write_draft
from app.workflow.folder_browser import Roots
from app.workflow.new_study import (
    STUDY_FILE,
    Answers,
    has_study_file,
    study_values,
    toml_text,
    write_study,
)
from app.workflow.preview_view import class_counts, model_sentence, sample_table
from engine.errors import RefusedInput

_PREVIEW, _CREATED = "new_preview", "new_created"


def check_and_create(answers: Answers, allowed: Roots, found: dict[str, RefusedInput]) -> None:
    """Shows what comes of the answers.

    Args:
        answers: of the form, with their paths in full.
        allowed: where files may lie.
        found: what is wrong, by the key of the study file.
    """
    _created()
    st.subheader("Study file")
    if found:
        count = len(found)
        st.warning(
            f"{count} {'thing is' if count == 1 else 'things are'} still to be filled in or mended; each is told beside"
            " its field.",
            icon=":material/edit:",
        )
    else:
        st.success("The study file is valid.", icon=":material/check_circle:")
    folder = Path(answers.folder) if answers.folder else None
    st.code(toml_text(study_values(answers, folder)), language="toml")
    preview, create = st.columns(2)
    wrong = set(found) - {"folder", "name"}
    if preview.button(
        "Preview",
        key="preview",
        disabled=bool(wrong),
        width="stretch",
        help="Ten samples, the counts, and how the model does on 500 validation samples, before anything long starts.",
    ):
        with refusals_shown():
            draft = write_draft(answers, allowed, opened().store)
            st.session_state[_PREVIEW] = start_job(opened().store, "preview", draft, {}).id, of_preview(answers)
    exists = folder is not None and "folder" not in found and has_study_file(folder)
    replace = exists and st.checkbox("Replace the study file that is there", key="new_replace")
    if create.button(
        "Create the study",
        key="create_study",
        type="primary",
        disabled=bool(found) or (exists and not replace),
        width="stretch",
    ):
        with refusals_shown():
            file = write_study(answers, allowed, replace)
            opened().store.register_study(file)
            view_state.choose_study(str(file))
            st.session_state[_CREATED] = str(file)
            st.rerun()
    if exists and not replace:
        st.caption(f"There is a `{STUDY_FILE}` in that folder already: choose another folder, or replace it.")
    with refusals_shown():
        _preview(answers)


def _created() -> None:
    file = st.session_state.get(_CREATED)
    if file is None or view_state.get("study") != file:
        return
    st.success(f"The study was created: {plain_code(file)}. It is in view now.", icon=":material/check_circle:")
    with st.container(horizontal=True):
        train_button(Path(file), "created")
        if st.button("Open it", key="open_created"):
            go_to("ceiling")


def _preview(answers: Answers) -> None:
    job_id, of_answers = st.session_state.get(_PREVIEW, (None, None))
    if job_id is None:
        return
    st.subheader("Preview")
    if of_preview(answers) != of_answers:
        st.info("The answers have changed since the last preview. Press Preview to see what they give now.")
        return
    job: JobFolder = open_job(opened().store, job_id)
    status = job_panel(job)
    if status.result is not None:
        _shown(status.result)


def _shown(result: dict[str, Any]) -> None:
    sentence = model_sentence(result)
    if result["model_problem"]:
        st.error(plain(result["model_problem"]), icon=":material/block:")
    elif sentence:
        st.markdown(plain(sentence))
    samples = result["samples"]
    if "picture" in samples[0]:
        for start in range(0, len(samples), 5):
            for column, sample in zip(st.columns(5), samples[start : start + 5], strict=False):
                column.image(base64.b64decode(sample["picture"]), caption=plain(sample["label"]), width="content")
    else:
        table(sample_table(result), "preview_samples", "samples")
    counts: pd.DataFrame = class_counts(result)
    st.caption(f"{len(result['class_names'])} classes; samples of each by split:")
    table(counts, "preview_counts", "class counts", height=min(400, 38 * (len(counts) + 1)))
