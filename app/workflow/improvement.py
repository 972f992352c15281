"""What weights do to the next epoch: before, after and control on every split, in orders that no search has seen.

The result of a search, and of any of its candidates that a user prefers, is made here. What is delivered,
weights and checkpoint, is trained in the original batch order, in which the control of a course correction is
the epoch as it really was; what is claimed is the mean over other orders, with an interval over orders and samples.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.workflow.candidate_parts import CHECKPOINT, RESULT_SEEDS, candidate_rows, stored_weights, write_result_weights
from app.workflow.influence import stored_influence
from app.workflow.next_epochs import next_epochs, result_orders, unweighted
from app.workflow.options import COURSE_CORRECTION
from app.workflow.sentences import NO_TEST_SPLIT, reweight_sentence
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, choice_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import list_checkpoints
from engine.classes import class_indices
from engine.data import StudyData, load_data
from engine.errors import RefusedInput
from engine.models import save_checkpoint
from engine.progress import Progress, silent
from engine.reweight.comparison import paired_change
from engine.study import Study
from engine.training import Evaluation, NextEpoch, evaluate, trained_model

_OF_THE_SEARCH = ("settings", "trainings", "generations", "probes")


def choice_run(
    study: Study, store: Store, search: RunFolder, number: int, progress: Progress = silent
) -> tuple[RunFolder, bool]:
    """Returns the result of one candidate of a finished search, and whether it was there already.

    Args:
        study: that was searched, as it was resolved for the search.
        store: where runs are kept.
        search: the finished search.
        number: of the candidate.
        progress: called after every step; may raise to cancel.

    Raises:
        RefusedInput: if the search has no such candidate, if no weights were found for it, or if files change
            meanwhile.
        Cancelled: when ``progress`` raises it.
    """
    rows = {row["number"]: row for row in candidate_rows(search)}
    if number not in rows or not rows[number]["feasible"]:
        raise RefusedInput(
            f"the search has no candidate {number}" + (" that was trained" if number in rows else ""),
            "one that was trained" if number in rows else f"a number from 0 to {max(rows)}",
            "Take one from the list of candidates that `reweight --json` prints",
        )
    folder = store.run(choice_key(search.key, number))
    cached = folder.is_finished
    if not cached:
        manifest = search.manifest()
        data = load_data(study, progress)
        next_epoch = NextEpoch.from_study(study, data, manifest["epoch"])
        influence = store.run(manifest["influence"])
        weights = stored_weights(search, number)
        with folder.lock():
            if not folder.is_finished:
                made = improvement(study, folder, influence, next_epoch, data, weights, progress)
                of_search = {name: manifest[name] for name in _OF_THE_SEARCH}
                result = {
                    **made,
                    **of_search,
                    "targets": manifest["targets"],
                    "search": search.key,
                    "chosen": number,
                    "variables": rows[number]["variables"],
                }
                finish_unchanged(
                    folder,
                    result,
                    influence.key,
                    lambda: stored_influence(study, store).key,
                    "the data or the checkpoint changed while the candidate was trained",
                )
    return folder, cached


def improvement(
    study: Study,
    folder: RunFolder,
    influence: RunFolder,
    next_epoch: NextEpoch,
    data: StudyData,
    weights: NDArray[np.float32] | None,
    progress: Progress,
) -> dict[str, Any]:
    """Trains the next epoch with weights and without, writes what is delivered, and returns what is to be said of it.

    Args:
        study: its setting, targets, seed and measurement are used.
        folder: takes the weights and the checkpoint.
        influence: the run whose manifest tells the accuracy before.
        next_epoch: what is trained.
        data: of the study.
        weights: of the training samples, ``(N,)``; None where nothing was better than the control.
        progress: called after steps; may raise to cancel.

    Raises:
        RefusedInput: if a training diverges or nothing can be written.
    """
    splits = {"validation": data.validation} | ({"test": data.test} if data.test else {})
    count = len(data.train)
    used = unweighted(count, 1)[0] if weights is None else weights
    orders = result_orders(RESULT_SEEDS)
    with next_epochs(study, next_epoch, data, list(splits), progress) as epochs:
        # By itself, since in order 0 it is to be the original epoch bit for bit.
        (control,) = epochs.evaluations(unweighted(count, 1), [0])
        rows = np.concatenate([np.repeat(used[None], len(orders), axis=0), unweighted(count, len(orders))])
        compared = epochs.evaluations(rows, [*orders, *orders])
    model = next_epoch.train(used, study.seed, progress)
    after = {
        split: evaluate(model, samples, data.transform, data.num_classes, next_epoch.device)
        for split, samples in splits.items()
    }
    folder.write_tensors(CHECKPOINT, partial(save_checkpoint, model))
    write_result_weights(folder, data.train.labels.numpy(), data.class_names, weights)
    before = influence.manifest()["accuracy"]
    names, targets = list(data.class_names), class_indices(study.reweight.targets, data.class_names)
    change, interval, moved = {}, {}, {}
    for split, samples in splits.items():
        correct = np.stack([one[split].correct for one in compared])
        paired = paired_change(
            correct[: len(orders)], correct[len(orders) :], samples.labels.numpy(), data.num_classes, study.seed
        )
        change[split], interval[split] = paired.mean, paired.interval
        mean = np.mean([one[split].accuracy for one in compared[: len(orders)]], axis=0)
        moved[split] = mean - np.array(before[split], dtype=float)
    return {
        "kind": "reweight",
        "influence": influence.key,
        "study": {"name": study.name},
        "setting": study.reweight.setting,
        "class_names": names,
        "targets": targets,
        "epoch": next_epoch.epoch,
        "before": {split: before[split] for split in splits},
        "after": {split: after[split].accuracy for split in splits},
        "control": {split: control[split].accuracy for split in splits},
        "change": change,
        "interval": interval,
        "moved": moved,
        "seeds": len(orders),
        "sentence": reweight_sentence(names, targets, change, interval, moved),
        "notices": [
            *_notices(study, data, next_epoch, weights),
            *_not_repeated(study, data, next_epoch, control["validation"]),
        ],
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _notices(study: Study, data: StudyData, next_epoch: NextEpoch, weights: NDArray | None) -> list[str]:
    notices = [*data.notices, *next_epoch.notices]
    if data.test is None:
        notices.append(NO_TEST_SPLIT)
    if len(study.reweight.targets) == data.num_classes:
        notices.append("Every class is a target: none is left that could pay for a gain.")
    if weights is None:
        notices.append("No weights were better than the control: the result is the control itself.")
    return notices


def _not_repeated(study: Study, data: StudyData, next_epoch: NextEpoch, control: Evaluation) -> list[str]:
    """Says so where the epoch that is corrected was trained otherwise than its control."""
    corrected = next_epoch.epoch + 1
    if study.reweight.setting != COURSE_CORRECTION or corrected not in list_checkpoints(study):
        return []
    original, _ = trained_model(study, data, corrected)
    stored = evaluate(
        original.to(next_epoch.device), data.validation, data.transform, data.num_classes, next_epoch.device
    )
    if np.array_equal(stored.predicted, control.predicted):
        return []
    apart = 100 * float(np.nanmax(np.abs(stored.accuracy - control.accuracy)))
    return [
        f"Epoch {corrected} cannot be repeated as it was: its checkpoint and the control, trained without weights as"
        f" [training] says, differ by up to {apart:.1f} points in a class (validation). Changes are against the latter."
    ]
