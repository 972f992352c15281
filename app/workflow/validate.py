"""The use-case behind ``validate``: does influence predict what happens on this model?"""

from typing import Any

from app.workflow.calibrated import calibrated_study
from app.workflow.datamodelling import Comparison, datamodelling_run
from app.workflow.halves import checked
from app.workflow.influence import influence_run, stored_influence
from app.workflow.removal import removal_run
from app.workflow.removal_plan import RemovalPlan
from app.workflow.sentences import datamodelling_sentence
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import load_data
from engine.errors import RefusedInput
from engine.experiments.halves_options import QUICK_SUBSETS
from engine.experiments.removal import SIGNS
from engine.progress import Progress, silent
from engine.study import Study

WHATS = ("both", "removal", "lds")
"""What is done: the removal study, the linear datamodelling scores, or the one after the other."""


def validate(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Compares what influence says with what trainings from scratch do.

    Args:
        study: the study.
        store: where runs are kept.
        options: ``what`` (of WHATS), ``quick``, ``seeds``; of the removal study ``classes``, ``share`` and ``epochs``;
            of the scores ``subsets``.
        progress: called after every step; may raise to cancel.

    Returns:
        The object that ``validate --json`` prints. ``spearman`` and ``heatmaps`` are of the removal study, ``lds`` of
        the trainings on halves; null where it was not asked for.

    Raises:
        RefusedInput: if an option, data, checkpoint or settings cannot be used, or files change meanwhile.
        Cancelled: when ``progress`` raises it; finished trainings are kept.
    """
    what = options.get("what") or WHATS[0]
    if what not in WHATS:
        raise RefusedInput(f"--what is '{what}'", ", ".join(WHATS), "Choose one of them")
    _check_options_belong(what, options)
    quick = bool(options.get("quick"))
    subsets = options.get("subsets")
    subsets, seeds = checked(QUICK_SUBSETS if quick and subsets is None else subsets, options.get("seeds"))
    before = stored_influence(study, store).key
    data = load_data(study, progress)
    # Refused now, and not after the hours that influence may take.
    RemovalPlan.of(study, data.class_names, [None] * data.num_classes, options)
    _check_unchanged(before, stored_influence(study, store).key)
    influence, _ = influence_run(study, store, progress, data)
    known = influence.manifest()
    plan = RemovalPlan.of(study, known["class_names"], known["accuracy"]["validation"], options)
    told: dict[str, Any] = {
        "influence": influence.key,
        "class_names": known["class_names"],
        "run": None,
        "spearman": None,
        "heatmaps": None,
        "lds": None,
        "notices": [],
    }
    if what != "lds":
        told |= _of_removal(removal_run(study, store, influence, data, plan, progress)[0])
    if what != "removal":
        # The data are those that were read at the beginning, the keys of what follows those of the files as they are.
        _check_unchanged(before, stored_influence(study, store).key)
        comparison = Comparison(subsets, seeds, all_strategies=True)
        folder, _ = datamodelling_run(study, store, data, comparison, progress)
        told["lds"] = _of_halves(folder, calibrated_study(study, store, data, progress))
        told["notices"] = list(dict.fromkeys([*told["notices"], *folder.manifest()["notices"]]))
    return told


def _check_options_belong(what: str, options: dict[str, Any]) -> None:
    """Refuses options of a part that is not asked for."""
    others = {"lds": ("classes", "share", "epochs"), "removal": ("subsets",)}.get(what, ())
    given = [name for name in others if options.get(name) is not None]
    if given:
        raise RefusedInput(
            f"--{given[0]} is given for --what {what}",
            f"an option of that part, which {' and '.join(others)} are not",
            "Leave it out, or ask for both",
        )


def _check_unchanged(before: str, now: str) -> None:
    if before != now:
        raise RefusedInput(
            "the data or the checkpoint changed while influence was compared with trainings",
            "files that stay as they are until the end",
            "Start again when they are in place",
        )


def _of_removal(folder: RunFolder) -> dict[str, Any]:
    manifest = folder.manifest()
    names = (
        "classes",
        "share",
        "seeds",
        "epochs",
        "heatmaps",
        "heatmaps_test",
        "agreement",
        "agreement_test",
        "agreement_checkpoint",
        "diagonal_right",
        "random",
        "trainings",
        "sentence",
        "notices",
    )
    return {
        "run": folder.key,
        "spearman": {
            sign: {figure: manifest["agreement"][sign][figure]["spearman"] for figure in ("loss", "accuracy")}
            for sign in SIGNS
        },
        **{name: manifest[name] for name in names},
    }


def _of_halves(folder: RunFolder, study: Study) -> dict[str, Any]:
    """Returns what is printed of a comparison, for the study's damping as it is now: it is a candidate in any case."""
    manifest, damping = folder.manifest(), study.influence.damping
    of_strategy = [one["damping"] for one in manifest["candidates"] if one["strategy"] == manifest["strategy"]]
    number = of_strategy.index(damping) if damping in of_strategy else 0
    own = manifest["candidates"][number]
    told = datamodelling_sentence({**manifest, "own": number, "interval": own["interval"]})
    return {
        "run": folder.key,
        "strategy": own["strategy"],
        "damping": own["damping"],
        "score": own["mean"],
        "scores": own["scores"],
        "share_of_ceiling": own["share_of_ceiling"],
        "interval": own["interval"],
        "sentence": told,
        **{
            name: manifest[name] for name in ("ceiling", "mean_ceiling", "candidates", "calibrated", "subsets", "seeds")
        },
    }
