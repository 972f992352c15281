"""The use-case behind ``train``: a study's model from scratch, a checkpoint each epoch."""

import math
from typing import Any

from cache.store import Store
from engine.data import load_data
from engine.influence import planned
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import train
from engine.training.stored_state import untrained_model


def train_model(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Trains the study's model and writes its checkpoints.

    Args:
        study: the study.
        store: not used; every use-case is called alike.
        options: ``overwrite``: whether existing checkpoints may be replaced.
        progress: called after every batch.

    Returns:
        The object that ``train --json`` prints.

    Raises:
        RefusedInput: if the data cannot be used, checkpoints are there already, or influence could
            not be computed through the model.
        Cancelled: when ``progress`` raises it.
    """
    data = load_data(study, progress)
    # Influence is what the training is for: what it would refuse is refused now, not after hours.
    planned(study, data, untrained_model(study, data))
    history = train(study, data, progress, overwrite=bool(options.get("overwrite")))
    return {
        "checkpoints": str(study.checkpoints_path),
        "class_names": list(history.class_names),
        "per_class_accuracy": [
            {"validation": _told(record.validation), "test": _told(record.test)} for record in history.epochs
        ],
        "epoch_seconds": [record.seconds for record in history.epochs],
    }


def _told(accuracy: list[float] | None) -> list[float | None] | None:
    """Returns the accuracies as JSON has them: a class without samples has none."""
    return None if accuracy is None else [None if math.isnan(value) else value for value in accuracy]
