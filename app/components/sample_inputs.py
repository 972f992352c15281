"""The training samples of the run in view, as they are stored: where they are still those of the run."""

from typing import Any

import numpy as np
import pandas as pd

from app.components.run_views import training_columns, training_samples
from app.components.study_in_view import StudyInView
from app.workflow.text_lines import shortened, written_length
from app.workflow.thumbnails import thumbnail
from engine.errors import RefusedInput


def samples_in_view(view: StudyInView) -> Any:
    """Returns the training samples (:class:`engine.data.samples.Samples`).

    Raises:
        RefusedInput: if the data can no longer be read, or have changed since the run.
    """
    _refuse_changed(view)
    return training_samples(view.study, view.key)


def _refuse_changed(view: StudyInView) -> None:
    if not view.is_current:
        raise RefusedInput(
            "the data or settings of the study have changed since this run, so its samples cannot be shown",
            "the data that the run was computed on",
            "Bring them back, or look at the study's own run",
        )


def input_columns_in_view(view: StudyInView) -> tuple[str, ...]:
    """Returns what the values of a table row are called, where :func:`samples_in_view` has rows.

    Raises:
        RefusedInput: if the data can no longer be read.
    """
    return training_columns(view.study, view.key)


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
        texts = samples_in_view(view).texts.take(np.asarray(samples))
        shown.insert(1, "text", [shortened(text) for text in texts.values])
        shown.insert(2, texts.unit, [written_length(int(length), texts.most) for length in texts.lengths])
        return
    chosen = samples_in_view(view).take(np.asarray(samples))
    rows = chosen.inputs.numpy()
    if view.study.data.modality == "image":
        sizes = [None] * len(rows) if chosen.sizes is None else chosen.sizes
        shown.insert(1, "picture", [thumbnail(row, size) for row, size in zip(rows, sizes, strict=True)])
    else:
        shown["values"] = [
            ", ".join(f"{value:.3g}" for value in row[:8]) + (", …" if len(row) > 8 else "") for row in rows
        ]
