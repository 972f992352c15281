"""The use-case behind ``reweight``: all classes at once, or thresholds → weights → one more epoch → before and after.

Direct Improvement: from the analysed checkpoint one more epoch is trained with
weights that a linear programme derives from the epoch operator's influence; a genetic
search tries thresholds. Everything is judged against the control, the same epoch
without weights. Each generation is a part of the run folder, and so is the search's
state: a stopped search resumes exactly.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from app.workflow.all_classes import all_classes_run
from app.workflow.candidate_parts import (
    CHECKPOINT,
    CONTROL,
    WEIGHTS,
    candidate_rows,
    candidates_table,
    stored_weights,
    weights_table,
    write_result_weights,
)
from app.workflow.influence import fold_counts, fold_rows, influence_run, stored_influence
from app.workflow.options import ALL_CLASSES
from app.workflow.sentences import NO_TEST_SPLIT, reweight_sentence
from cache.fingerprints import RESULT_VERSION, reweight_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.classes import class_indices
from engine.data import Samples, StudyData, load_data
from engine.errors import RefusedInput
from engine.frontier import pool_folds
from engine.models import save_checkpoint
from engine.progress import Progress, silent
from engine.reweight.breeding import Breeding
from engine.reweight.candidates import Candidate, Measured, SearchState
from engine.reweight.comparison import paired_change
from engine.reweight.groups import choose_variables, class_weight_baselines, influence_groups
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme
from engine.reweight.search import Search
from engine.reweight.thresholds import slack_by_class
from engine.study import Study
from engine.training import Evaluation, NextEpoch, evaluate

RESULT_SEEDS = 5
"""Batch orders over which the chosen weights are compared with the control."""
_STATE = "state.json"


def reweight(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Finds weights that improve the target classes, or all at once, and trains with them.

    Args:
        study: the study; ``[reweight] targets`` names the classes to improve, and ``setting`` says how.
        store: where runs are kept.
        options: none are known; changes of the study come with the study.
        progress: called after every batch and candidate.

    Returns:
        The object that ``reweight --json`` prints. ``before`` is of the analysed checkpoint,
        ``after`` of the delivered one and ``control`` of the one trained like it without weights;
        ``change`` and ``interval`` compare after with control over several batch orders (all
        classes: trainings from scratch), as shares of accuracy.

    Raises:
        RefusedInput: if data, checkpoint, targets or settings cannot be used.
        Cancelled: when ``progress`` raises it; finished generations are kept.
    """
    if study.reweight.setting == ALL_CLASSES:
        folder, cached = all_classes_run(study, store, progress)
        return _told(folder, cached)
    folder, cached = _search_run(study, store, progress)
    return {**_told(folder, cached), "candidates": candidate_rows(folder)}


def _told(folder: RunFolder, cached: bool) -> dict[str, Any]:
    manifest = folder.manifest()
    return {
        "run": folder.key,
        "cached": cached,
        **{key: value for key, value in manifest.items() if key not in ("kind", "result_version", "key")},
        "weights": str(folder.path / WEIGHTS),
        "checkpoint": str(folder.path / CHECKPOINT),
    }


def _search_run(study: Study, store: Store, progress: Progress) -> tuple[RunFolder, bool]:
    """Returns the finished search of a study, and whether it was there already."""
    if not study.reweight.targets:
        raise RefusedInput("no target class is named", "at least one class", "Give --targets or [reweight] targets")
    influence = stored_influence(study, store)
    data = None if influence.is_finished else load_data(study, progress)
    names = influence.manifest()["class_names"] if data is None else list(data.class_names)
    # Names are checked now, and not after the hours that influence may take.
    targets = tuple(sorted(class_indices(study.reweight.targets, names)))
    slack_by_class(study.reweight.slack, names)
    influence, _ = influence_run(study, store, progress, data)
    # One run however the classes were written, and in which order; pages name them like this too.
    study = study.with_changes(reweight={"targets": [names[k] for k in targets]})
    folder = store.run(reweight_key(influence.key, study))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                data = data or load_data(study, progress)
                folder.finish(_Reweighting(study, folder, influence, targets, data, progress).run())
    return folder, cached


class _Reweighting:
    """One reweighting from its influence run to its result; lives as long as the run's lock."""

    def __init__(
        self,
        study: Study,
        folder: RunFolder,
        influence: RunFolder,
        targets: tuple[int, ...],
        data: StudyData,
        progress: Progress,
    ) -> None:
        self.study, self.folder, self.influence = study, folder, influence
        self.targets, self.progress = targets, progress
        self.data = data
        self.epoch, _ = chosen_checkpoint(study)
        self.next_epoch = NextEpoch.from_study(study, self.data, self.epoch)
        self.settings = ProgrammeSettings.from_study(study.reweight, targets)
        self.pending: list[Candidate] = []

    def run(self) -> dict[str, Any]:
        programme, variables = self._programme()
        control = self._after_epoch(None)
        self.folder.write_json(
            CONTROL,
            {
                "targets": list(self.targets),
                "measurement": self.study.influence.measurement,
                **{name: getattr(control, name) for name in ("loss", "accuracy", "value", "scale")},
            },
        )
        slack = slack_by_class(self.study.reweight.slack, self.data.class_names)
        search = Search(
            programme,
            _as_measured(control),
            self.study.reweight.search,
            Breeding(self.study.reweight.search, self.settings, slack, self.study.seed),
            lambda weights: _as_measured(self._after_epoch(weights)),
            on_candidate=self.pending.append,
            on_generation=self._store_generation,
            progress=self.progress,
        )
        baselines = class_weight_baselines(self.data.train.labels.numpy(), self.settings)
        stored = SearchState.from_json(self.folder.read_json(_STATE)) if _STATE in self.folder.parts else None
        result = search.run(stored, baselines)
        weights = self._weights_of(result.best)
        return {
            **self._compared(weights),
            "variables": variables,
            "chosen": result.best,
            "trainings": len(result.state.seen) - 1,
            "generations": result.state.generation,
        }

    def _programme(self) -> tuple[ReweightProgramme, str]:
        rows, counts = fold_rows(self.influence, "epoch"), fold_counts(self.influence)
        labels = self.data.train.labels.numpy()
        wanted = self.study.reweight.variables
        variables = (
            choose_variables(rows, counts, labels, self.settings, self.study.seed) if wanted == "auto" else wanted
        )
        vectors = pool_folds(rows, counts)
        groups = influence_groups(vectors, labels, seed=self.study.seed) if variables == "groups" else None
        return ReweightProgramme(vectors, self.settings, groups, self.data.class_names), variables

    def _after_epoch(self, weights: NDArray[np.float32] | None) -> Evaluation:
        return self._evaluated(self.next_epoch.train(weights, self.study.seed), self.data.validation)

    def _evaluated(self, model: nn.Module, samples: Samples) -> Evaluation:
        return evaluate(
            model,
            samples,
            self.data.transform,
            self.data.num_classes,
            self.next_epoch.device,
            # Predictions are of the measurement of the influence, and so must be what is drawn over them.
            measurement=self.study.influence.measurement,
        )

    def _store_generation(self, state: SearchState) -> None:
        # The state comes last: parts of a generation that it does not know are written again.
        self.folder.write_table(f"weights-{state.generation:03d}.parquet", weights_table(self.pending))
        self.folder.write_table(f"candidates-{state.generation:03d}.parquet", candidates_table(self.pending))
        self.folder.write_json(_STATE, state.to_json())
        self.pending.clear()

    def _weights_of(self, number: int | None) -> NDArray[np.float32] | None:
        return None if number is None else stored_weights(self.folder, number)

    def _compared(self, weights: NDArray[np.float32] | None) -> dict[str, Any]:
        """Trains with the chosen weights and without, over several batch orders, on every split."""
        splits = {"validation": self.data.validation} | ({"test": self.data.test} if self.data.test else {})
        trained: dict[str, list[dict[str, Evaluation]]] = {"after": [], "control": []}
        for number in range(RESULT_SEEDS):
            for name, used in (("after", weights), ("control", None)):
                model = self.next_epoch.train(used, self.study.seed + number)
                trained[name].append({split: self._evaluated(model, samples) for split, samples in splits.items()})
                if number == 0 and name == "after":
                    self.folder.write_tensors(CHECKPOINT, partial(save_checkpoint, model))
            self.progress("comparing over batch orders", number + 1, RESULT_SEEDS)
        changes = {
            split: paired_change(
                np.stack([result[split].correct for result in trained["after"]]),
                np.stack([result[split].correct for result in trained["control"]]),
                samples.labels.numpy(),
                self.data.num_classes,
                self.study.seed,
            )
            for split, samples in splits.items()
        }
        write_result_weights(self.folder, self.data.train.labels.numpy(), self.data.class_names, weights)
        before = self.influence.manifest()["accuracy"]
        names = list(self.data.class_names)
        change = {split: value.mean for split, value in changes.items()}
        interval = {split: value.interval for split, value in changes.items()}
        notices = [*self.data.notices, *self.next_epoch.notices]
        if self.data.test is None:
            notices.append(NO_TEST_SPLIT)
        if len(self.targets) == self.data.num_classes:
            notices.append("Every class is a target: none is left that could pay for a gain.")
        if weights is None:
            notices.append("No weights were better than the control: the result is the control itself.")
        return {
            "kind": "reweight",
            "influence": self.influence.key,
            "study": {"name": self.study.name},
            "setting": self.study.reweight.setting,
            "class_names": names,
            "targets": list(self.targets),
            "epoch": self.epoch,
            "before": {split: before[split] for split in splits},
            "after": {split: trained["after"][0][split].accuracy for split in splits},
            "control": {split: trained["control"][0][split].accuracy for split in splits},
            "change": change,
            "interval": interval,
            "seeds": RESULT_SEEDS,
            "sentence": reweight_sentence(names, self.targets, change, interval),
            "notices": notices,
            "result_version": RESULT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _as_measured(result: Evaluation) -> Measured:
    return Measured(accuracy=result.accuracy, loss=result.loss, value=result.value)
