"""The long-running use-cases by name: what the command line, jobs and the dashboard can start."""

from collections.abc import Callable
from typing import Any

from app.workflow.ceiling import judge_ceiling
from app.workflow.climb import climb
from app.workflow.influence import compute_influence
from app.workflow.options import study_with_options
from app.workflow.reweight import reweight
from app.workflow.samples import rank_by_influence
from app.workflow.training import train_model
from cache.store import Store
from engine.progress import Progress
from engine.study import Study

UseCase = Callable[[Study, Store, dict[str, Any], Progress], dict[str, Any]]


def _with_options(use_case: UseCase) -> UseCase:
    def changed(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        return use_case(study_with_options(study, options), store, options, progress)

    return changed


COMMANDS: dict[str, UseCase] = {
    name: _with_options(use_case)
    for name, use_case in (
        ("train", train_model),
        ("influence", compute_influence),
        ("ceiling", judge_ceiling),
        ("reweight", reweight),
        ("climb", climb),
        ("samples", rank_by_influence),
    )
}
"""By name; each applies its options to the study first."""
