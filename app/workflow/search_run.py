"""One search from its influence run to its result, in parts that a stopped one goes on from.

Each generation is a part of the run folder, and so is the search's state: a stopped search resumes exactly,
and one that is interrupted is worth its finished generations.
"""

from typing import Any

import numpy as np
import torch

from app.workflow.arithmetic import keep_parts_of
from app.workflow.candidate_parts import CONTROL, candidate_rows, candidates_table, stored_weights, weights_table
from app.workflow.improvement import improvement
from app.workflow.influence import fold_counts, fold_rows
from app.workflow.next_epochs import NextEpochs, next_epochs, unweighted
from app.workflow.probe import probe_run
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.classes import class_indices
from engine.data import StudyData
from engine.frontier import pool_folds
from engine.progress import Progress
from engine.reweight.breeding import Breeding
from engine.reweight.candidates import Candidate, Measured, SearchState
from engine.reweight.programme import ProgrammeSettings
from engine.reweight.search import Search, SearchResult
from engine.reweight.search_space import SearchSpace, search_space
from engine.reweight.thresholds import slack_by_class
from engine.study import Study
from engine.training import NextEpoch

_STATE = "state.json"


def searched(
    study: Study, store: Store, folder: RunFolder, influence: RunFolder, data: StudyData, progress: Progress
) -> dict[str, Any]:
    """Runs, or goes on with, the search of a study and trains its result; returns the manifest.

    Args:
        study: with ``[reweight] targets`` by name.
        store: where the probes are kept.
        folder: of the search, locked.
        influence: the finished run that it starts from.
        data: of the study.
        progress: called after every step and candidate; may raise to cancel.

    Raises:
        RefusedInput: if the settings cannot be used or a training diverges.
        Cancelled: when ``progress`` raises it; finished generations are kept.
    """
    probes, _ = probe_run(study, store, influence, data, progress)
    next_epoch = NextEpoch.from_study(study, data, chosen_checkpoint(study)[0])
    arithmetic = {
        "device": next_epoch.device.type,
        "stacked": next_epoch.is_stackable,
        "threads": torch.get_num_threads(),
        "workers": study.compute.workers,
    }
    keep_parts_of(folder, arithmetic)
    job = _Searching(study, folder, influence, data, progress)
    space = job.space()
    with next_epochs(study, next_epoch, data, ["validation"], progress) as epochs:
        result = job.run(space, epochs)
    weights = None if result.best is None else stored_weights(folder, result.best)
    return {
        **improvement(study, folder, influence, next_epoch, data, weights, progress),
        "environment": {**arithmetic, "torch": torch.__version__},
        "settings": study.reweight.model_dump(mode="json"),
        "variables": None if result.best is None else candidate_rows(folder)[result.best]["variables"],
        "chosen": result.best,
        "trainings": result.state.trainings,
        "generations": result.state.generation,
        "probes": {name: probes.manifest()[name] for name in ("factor", "error", "spearman", "pairs")},
    }


class _Searching:
    """A search and where its parts go; lives as long as the run's lock."""

    def __init__(
        self, study: Study, folder: RunFolder, influence: RunFolder, data: StudyData, progress: Progress
    ) -> None:
        self.study, self.folder, self.influence, self.data, self.progress = study, folder, influence, data, progress
        self.targets = tuple(class_indices(study.reweight.targets, data.class_names))
        self.settings = ProgrammeSettings.from_study(study.reweight, self.targets)
        self.labels = data.train.labels.numpy()
        self.pending: list[Candidate] = []

    def space(self) -> SearchSpace:
        """Returns what is searched."""
        return search_space(
            self.study.reweight,
            self.targets,
            pool_folds(fold_rows(self.influence, "epoch"), fold_counts(self.influence)),
            self.labels,
            self.data.class_names,
            self.study.seed,
        )

    def run(self, space: SearchSpace, epochs: NextEpochs) -> SearchResult:
        """Searches from the stored state, if there is one."""
        search = self.study.reweight.search
        slack = slack_by_class(self.study.reweight.slack, self.data.class_names)
        return Search(
            space.programmes,
            self._controls(epochs),
            search,
            Breeding(search, self.settings, slack, self.study.seed, len(space.programmes)),
            epochs.validated,
            on_candidate=self.pending.append,
            on_generation=self._store_generation,
            progress=self.progress,
        ).run(self._stored_state(), space.others)

    def _stored_state(self) -> SearchState | None:
        return SearchState.from_json(self.folder.read_json(_STATE)) if _STATE in self.folder.parts else None

    def _controls(self, epochs: NextEpochs) -> list[Measured]:
        """Trains the control in every order of the search, and keeps the mean for the pages."""
        orders = range(self.study.reweight.search.orders)
        results = epochs.evaluations(unweighted(len(self.labels), len(orders)), orders)
        each = [one["validation"] for one in results]
        controls = [Measured.of(one) for one in each]
        means = [Measured.mean(controls[: count + 1]) for count in range(len(controls))]
        self.folder.write_json(
            CONTROL,
            {
                "targets": list(self.targets),
                "measurement": self.study.influence.measurement,
                **{name: getattr(means[-1], name) for name in ("loss", "accuracy", "value")},
                "by_orders": [{"accuracy": mean.accuracy, "value": mean.value} for mean in means],
                "scale": np.mean([one.scale for one in each], axis=0),
            },
        )
        return controls

    def _store_generation(self, state: SearchState) -> None:
        # The state comes last: parts of a generation that it does not know are written again.
        self.folder.write_table(f"weights-{state.generation:03d}.parquet", weights_table(self.pending))
        self.folder.write_table(f"candidates-{state.generation:03d}.parquet", candidates_table(self.pending))
        self.folder.write_json(_STATE, state.to_json())
        self.pending.clear()
