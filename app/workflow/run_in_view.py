"""Which study, and which verdict, belong to a stored influence run that is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.workflow.catalogue import RunKeys
from app.workflow.options import study_with_options
from cache import Cache
from engine.errors import RefusedInput
from engine.study import Study


@dataclass(frozen=True)
class RunInView:
    """A stored run as pages show it.

    Attributes:
        study: with the options applied.
        keys: of the influence run and of its verdict.
        options: with which a command finds the run, such as ``{"epoch": 5}``; empty where none does.
        is_current: whether a command with these options finds it: data, checkpoint and settings are unchanged.
    """

    study: Study
    keys: RunKeys
    options: dict[str, Any]
    is_current: bool


def run_in_view(study: Study, key: str, cache: Cache, keys_of: Callable[[Study], RunKeys]) -> RunInView | None:
    """Returns a stored run of a study, or ``None`` if the store has none of this key and this study.

    Args:
        study: as its file says.
        key: of an influence run, such as one of another epoch, or of data as they were.
        cache: what is stored.
        keys_of: the keys of a study's runs, as files are now.
    """
    if not cache.has_run(key):
        return None
    manifest = cache.run(key)
    if manifest["kind"] != "influence" or manifest["study"]["name"] != study.name:
        return None
    options = {"epoch": manifest["epoch"]}
    try:
        changed = study_with_options(study, options)
        keys = keys_of(changed)
    except RefusedInput:
        # Its checkpoint or its data are gone; what was computed from them is not.
        keys = None
    if keys is not None and keys.influence == key:
        return RunInView(changed, keys, options, True)
    of_all = (run for run in cache.runs("ceiling") if run["influence"] == key and run["classes"] == run["class_names"])
    verdicts = (run["key"] for run in of_all)
    return RunInView(study, RunKeys(key, next(verdicts, "")), {}, False)
