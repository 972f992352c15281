"""Options of a command as changes of the study, so that a result's key knows them."""

from collections.abc import Mapping
from typing import Any

from cache.fingerprints import reweight_key
from engine.errors import RefusedInput
from engine.study import Study

RAY = "ray"
"""The option that names a Ray cluster: where the work is done, of which no result depends."""
ON_A_CLUSTER = ("influence", "ceiling", "probe", "reweight", "climb", "validate", "calibrate", "samples", "harmful")
"""The commands with work that a cluster can do."""
ALL_CLASSES = "all_classes"
"""The setting that improves all classes at once, and so has no targets."""
COURSE_CORRECTION = "course_correction"
"""The setting that trains a detrimental epoch again."""
_OF_OTHER_WAYS = (ALL_CLASSES, COURSE_CORRECTION)
_IN_REWEIGHT = ("targets", "setting", "slack")
_IN_SEARCH = ("iterations",)


def options_of_result(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of which a result depends: all but where the work is done."""
    return {name: value for name, value in options.items() if name != RAY}


def is_search(told: Mapping[str, Any]) -> bool:
    """Says whether a run or a job of ``reweight`` is a search for the targets, or one of its candidates.

    Args:
        told: the manifest, or the options.
    """
    return told.get("setting") not in _OF_OTHER_WAYS


def study_with_options(study: Study, options: dict[str, Any]) -> Study:
    """Returns the study with the options of a command or job applied.

    Args:
        study: as its file says.
        options: ``seed``, ``epoch``, ``targets``, ``setting``, ``slack``, ``iterations``;
            ``None`` values and options of single commands (``limit``, ``sign``) change nothing.

    Raises:
        RefusedInput: if the changed study is not valid.
    """
    given = {key: value for key, value in options.items() if value is not None}
    changes: dict[str, dict[str, Any]] = {}
    if "seed" in given:
        changes["study"] = {"seed": given["seed"]}
    if "epoch" in given:
        changes["model"] = {"epoch": given["epoch"]}
    reweight = {key: given[key] for key in _IN_REWEIGHT if key in given}
    if reweight.get("setting") == ALL_CLASSES and not reweight.get("targets"):
        # Those of the file are of the setting that it names, and all classes have none.
        reweight["targets"] = ()
    if reweight.get("setting") == COURSE_CORRECTION != study.reweight.setting:
        # Likewise: what is left open is the checkpoints' to tell.
        reweight.setdefault("targets", ())
        changes.setdefault("model", {"epoch": None})
    search = {key: given[key] for key in _IN_SEARCH if key in given}
    if search:
        reweight["search"] = {**study.reweight.search.model_dump(), **search}
    if reweight:
        changes["reweight"] = reweight
    return study.with_changes(**changes) if changes else study


def options_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """Returns the options under which ``reweight`` finds a finished search again.

    Args:
        manifest: of the search; what it does not tell stands in the study file.
    """
    told = manifest["settings"]
    options = {
        "epoch": manifest["epoch"],
        "setting": told["setting"],
        "targets": [manifest["class_names"][k] for k in manifest["targets"]],
    }
    if told["thresholds"] == "attainable":
        options["slack"] = told["slack"]
    return {**options, "iterations": told["search"]["iterations"]}


def finds_again(search: str, influence: str, study: Study, options: dict[str, Any]) -> bool:
    """Says whether ``reweight`` with these options comes to a stored search and computes no other.

    Args:
        search: key of the search.
        influence: key of the influence run that it started from.
        study: as its file says now.
        options: of the command.
    """
    try:
        return reweight_key(influence, study_with_options(study, options)) == search
    except RefusedInput:
        # What the search was told does not go with what the file says now.
        return False
