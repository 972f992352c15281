"""From ``[influence] damping = "calibrated"`` to the damping that it stands for."""

from typing import Any

from app.workflow.datamodelling import Comparison, datamodelling_run
from cache.store import Store
from engine.data import StudyData, load_data
from engine.experiments.halves_options import SEEDS, SUBSETS
from engine.progress import Progress, silent
from engine.study import Study

CALIBRATION = Comparison(SUBSETS, SEEDS, all_strategies=False)
"""What a damping is chosen by; a result that depends on it would be another with other numbers."""


def calibrated_study(study: Study, store: Store, data: StudyData, progress: Progress = silent) -> Study:
    """Returns the study with the damping that predicts trainings best, where it asks for that; else as it is.

    Args:
        study: the study.
        store: where the calibration is kept; it is computed where it is missing.
        data: of the study.
        progress: called after every step; may raise to cancel.

    Raises:
        RefusedInput: if the checkpoint cannot be used or a training diverges.
        Cancelled: when ``progress`` raises it; finished trainings are kept.
    """
    if study.influence.damping != "calibrated":
        return study
    if study.influence.strategy == "identity":
        # There is no curvature to damp: no training could tell one damping from another.
        return study.with_changes(influence={"damping": "training"})
    folder, _ = datamodelling_run(study, store, data, CALIBRATION, progress)
    return study.with_changes(influence={"damping": folder.manifest()["calibrated"]["damping"]})


def calibrate(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Finds the damping that best predicts some real trainings of the study.

    Args:
        study: the study.
        store: where runs are kept.
        options: none are known.
        progress: called after every step; may raise to cancel.

    Returns:
        The object that ``calibrate --json`` prints: ``damping`` (the best), ``score``, ``heuristic`` (mean scores over
        classes), ``gain`` (over the heuristic, cross-fitted), ``candidates``, ``in_use`` (the study's own damping).

    Raises:
        RefusedInput: if data, checkpoint or settings cannot be used.
        Cancelled: when ``progress`` raises it; finished trainings are kept.
    """
    folder, cached = datamodelling_run(study, store, load_data(study, progress), CALIBRATION, progress)
    manifest = folder.manifest()
    return {
        "run": folder.key,
        "cached": cached,
        **manifest["calibrated"],
        "in_use": study.influence.damping,
        "candidates": manifest["candidates"],
        "class_names": manifest["class_names"],
        "ceiling": manifest["ceiling"],
        "trainings": manifest["subsets"] * manifest["seeds"],
        "sentence": manifest["calibration_sentence"],
        "notices": manifest["notices"],
    }
