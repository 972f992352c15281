"""The long-running use-cases by name: what the command line, jobs and the dashboard can start."""

from collections.abc import Callable
from typing import Any

from app.workflow.calibrated import calibrate
from app.workflow.ceiling import judge_ceiling
from app.workflow.climb import climb
from app.workflow.epochs import judge_epochs
from app.workflow.harmful import harmful
from app.workflow.influence import compute_influence
from app.workflow.options import RAY, study_with_options
from app.workflow.preview import preview
from app.workflow.probe import probe
from app.workflow.reweight import reweight
from app.workflow.samples import rank_by_influence
from app.workflow.tasks_where import tasks_where
from app.workflow.training import train_model
from app.workflow.validate import validate
from cache.store import Store
from engine.data.kept_features import features_kept_in
from engine.data.torchvision_download import fetch_missing
from engine.progress import Progress
from engine.study import Study
from engine.tasks import tasks_on

UseCase = Callable[[Study, Store, dict[str, Any], Progress], dict[str, Any]]


def _with_options(use_case: UseCase) -> UseCase:
    def changed(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        options = dict(options)
        where = tasks_where(options.pop(RAY, None), store)
        changed_study = study_with_options(study, options)
        # A cluster that does not answer is told before anything is fetched or read.
        with features_kept_in(store.features_folder), tasks_on(where):
            # Before anything asks what the data are, since keys of results are taken of their bytes.
            fetch_missing(changed_study, progress)
            return use_case(changed_study, store, options, progress)

    return changed


COMMANDS: dict[str, UseCase] = {
    name: _with_options(use_case)
    for name, use_case in (
        ("train", train_model),
        ("influence", compute_influence),
        ("ceiling", judge_ceiling),
        ("probe", probe),
        ("reweight", reweight),
        ("climb", climb),
        ("validate", validate),
        ("calibrate", calibrate),
        ("epochs", judge_epochs),
        ("samples", rank_by_influence),
        ("harmful", harmful),
        ("preview", preview),
    )
}
"""By name; each applies its options to the study first."""
