"""The training samples of the run in view, as they are stored: where they are still those of the run."""

from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components.reading import reading_shown
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.jobs.read_apart import DATA_SECONDS, in_turn, read_apart
from app.workflow.text_lines import shortened, written_length
from app.workflow.thumbnails import thumbnail
from cache.shown_samples import ShownSamples, ShownTexts
from engine.errors import RefusedInput

_REMEMBERED = timedelta(minutes=1)


class _NotKept(Exception):
    """The samples of a run have to be read."""


def samples_in_view(view: StudyInView) -> ShownSamples:
    """Returns the training samples; they are read the first time that anybody looks at one, and kept.

    Raises:
        RefusedInput: if the data can no longer be read, or have changed since the run.
    """
    _refuse_changed(view)
    modality, samples = view.study.data.modality, sum(view.influence["counts"]["train"])
    with suppress(_NotKept):
        return _kept(view.key, modality, samples)
    refused = _refused(view.key)
    if not refused:
        with reading_shown("Reading the study's data") as progress, in_turn(_turn(view.key), progress):
            # Whoever came first has read them by now.
            with suppress(_NotKept):
                return _kept(view.key, modality, samples)
            try:
                read_apart("samples", _asked(view, samples), DATA_SECONDS, progress)
                return _kept(view.key, modality, samples)
            except _NotKept:
                refused.append(RefusedInput("the samples were gone again", "a store that is left alone", "Look again"))
            except RefusedInput as refusal:
                refused.append(refusal)
    raise refused[0]


def _asked(view: StudyInView, samples: int) -> dict[str, Any]:
    store = opened().store
    return {
        "study": str(view.path.resolve()),
        "options": view.options,
        "key": view.key,
        "store": str(store.root),
        "shipped": None if store.samples is None else str(store.samples),
        "samples": samples,
    }


@st.cache_resource(show_spinner=False, max_entries=16)
def _kept(key: str, modality: str, samples: int) -> ShownSamples:
    for folder in opened().store.shown(key):
        found = ShownSamples.opened(folder, modality, samples)
        if found is not None:
            return found
    # Raised, since it is not to be remembered.
    raise _NotKept


@st.cache_resource(show_spinner=False, max_entries=256)
def _turn(key: str) -> Lock:
    """Returns what lets the samples of a run be read once, however many look at them."""
    return Lock()


@st.cache_resource(show_spinner=False, ttl=_REMEMBERED)
def _refused(key: str) -> list[RefusedInput]:
    """Returns where it is noted why samples cannot be read: each table and picture of a page would ask anew."""
    return []


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
    rows = [kept.inputs[int(index)] for index in samples]
    if view.study.data.modality == "image":
        sizes = [None] * len(rows) if kept.sizes is None else kept.sizes[samples]
        shown.insert(1, "picture", [thumbnail(row, size) for row, size in zip(rows, sizes, strict=True)])
    else:
        shown["values"] = [
            ", ".join(f"{value:.3g}" for value in row[:8]) + (", …" if len(row) > 8 else "") for row in rows
        ]
