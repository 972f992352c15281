"""The use-case behind ``reweight``: all classes at once, or thresholds → weights → one more epoch → before and after.

Direct Improvement starts from the analysed checkpoint, Course Correction from the one before a detrimental
epoch; from there both are one: a genetic search tries thresholds, a linear programme turns them into weights, and
what a candidate is worth is told by training the next epoch with them, against the same epoch without.
"""

from typing import Any

from app.workflow.all_classes import all_classes_run
from app.workflow.candidate_parts import CHECKPOINT, WEIGHTS, candidate_rows
from app.workflow.correction import corrected_study
from app.workflow.improvement import choice_run
from app.workflow.influence import influence_run, stored_influence
from app.workflow.options import ALL_CLASSES, COURSE_CORRECTION
from app.workflow.search_run import searched
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import reweight_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.classes import class_indices
from engine.data import load_data
from engine.errors import RefusedInput
from engine.progress import Progress, silent
from engine.reweight.thresholds import slack_by_class
from engine.study import Study


def reweight(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Finds weights that improve the target classes, or all at once, and trains with them.

    Args:
        study: the study; ``[reweight] targets`` names the classes to improve, and ``setting`` says how. Course
            correction needs neither targets nor an epoch: what the checkpoints' history leaves open is taken from it.
        store: where runs are kept.
        options: ``candidate``: the number of one that becomes the result in place of the fittest; changes of the
            study come with the study.
        progress: called after every step and candidate.

    Returns:
        The object that ``reweight --json`` prints. ``before`` is of the checkpoint that training starts from,
        ``after`` of the delivered one and ``control`` of the one trained like it without weights (course
        correction: the original epoch); ``change`` and ``interval`` compare after with control over several batch
        orders that the search has not seen (all classes: trainings from scratch), as shares of accuracy.

    Raises:
        RefusedInput: if data, checkpoint, targets or settings cannot be used, if files change meanwhile, or if no
            candidate has the number.
        Cancelled: when ``progress`` raises it; finished generations are kept.
    """
    number = options.get("candidate")
    if study.reweight.setting == ALL_CLASSES:
        if number is not None:
            raise RefusedInput(
                f"candidate {number} is asked for of setting = 'all_classes'",
                "a candidate of a search, which all classes at once have none of",
                "Leave out --candidate, or the setting",
            )
        folder, cached = all_classes_run(study, store, progress)
        return _told(folder, cached)
    if study.reweight.setting == COURSE_CORRECTION:
        study = corrected_study(study, store, progress)
    search, cached = _search_run(study, store, progress)
    folder = search
    if number is not None:
        folder, cached = choice_run(study, store, search, int(number), progress)
    return {**_told(folder, cached), "candidates": candidate_rows(search)}


def _told(folder: RunFolder, cached: bool) -> dict[str, Any]:
    manifest = folder.manifest()
    return {
        "run": folder.key,
        "cached": cached,
        **{key: value for key, value in manifest.items() if key not in ("kind", "result_version", "key")},
        "weights": str(folder.path / WEIGHTS),
        "checkpoint": str(folder.path / CHECKPOINT),
    }


def _search_run(study: Study, store: Store, progress: Progress) -> tuple[RunFolder, bool]:
    """Returns the finished search of a study, and whether it was there already."""
    if not study.reweight.targets:
        raise RefusedInput("no target class is named", "at least one class", "Give --targets or [reweight] targets")
    influence = stored_influence(study, store)
    data = None if influence.is_finished else load_data(study, progress)
    names = influence.manifest()["class_names"] if data is None else list(data.class_names)
    # Names are checked now, and not after the hours that influence may take.
    targets = tuple(sorted(class_indices(study.reweight.targets, names)))
    slack_by_class(study.reweight.slack, names)
    influence, _ = influence_run(study, store, progress, data)
    # One run however the classes were written, and in which order; pages name them like this too.
    study = study.with_changes(reweight={"targets": [names[k] for k in targets]})
    folder = store.run(reweight_key(influence.key, study))
    cached = folder.is_finished
    if not cached:
        data = data or load_data(study, progress)
        with folder.lock():
            if not folder.is_finished:
                finish_unchanged(
                    folder,
                    searched(study, store, folder, influence, data, progress),
                    influence.key,
                    lambda: stored_influence(study, store).key,
                    "the data or the checkpoint changed during the search",
                )
    return folder, cached
