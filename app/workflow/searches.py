"""The finished searches of a run: which there are, and which of them is shown."""

from collections.abc import Mapping
from typing import Any

from app.workflow.options import is_search, study_with_options
from cache import Cache
from cache.fingerprints import reweight_key
from engine.study import Study


def search_key(influence: str, study: Study, options: Mapping[str, Any]) -> str:
    """Returns the key of the search that a job of these options runs, or has run before it trains one candidate.

    Args:
        influence: key of the influence run that it starts from.
        study: as its file says.
        options: of the job.
    """
    told = {name: value for name, value in options.items() if name != "candidate"}
    return reweight_key(influence, study_with_options(study, told))


def finished_searches(cache: Cache, influence: str) -> dict[str, dict[str, Any]]:
    """Returns by key what searches from a checkpoint gave, and what chosen candidates did, newest first.

    Args:
        cache: what is stored.
        influence: key of the influence run of the checkpoint.
    """
    return {run["key"]: run for run in cache.runs("reweight") if run["influence"] == influence and is_search(run)}


def shown_search(
    finished: Mapping[str, dict[str, Any]], targets: tuple[int, ...], chosen: str | None
) -> dict[str, Any] | None:
    """Returns the finished search whose result is shown: the chosen one, else the newest of the targets or of any."""
    of_targets = (run for run in finished.values() if tuple(run["targets"]) == targets)
    return finished.get(chosen or "") or next(of_targets, None) or next(iter(finished.values()), None)
