"""The use-case behind ``probe``: a few real epochs that say how large predicted changes really are.

Probes belong to a checkpoint and not to a choice of targets, so they are a run of their own: every
search from the checkpoint begins with them, and the sliders are calibrated by them before any search.
"""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.workflow.influence import fold_counts, fold_rows, influence_run, stored_influence
from app.workflow.next_epochs import next_epochs, unweighted
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, probe_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import StudyData, load_data
from engine.frontier import pool_folds
from engine.progress import Progress, silent
from engine.reweight.calibration import calibration, measured_gains, probe_weights
from engine.study import Study
from engine.training import NextEpoch


def probe(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Trains probe epochs and compares them with what influence predicts.

    Args:
        study: the study.
        store: where runs are kept.
        options: none are known.
        progress: called after every step; may raise to cancel.

    Returns:
        The object that ``probe --json`` prints: ``factor``, ``error``, ``spearman``, ``pairs``,
        ``predicted`` and ``measured`` (gains by pair and class, per cent of the class's scale),
        ``seconds_per_epoch`` (wall time of a training, side by side where that is done).

    Raises:
        RefusedInput: if data, checkpoint or settings cannot be used.
        Cancelled: when ``progress`` raises it.
    """
    data = load_data(study, progress)
    influence, _ = influence_run(study, store, progress, data)
    folder, cached = probe_run(study, store, influence, data, progress)
    told = {key: value for key, value in folder.manifest().items() if key not in ("kind", "result_version", "key")}
    return {"run": folder.key, "cached": cached, **told}


def probe_run(
    study: Study, store: Store, influence: RunFolder, data: StudyData, progress: Progress = silent
) -> tuple[RunFolder, bool]:
    """Returns the finished probes of an influence run, and whether they were there already.

    Raises:
        RefusedInput: if the checkpoint cannot be used, a training diverges, or data or checkpoint change meanwhile.
        Cancelled: when ``progress`` raises it.
    """
    folder = store.run(probe_key(influence.key))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                finish_unchanged(
                    folder,
                    _probed(study, influence, data, progress),
                    influence.key,
                    lambda: stored_influence(study, store).key,
                    "the data or the checkpoint changed during the probe epochs",
                )
    return folder, cached


def _probed(study: Study, influence: RunFolder, data: StudyData, progress: Progress) -> dict[str, Any]:
    next_epoch = NextEpoch.from_study(study, data, chosen_checkpoint(study)[0])
    weights = probe_weights(data.train.labels.numpy(), seed=study.seed)
    vectors = pool_folds(fold_rows(influence, "epoch"), fold_counts(influence))
    # Both of a pair in one batch order, and every pair in another.
    orders = np.arange(len(weights)) // 2
    with next_epochs(study, next_epoch, data, ["validation"], progress) as epochs:
        (control,) = epochs.evaluations(unweighted(len(data.train), 1), [0])
        began = time.perf_counter()
        values = np.stack([one.value for one in epochs.validated(weights, orders.tolist())])
        seconds = (time.perf_counter() - began) / len(weights)
    predicted = (weights[0::2].astype(np.float64) - 1) @ vectors / len(vectors)
    # The control's scale, not the start's: gains of a search are told against the control.
    scale = np.maximum(control["validation"].scale, 1e-12)
    found = calibration(predicted, values, scale)
    return {
        "kind": "probe",
        "influence": influence.key,
        "study": {"name": study.name},
        "class_names": list(data.class_names),
        "measurement": study.influence.measurement,
        **asdict(found),
        "predicted": 100 * predicted / scale,
        "measured": 100 * measured_gains(values, scale),
        "scale": scale,
        "seconds_per_epoch": seconds,
        "notices": list(next_epoch.notices),
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
