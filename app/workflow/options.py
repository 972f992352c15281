"""Options of a command as changes of the study, so that a result's key knows them."""

from typing import Any

from engine.study import Study

ALL_CLASSES = "all_classes"
"""The setting that improves all classes at once, and so has no targets."""
_IN_REWEIGHT = ("targets", "setting", "slack")
_IN_SEARCH = ("iterations",)


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
    search = {key: given[key] for key in _IN_SEARCH if key in given}
    if search:
        reweight["search"] = {**study.reweight.search.model_dump(), **search}
    if reweight:
        changes["reweight"] = reweight
    return study.with_changes(**changes) if changes else study
