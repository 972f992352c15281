"""All classes at once: the certificate's weights, a step chosen on validation, retrained from scratch, judged on test.

Every η is a part of the run folder, and so are the trainings that the result is judged by: a
stopped run goes on with the next part. Everything is compared with the control, the same
trainings without weights, seed by seed.
"""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from app.workflow.candidate_parts import CHECKPOINT, write_result_weights
from app.workflow.influence import fold_counts, fold_rows, influence_run, stored_influence
from app.workflow.outcome_parts import outcomes_of, read_outcomes, write_outcomes
from app.workflow.sentences import NO_TEST_SPLIT, all_classes_sentence
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, reweight_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import Samples, StudyData, load_data
from engine.device import resolve_device
from engine.errors import RefusedInput
from engine.frontier.certificate import WeightRange
from engine.models import save_checkpoint
from engine.progress import Progress, silent
from engine.reweight.all_classes import (
    CHOOSING_SEEDS,
    JUDGING_SEEDS,
    STEPS,
    CertifiedWeights,
    Outcomes,
    StepChange,
    choose_step,
    class_means,
    step_change,
    stepped,
)
from engine.reweight.comparison import paired_change
from engine.study import Study
from engine.training import trained_from_scratch

_CONTROL, _STEP = "control.parquet", "step-{:03d}.parquet"
"""Parts with the validation samples after the trainings that η is chosen by."""
_AFTER, _JUDGED_CONTROL = "judged-after-{}.parquet", "judged-control-{}.parquet"
"""Parts with the samples of a split after the trainings that the result is judged by; the study's own seed first."""


def all_classes_run(study: Study, store: Store, progress: Progress = silent) -> tuple[RunFolder, bool]:
    """Returns the finished run of a study that improves all classes at once, and whether it was there already.

    Args:
        study: of its ``[reweight]`` table the bounds are used.
        store: where runs are kept.
        progress: called after every step of training; may raise to cancel.

    Raises:
        RefusedInput: if data, checkpoint or settings cannot be used, if target classes are named,
            if a training diverges, or if data or checkpoint change meanwhile.
        Cancelled: when ``progress`` raises it; finished parts are kept.
    """
    if study.reweight.targets:
        raise RefusedInput(
            "target classes are named for setting = 'all_classes'",
            "none, as every class is to improve",
            "Leave targets away, or use setting = 'direct_improvement'",
        )
    influence = stored_influence(study, store)
    data = None if influence.is_finished else load_data(study, progress)
    influence, _ = influence_run(study, store, progress, data)
    folder = store.run(reweight_key(influence.key, study))
    if folder.is_finished:
        return folder, True
    with folder.lock():
        if not folder.is_finished:
            finish_unchanged(
                folder,
                _AllClasses(study, folder, influence, data or load_data(study, progress), progress).run(),
                influence.key,
                lambda: stored_influence(study, store).key,
                "the data or the checkpoint changed during the trainings",
            )
    return folder, False


class _AllClasses:
    """One run from its influence to its result; lives as long as the run's lock."""

    def __init__(
        self, study: Study, folder: RunFolder, influence: RunFolder, data: StudyData, progress: Progress
    ) -> None:
        self.study, self.folder, self.influence, self.data = study, folder, influence, data
        self.device = resolve_device(study.compute)
        self.rows, self.counts = fold_rows(influence, "ceiling"), fold_counts(influence)
        self.labels = data.validation.labels.numpy()
        self.fold_of = influence.read_table("validation.parquet").column("fold").to_numpy()
        self.plain = np.ones(len(data.train))
        self.own_seeds = [study.seed + number for number in range(CHOOSING_SEEDS)]
        # The study's own seed trains what is delivered; those after it were used for no choice.
        fresh = [study.seed + CHOOSING_SEEDS + number for number in range(JUDGING_SEEDS)]
        self.judging_seeds = [study.seed, *fresh]
        self.trained = 0
        choosing = CHOOSING_SEEDS * (1 + len(STEPS) * len(self.counts))
        self.trainings = choosing + 2 * len(self.judging_seeds)
        self.progress = progress

    def run(self) -> dict[str, Any]:
        certified = CertifiedWeights.from_folds(self.rows, self.counts, WeightRange.from_study(self.study.reweight))
        changes = self._tried(certified)
        chosen = choose_step(changes)
        weights = None if chosen is None else stepped(certified.whole, STEPS[chosen])
        result = self._judged(weights, None if chosen is None else STEPS[chosen])
        write_result_weights(self.folder, self.data.train.labels.numpy(), self.data.class_names, weights)
        return {
            **result,
            "candidates": [
                {
                    "number": number,
                    "step": change.step,
                    "classes_improved": change.improved,
                    "change": change.accuracy,
                    "value_change": change.value,
                    "value_change_percent": change.percent,
                }
                for number, change in enumerate(changes)
            ],
            "chosen": chosen,
            "step": None if chosen is None else STEPS[chosen],
            "trainings": self.trained,
        }

    def _tried(self, certified: CertifiedWeights) -> list[StepChange]:
        """Trains with every step without each fold, and measures it on that fold."""
        if _CONTROL not in self.folder.parts:
            models = self._models([(self.plain, seed) for seed in self.own_seeds], "the control")
            write_outcomes(self.folder, _CONTROL, self._outcomes(models, self.data.validation))
        self.trained = CHOOSING_SEEDS
        control = read_outcomes(self.folder, _CONTROL)
        changes = []
        for number, step in enumerate(STEPS):
            name = _STEP.format(number)
            if name not in self.folder.parts:
                write_outcomes(self.folder, name, self._left_out(certified, step))
            self.trained = CHOOSING_SEEDS * (1 + (number + 1) * len(self.counts))
            changes.append(
                step_change(step, read_outcomes(self.folder, name), control, self.labels, self.data.num_classes)
            )
        return changes

    def _left_out(self, certified: CertifiedWeights, step: float) -> Outcomes:
        """Returns every validation sample as the weights without its fold leave it."""
        work = [(stepped(weights, step), seed) for weights in certified.without for seed in self.own_seeds]
        models = self._models(work, f"step {step:g}")
        whole: Outcomes | None = None
        for fold in range(len(self.counts)):
            members = np.flatnonzero(self.fold_of == fold)
            own = models[fold * CHOOSING_SEEDS : (fold + 1) * CHOOSING_SEEDS]
            found = self._outcomes(own, self.data.validation.take(members))
            whole = whole or _empty(len(own), len(self.fold_of))
            for field in dataclasses.fields(Outcomes):
                getattr(whole, field.name)[:, members] = getattr(found, field.name)
        assert whole is not None, "influence has folds"
        return whole

    def _judged(self, weights: NDArray[np.float64] | None, step: float | None) -> dict[str, Any]:
        """Trains with the chosen weights and without, over seeds that chose nothing, and compares on every split."""
        splits = {"validation": self.data.validation} | ({"test": self.data.test} if self.data.test else {})
        self._train_to_judge(_JUDGED_CONTROL, self.plain, splits, delivered=weights is None)
        if weights is not None:
            self._train_to_judge(_AFTER, weights, splits, delivered=True)
        after_parts = _JUDGED_CONTROL if weights is None else _AFTER
        told: dict[str, dict[str, Any]] = {}
        for split, samples in splits.items():
            labels, classes = samples.labels.numpy(), self.data.num_classes
            after = read_outcomes(self.folder, after_parts.format(split))
            control = read_outcomes(self.folder, _JUDGED_CONTROL.format(split))
            for prefix, a, c in (("", after.correct, control.correct), ("loss_", after.losses, control.losses)):
                compared = paired_change(a[1:], c[1:], labels, classes, self.study.seed)
                for name, values in (
                    ("after", class_means(a[:1], labels, classes)),
                    ("control", class_means(c[:1], labels, classes)),
                    ("change", compared.mean),
                    ("interval", compared.interval),
                ):
                    told.setdefault(prefix + name, {})[split] = values
        judged = "test" if "test" in splits else "validation"
        manifest, epoch = self.influence.manifest(), chosen_checkpoint(self.study)[0]
        return {
            "kind": "reweight",
            "influence": self.influence.key,
            "study": {"name": self.study.name},
            "setting": self.study.reweight.setting,
            "class_names": list(self.data.class_names),
            "targets": list(range(self.data.num_classes)),
            "epoch": epoch,
            "before": {split: manifest["accuracy"][split] for split in splits},
            "loss_before": {split: manifest["loss"][split] for split in splits},
            **told,
            "classes_improved": int((told["loss_change"][judged] < 0).sum()),
            "seeds": JUDGING_SEEDS,
            "sentence": all_classes_sentence(self.data.class_names, told, step),
            "notices": self._notices(epoch, weights is None),
            "result_version": RESULT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _train_to_judge(
        self, parts: str, weights: NDArray[np.float64], splits: dict[str, Samples], delivered: bool
    ) -> None:
        names = {split: parts.format(split) for split in splits}
        if not set(names.values()) <= set(self.folder.parts):
            what = "the control" if weights is self.plain else "the chosen weights"
            models = self._models([(weights, seed) for seed in self.judging_seeds], what)
            if delivered:
                # First: once the other parts are there, nothing is trained again.
                self.folder.write_tensors(CHECKPOINT, partial(save_checkpoint, models[0]))
            for split, samples in splits.items():
                write_outcomes(self.folder, names[split], self._outcomes(models, samples))
        self.trained += len(self.judging_seeds)

    def _notices(self, epoch: int, plain: bool) -> list[str]:
        notices = list(self.data.notices)
        if self.data.test is None:
            notices.append(NO_TEST_SPLIT)
        if epoch != self.study.training.epochs:
            notices.append(
                f"Before is after epoch {epoch}; control and after are trained for {self.study.training.epochs} epochs."
            )
        if plain:
            notices.append("No step was better than the control: the result is the control itself.")
        return notices

    def _models(self, work: Sequence[tuple[NDArray[np.float64], int]], what: str) -> list[nn.Module]:
        """Trains from scratch, telling how many of the run's trainings are done."""

        def report(stage: str, done: int, total: int, note: str = "") -> None:
            finished = self.trained + len(work) * done // total
            self.progress(stage, finished, self.trainings, f"{what}, {note}")

        weights, seeds = zip(*work, strict=True)
        return trained_from_scratch(self.study, self.data, np.stack(weights), seeds, report)

    def _outcomes(self, models: Sequence[nn.Module], samples: Samples) -> Outcomes:
        return outcomes_of(models, samples, self.data, self.study.influence.measurement)


def _empty(seeds: int, samples: int) -> Outcomes:
    shape = (seeds, samples)
    return Outcomes(np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, bool))
