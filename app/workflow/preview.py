"""A look at a study before anything long starts: ten samples, counts, and how its model does on a few."""

from typing import Any

import numpy as np

from app.workflow.catalogue import has_checkpoint
from app.workflow.text_lines import shortened, written_length
from app.workflow.thumbnails import encoded
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import Excerpt, Samples, load_excerpt
from engine.errors import RefusedInput
from engine.progress import Progress, silent
from engine.study import Study
from engine.training.evaluation import evaluate
from engine.training.stored_state import trained_model

SHOWN = 10
"""Samples that are shown."""
JUDGED = 500
"""Validation samples that the model is tried on at most."""
_DRAWN = 200
_SIDE = 96
_COLUMNS = 12


def preview(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Reads a few samples of a study, counts all, and tries its checkpoint where there is one.

    Args:
        study: the study.
        store: not used; every use-case is called alike.
        options: none.
        progress: called while samples are read and judged.

    Returns:
        ``class_names``, ``counts`` (by split, samples of each class), ``samples`` (each with ``source``, ``label``
        and ``picture`` as PNG in base64, ``values``, or ``text`` with its ``length``), ``columns``: names of these
        values, ``model`` (``accuracy``, ``samples``, ``epoch``) or ``None``, and ``model_problem``: why there is none.

    Raises:
        RefusedInput: if the data cannot be used.
        Cancelled: when ``progress`` raises it.
    """
    excerpt = load_excerpt(study, {"train": _DRAWN, "validation": JUDGED}, progress)
    model, problem = _tried(study, excerpt, progress)
    shown = _of_many_classes(excerpt.data.train)
    return {
        "class_names": list(excerpt.data.class_names),
        "counts": {split: counts.tolist() for split, counts in excerpt.counts.items()},
        "samples": [_sample(excerpt, index) for index in shown],
        "columns": [] if excerpt.data.train.texts is not None else list(excerpt.data.columns[:_COLUMNS]),
        "model": model,
        "model_problem": problem,
    }


def _of_many_classes(samples: Samples) -> list[int]:
    """Returns the places of the samples to show: one of each class, then a second of each, and so on."""
    labels = samples.labels.numpy()
    turn = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    return [int(place) for place in np.lexsort((labels, turn))[:SHOWN]]


def _sample(excerpt: Excerpt, index: int) -> dict[str, Any]:
    train = excerpt.data.train
    told: dict[str, Any] = {"source": train.sources[index], "label": excerpt.data.class_names[int(train.labels[index])]}
    if train.texts is not None:
        length = f"{written_length(int(train.texts.lengths[index]), train.texts.most)} {train.texts.unit}"
        return told | {"text": shortened(train.texts.values[index]), "length": length}
    inputs = train.inputs[index]
    if inputs.ndim == 3:
        size = None if train.sizes is None else train.sizes[index]
        return told | {"picture": encoded(inputs.numpy(), _SIDE, size)}
    return told | {"values": [float(value) for value in inputs[:_COLUMNS]]}


def _tried(study: Study, excerpt: Excerpt, progress: Progress) -> tuple[dict[str, Any] | None, str | None]:
    if not has_checkpoint(study):
        return None, None
    try:
        epoch, _ = chosen_checkpoint(study)
        model, notices = trained_model(study, excerpt.data, epoch)
    except RefusedInput as refusal:
        # The samples are worth seeing all the same: they may show what is wrong.
        return None, str(refusal)
    data = excerpt.data
    result = evaluate(model, data.validation, data.transform, data.num_classes, progress=progress)
    accuracy = float(result.correct.mean())
    return {"accuracy": accuracy, "samples": len(data.validation), "epoch": epoch, "notices": list(notices)}, None
