"""Course correction: which epoch is trained again, and for which classes.

A detrimental epoch is one after which some class is worse by more than noise. It is corrected from the
checkpoint before it, and its control is the epoch as it was, so beyond where it starts it is a direct improvement.
"""

from app.workflow.epochs import epochs_run
from cache.store import Store
from engine.checkpoints import list_checkpoints
from engine.classes import class_indices
from engine.errors import RefusedInput
from engine.progress import Progress, silent
from engine.study import Study


def corrected_study(study: Study, store: Store, progress: Progress = silent) -> Study:
    """Returns the study with the epoch that a correction starts from, and its targets.

    ``[model] epoch`` is the checkpoint before the epoch that is corrected, and ``[reweight] targets`` are the
    classes it is corrected for. What is not given is taken from the checkpoints: the worst detrimental epoch
    that fits, and the classes that it cost.

    Args:
        study: with ``setting = "course_correction"``.
        store: where the evaluation of the checkpoints is kept.
        progress: called after every batch; may raise to cancel.

    Raises:
        RefusedInput: if nothing fits, or there are not two checkpoints one after the other.
        Cancelled: when ``progress`` raises it.
    """
    epoch, targets = study.model.epoch, study.reweight.targets
    if epoch is not None and targets:
        if epoch + 1 not in list_checkpoints(study):
            raise RefusedInput(
                f"there is no checkpoint of epoch {epoch + 1}, so nothing that could be corrected",
                "the checkpoints of the epoch to correct and of the one before it",
                "Give --epoch, the checkpoint before the epoch to correct, or leave it out",
            )
        return study
    folder, _ = epochs_run(study, store, progress)
    manifest = folder.manifest()
    names = manifest["class_names"]
    wanted = set(class_indices(targets, names))
    fitting = [
        entry
        for entry in manifest["detrimental"]
        if (epoch is None or entry["epoch"] == epoch + 1) and wanted <= set(entry["classes"])
    ]
    if not fitting:
        found = ", ".join(
            f"epoch {entry['epoch']} ({', '.join(names[k] for k in entry['classes'])})"
            for entry in manifest["detrimental"]
        )
        raise RefusedInput(
            _problem(epoch, [names[k] for k in sorted(wanted)]),
            f"a detrimental epoch; there {'is ' + found if found else 'is none'}",
            "Give --epoch, the checkpoint before the epoch to correct, and --targets to correct it in any case",
        )
    worst = fitting[0]
    return study.with_changes(
        model={"epoch": worst["epoch"] - 1},
        reweight={"targets": list(targets) or [names[k] for k in worst["classes"]]},
    )


def _problem(epoch: int | None, targets: list[str]) -> str:
    cost = " and ".join(targets) or "any class"
    if epoch is None:
        return f"no epoch cost {cost} more than noise"
    return f"epoch {epoch + 1} did not cost {cost} more than noise"
