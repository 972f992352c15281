"""The removal study: what leaving samples out really does to each class, beside what influence says of it.

Every training, and every influence of a model trained on all samples, is a part of the run folder: a stopped study goes
on with what is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from app.workflow.arithmetic import keep_parts_of
from app.workflow.calibrated import calibrated_study
from app.workflow.influence import fold_counts, fold_rows, stored_influence
from app.workflow.removal_plan import SETS, RemovalPlan
from app.workflow.retrained_parts import retrained
from app.workflow.sentences import removal_sentence
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, removal_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import StudyData
from engine.device import resolve_device
from engine.experiments.removal import (
    SIGNS,
    Agreement,
    Sign,
    agreement,
    cumulative,
    left_out,
    random_sets,
    right_share,
    weights_without,
)
from engine.frontier import pool_folds
from engine.influence import Horizon, candidate_scores, prepare_influence
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import evaluate, trained_from_scratch
from engine.training.inputs import prepared_shape
from engine.training.retraining import ClassMeans
from engine.training.stacked import trained_as_one
from engine.training.stored_state import untrained_model

_SEED = "seed-{:03d}.json"
"""Part of a model trained on all samples: what it comes to, and what its own influence says of every set."""


def removal_run(
    study: Study, store: Store, influence: RunFolder, data: StudyData, plan: RemovalPlan, progress: Progress = silent
) -> tuple[RunFolder, bool]:
    """Returns the finished removal study, and whether it was there already.

    Args:
        study: the study.
        store: where runs are kept.
        influence: its finished influence run, which says what is left out.
        data: of the study.
        plan: for which classes, how much, and over how many trainings.
        progress: called after every step; may raise to cancel.

    Raises:
        RefusedInput: if a training diverges, or data or checkpoint change meanwhile.
        Cancelled: when ``progress`` raises it; finished trainings are kept.
    """
    folder = store.run(removal_key(influence.key, plan.settings))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                keep_parts_of(folder, {"device": resolve_device(study.compute).type})
                result = _Removal(study, store, folder, influence, data, plan, progress).run()
                finish_unchanged(
                    folder,
                    result,
                    influence.key,
                    lambda: stored_influence(study, store).key,
                    "the data or the checkpoint changed during the removal study",
                )
    return folder, cached


@dataclass(frozen=True)
class _Measured:
    """Changes that were measured, against the model of the same seed that was trained on all samples.

    Attributes:
        value: rise of what classes are judged by, by sign ``(S, T, K)``.
        accuracy: rise of accuracy, likewise.
        random: rise of what classes are judged by without random sets, ``(2 T, K)``.
    """

    value: dict[Sign, NDArray[np.float64]]
    accuracy: dict[Sign, NDArray[np.float64]]
    random: NDArray[np.float64]


class _Removal:
    """One removal study from its sets to its result; lives as long as the run's lock."""

    def __init__(
        self,
        study: Study,
        store: Store,
        folder: RunFolder,
        influence: RunFolder,
        data: StudyData,
        plan: RemovalPlan,
        progress: Progress,
    ) -> None:
        self.folder, self.influence, self.data, self.plan, self.progress = folder, influence, data, plan, progress
        self.study = calibrated_study(study, store, data, progress).with_changes(training={"epochs": plan.epochs})
        # By the study as it is, and not as it is trained here.
        self.notices = [*plan.notices(study, data.class_names), *data.notices]
        self.device = resolve_device(study.compute)
        self.vectors = pool_folds(fold_rows(influence, "ceiling"), fold_counts(influence))
        chosen = left_out(self.vectors, plan.classes, plan.share)
        own = [members for sign in SIGNS for members in chosen[sign]]
        self.sizes = {sign: [len(members) for members in chosen[sign]] for sign in SIGNS}
        self.sets = [*own, *random_sets([len(members) for members in own], len(self.vectors), study.seed)]
        self.seeds = [study.seed + number for number in range(plan.seeds)]
        removals = len(own)
        # Every set once a seed; a random one with a single seed, since there are as many of them.
        self.set_of = [number for number in range(removals) for _ in self.seeds]
        self.set_of += range(removals, 2 * removals)
        self.seed_of = self.seeds * removals + [self.seeds[number % len(self.seeds)] for number in range(removals)]

    def run(self) -> dict[str, Any]:
        if SETS not in self.folder.parts:
            self.folder.write_table(SETS, self._sets_table())
        plain = self._plain()
        found = retrained(self.folder, "trained", self.study, self.data, self.seed_of, self._weights, self.progress)
        told = {split: self._compared(plain, split, found[split]) for split in found}
        predicted = np.mean([_numbers(one["predicted"]) for one in plain], axis=0)
        maps = {split: self._maps(predicted, measured) for split, measured in told.items()}
        own = cumulative(self.vectors, self.sets)
        agreements = {split: self._agreements(predicted, measured) for split, measured in told.items()}
        result = {
            "kind": "removal",
            "influence": self.influence.key,
            "study": {"name": self.study.name},
            "class_names": list(self.data.class_names),
            "measurement": self.study.influence.measurement,
            **self.plan.settings,
            "quick": self.plan.quick,
            "sizes": self.sizes,
            "heatmaps": maps["validation"],
            "heatmaps_test": maps.get("test"),
            "agreement": agreements["validation"],
            "agreement_test": agreements.get("test"),
            "agreement_checkpoint": self._agreements(own, told["validation"]),
            "diagonal_right": {sign: self._right_share(told["validation"], sign) for sign in SIGNS},
            "random": {
                "sizes": [len(members) for members in self.sets[len(self.sets) // 2 :]],
                "predicted": predicted[len(predicted) // 2 :],
                "loss": told["validation"].random,
            },
            "baseline": {
                split: {
                    name: np.mean([_numbers(one[split][name]) for one in plain], axis=0)
                    for name in ("accuracy", "value")
                }
                for split in found
            },
            "trainings": len(self.set_of) + len(self.seeds),
            "notices": self.notices,
            "result_version": RESULT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": {
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "device": self.device.type,
            },
        }
        return {**result, "sentence": removal_sentence(result)}

    def _weights(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        return weights_without([self.sets[self.set_of[number]] for number in numbers], len(self.data.train))

    def _plain(self) -> list[dict[str, Any]]:
        """Returns what the models trained on all samples come to, and what their own influence says of the sets.

        Influence of one training tells what became of that training, accidents of its seed included. What is measured
        is a mean over seeds, and so is what it is compared with.
        """
        names = [_SEED.format(number) for number in range(len(self.seeds))]
        shape = prepared_shape(self.data.train, self.data.transform)
        untrained = [untrained_model(self.study, self.data)] * len(names)
        for group in trained_as_one(untrained, self.study.training.batch_size, shape):
            missing = [number for number in group if names[number] not in self.folder.parts]
            if not missing:
                continue
            # All of a group, whatever is missing: models that are trained as one depend on each other's number.
            ones, seeds = np.ones((len(group), len(self.data.train))), [self.seeds[number] for number in group]
            models = trained_from_scratch(self.study, self.data, ones, seeds, self.progress)
            for number, model in zip(group, models, strict=True):
                if number in missing:
                    told = self._of_model(model, f"model {number + 1} of {len(names)}")
                    self.folder.write_json(names[number], told)
        return [self.folder.read_json(name) for name in names]

    def _of_model(self, model: torch.nn.Module, which: str) -> dict[str, Any]:
        def report(stage: str, done: int, total: int, note: str = "") -> None:
            self.progress(stage, done, total, f"{which}, {note}" if note else which)

        study, data, measurement = self.study, self.data, self.study.influence.measurement
        # No epoch follows, so the epoch operator has nothing to predict: its horizon is 0.
        prepared = prepare_influence(study, data, model, Horizon(0.0, study.training.weight_decay), report)
        vectors = candidate_scores(prepared, data, [prepared.ceiling], measurement, report)[0]
        told: dict[str, Any] = {"predicted": cumulative(vectors, self.sets)}
        for split in ("validation", "test"):
            samples = getattr(data, split)
            if samples is not None:
                found = evaluate(model, samples, data.transform, data.num_classes, self.device, measurement=measurement)
                told[split] = {"accuracy": found.accuracy, "value": found.value}
        return told

    def _compared(self, plain: Sequence[dict[str, Any]], split: str, found: ClassMeans) -> _Measured:
        by_seed = {seed: one[split] for seed, one in zip(self.seeds, plain, strict=True)}
        changes = {
            name: values - np.array([by_seed[seed][name] for seed in self.seed_of], dtype=np.float64)
            for name, values in (("value", found.value), ("accuracy", found.accuracy))
        }
        # Where nothing was left out nothing changed, but for rounding where models are trained as one.
        nothing = [not len(self.sets[number]) for number in self.set_of]
        for values in changes.values():
            values[nothing] = np.where(np.isfinite(values[nothing]), 0.0, np.nan)
        removals, seeds = len(self.sets) // 2, len(self.seeds)

        def by_sign(values: NDArray[np.float64]) -> dict[Sign, NDArray[np.float64]]:
            parts = np.split(values[: removals * seeds].reshape(removals, seeds, -1).swapaxes(0, 1), len(SIGNS), axis=1)
            return dict(zip(SIGNS, parts, strict=True))

        random = changes["value"][removals * seeds :]
        return _Measured(by_sign(changes["value"]), by_sign(changes["accuracy"]), random)

    def _right_share(self, measured: _Measured, sign: Sign) -> float | None:
        """Returns for which share of the classes that something was left out for the sign is right."""
        some = np.flatnonzero(self.sizes[sign])
        return right_share(measured.value[sign][:, some], [self.plan.classes[row] for row in some], sign)

    def _of_sign(self, predicted: NDArray[np.float64]) -> dict[Sign, NDArray[np.float64]]:
        """Returns predictions of all sets as those of each sign, ``(T, K)``, without the random ones."""
        count = len(self.plan.classes)
        return {sign: predicted[number * count : (number + 1) * count] for number, sign in enumerate(SIGNS)}

    def _maps(self, predicted: NDArray[np.float64], measured: _Measured) -> dict[str, Any]:
        return {
            sign: {
                "predicted": rows,
                "loss": measured.value[sign].mean(axis=0),
                "accuracy": measured.accuracy[sign].mean(axis=0),
            }
            for sign, rows in self._of_sign(predicted).items()
        }

    def _agreements(self, predicted: NDArray[np.float64], measured: _Measured) -> dict[str, dict[str, Any]]:
        def told(found: Agreement) -> dict[str, Any]:
            return {
                "spearman": found.spearman,
                "interval": found.interval,
                "diagonal": found.diagonal,
                "off_diagonal": found.off_diagonal,
            }

        return {
            sign: {
                "loss": told(agreement(rows, measured.value[sign], self.plan.classes, self.study.seed)),
                # Where the loss rises accuracy falls.
                "accuracy": told(agreement(rows, -measured.accuracy[sign], self.plan.classes, self.study.seed)),
            }
            for sign, rows in self._of_sign(predicted).items()
        }

    def _sets_table(self) -> pa.Table:
        own = [(sign, k) for sign in SIGNS for k in self.plan.classes]
        members = self.sets[: len(own)]
        return pa.table(
            {
                "sign": pa.array([sign for sign, _ in own]),
                "class": pa.array([k for _, k in own], pa.int16()),
                "samples": pa.array([row.tolist() for row in members], pa.list_(pa.int32())),
            }
        )


def _numbers(stored: Any) -> NDArray[np.float64]:
    """Returns numbers that went through JSON, where one that does not exist is null."""
    return np.array(stored, dtype=np.float64)
