"""The training samples of the run in view, as they are stored: where they are still those of the run."""

import numpy as np
import pandas as pd
import streamlit as st

from app.components.reading import read_in_view
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.jobs.read_apart import DATA_SECONDS
from app.workflow.text_lines import shortened, written_length
from app.workflow.thumbnails import thumbnail
from cache.shown_samples import ShownSamples, ShownTexts
from engine.errors import RefusedInput


def samples_in_view(view: StudyInView) -> ShownSamples:
    """Returns the training samples; they are read the first time that anybody looks at one, and kept.

    Raises:
        RefusedInput: if the data can no longer be read, or have changed since the run.
    """
    _refuse_changed(view)
    modality, samples = view.study.data.modality, sum(view.influence["counts"]["train"])
    try:
        return _kept(view.key, modality, samples)
    except LookupError:
        store = opened().store
        asked = {
            "study": str(view.path.resolve()),
            "options": view.options,
            "key": view.key,
            "store": str(store.root),
            "shipped": None if store.samples is None else str(store.samples),
            "samples": samples,
        }
        read_in_view("samples", asked, "Reading the study's data", DATA_SECONDS)
    return _kept(view.key, modality, samples)


@st.cache_resource(show_spinner=False, max_entries=16)
def _kept(key: str, modality: str, samples: int) -> ShownSamples:
    for folder in opened().store.shown(key):
        found = ShownSamples.opened(folder, modality, samples)
        if found is not None:
            return found
    # Raised, since it is not to be remembered.
    raise LookupError(f"the samples of run {key} are not kept yet")


def _refuse_changed(view: StudyInView) -> None:
    if not view.is_current:
        raise RefusedInput(
            "the data or settings of the study have changed since this run, so its samples cannot be shown",
            "the data that the run was computed on",
            "Bring them back, or look at the study's own run",
        )


def texts_in_view(view: StudyInView) -> ShownTexts:
    """Returns the texts of :func:`samples_in_view`, where the study has texts.

    Raises:
        RefusedInput: as there.
    """
    texts = samples_in_view(view).texts
    if texts is None:
        raise TypeError("the samples of this study are no texts")
    return texts


def add_inputs(shown: pd.DataFrame, view: StudyInView, samples: np.ndarray) -> None:
    """Adds to a table what its samples are: pictures or texts behind its first column, first values of rows at its end.

    Args:
        shown: a row a sample; is changed.
        view: the run in view.
        samples: their indices.

    Raises:
        RefusedInput: if the data can no longer be read, or have changed since the run.
    """
    if view.study.data.modality == "text":
        texts = texts_in_view(view)
        shown.insert(1, "text", [shortened(texts[index]) for index in samples])
        shown.insert(2, texts.unit, [written_length(int(texts.lengths[index]), texts.most) for index in samples])
        return
    kept = samples_in_view(view)
    rows = kept.inputs[samples]
    if view.study.data.modality == "image":
        sizes = [None] * len(rows) if kept.sizes is None else kept.sizes[samples]
        shown.insert(1, "picture", [thumbnail(row, size) for row, size in zip(rows, sizes, strict=True)])
    else:
        shown["values"] = [
            ", ".join(f"{value:.3g}" for value in row[:8]) + (", …" if len(row) > 8 else "") for row in rows
        ]
