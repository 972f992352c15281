"""Class-wise linear datamodelling scores: which strategy and damping predict real trainings of this study best.

Each strategy is fitted once and one scoring pass gives all of its dampings; what they predict of every half is a part
of the run folder, so a stopped comparison goes on with the next strategy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.workflow.arithmetic import keep_parts_of
from app.workflow.halves import halves_of, halves_run, measured
from app.workflow.sentences import calibration_sentence, datamodelling_sentence
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, datamodelling_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import StudyData
from engine.device import resolve_device
from engine.errors import RefusedInput
from engine.experiments.datamodelling import (
    bootstrapped,
    choose,
    datamodelling_scores,
    mean_noise_ceiling,
    mean_score,
    noise_ceiling,
    summed,
)
from engine.experiments.halves_options import DAMPINGS
from engine.influence import Horizon, candidate_scores, ceiling_operator, planned, prepare_influence
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import trained_model

HEURISTIC = "heuristic"
COMPARED = ("ekfac", "kfac", "diagonal", "identity")
"""Strategies that are compared in any case; the study's own comes first."""
_PREDICTED = "predicted-{}.json"


@dataclass(frozen=True)
class Comparison:
    """What is compared, and on how many trainings.

    Attributes:
        subsets: halves of the data.
        seeds: trainings of each.
        all_strategies: whether others than the study's own are compared.
    """

    subsets: int
    seeds: int
    all_strategies: bool


def datamodelling_run(
    study: Study, store: Store, data: StudyData, comparison: Comparison, progress: Progress = silent
) -> tuple[RunFolder, bool]:
    """Returns a finished comparison of predictions with trainings on halves, and whether it was there already.

    Args:
        study: the study.
        store: where runs are kept.
        data: of the study.
        comparison: what is compared.
        progress: called after every step; may raise to cancel.

    Raises:
        RefusedInput: if the checkpoint cannot be used, a training diverges, or data or checkpoint change meanwhile.
        Cancelled: when ``progress`` raises it; finished trainings and strategies are kept.
    """
    epoch, checkpoint = chosen_checkpoint(study)
    strategies, notices = _strategies(study, data, epoch, comparison.all_strategies)
    # Trained first: a comparison that is asked for again with other strategies finds the trainings.
    halves, _ = halves_run(study, store, data, comparison.subsets, comparison.seeds, progress)
    folder = store.run(datamodelling_key(study, checkpoint, halves.key, strategies))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                keep_parts_of(folder, {"device": resolve_device(study.compute).type})
                result = _Compared(study, folder, halves, data, epoch, strategies, progress).run()
                finish_unchanged(
                    folder,
                    {**result, "notices": [*result["notices"], *notices]},
                    folder.key,
                    lambda: datamodelling_key(study, chosen_checkpoint(study)[1], halves.key, strategies),
                    "the data or the checkpoint changed while predictions were compared with trainings",
                )
    return folder, cached


def _strategies(study: Study, data: StudyData, epoch: int, every: bool) -> tuple[list[str], list[str]]:
    """Returns the study's own strategy and those that it is compared with, and why some are not.

    A study may ask for a strategy that goes through modules that others cannot go through.
    """
    model, _ = trained_model(study, data, epoch)
    own = planned(study, data, model)[1]
    strategies, notices = [str(own)], list[str]()
    for name in COMPARED if every else ():
        if name == own:
            continue
        try:
            planned(study.with_changes(influence={"strategy": name}), data, model)
        except RefusedInput as refusal:
            notices.append(f"The strategy {name} is not compared: {refusal.problem}.")
        else:
            strategies.append(name)
    return strategies, notices


class _Compared:
    """One comparison from its predictions to its result; lives as long as the run's lock."""

    def __init__(
        self,
        study: Study,
        folder: RunFolder,
        halves: RunFolder,
        data: StudyData,
        epoch: int,
        strategies: Sequence[str],
        progress: Progress,
    ) -> None:
        self.study, self.folder, self.halves, self.data, self.progress = study, folder, halves, data, progress
        self.epoch, self.strategies = epoch, strategies
        self.subsets = halves.manifest()["subsets"]
        damping = study.influence.damping
        self.own = "training" if damping == "calibrated" else damping
        self.dampings = [*DAMPINGS, *([self.own] if self.own not in DAMPINGS else [])]

    def run(self) -> dict[str, Any]:
        truth = measured(self.halves, "validation")
        predicted = {strategy: self._predicted(strategy) for strategy in self.strategies}
        highest, own = mean_noise_ceiling(truth), self.strategies[0]
        candidates = [
            self._candidate(strategy, damping, rows[number], truth, highest)
            for strategy, rows in predicted.items()
            for number, damping in enumerate(self._dampings_of(strategy))
        ]
        own_dampings = self._dampings_of(own)
        reference = own_dampings.index(HEURISTIC) if HEURISTIC in own_dampings else 0
        # Of those that are compared in any case: what "calibrated" stands for must not depend on the damping before.
        choice = choose(predicted[own][: len(DAMPINGS)], truth, reference)
        of_study = own_dampings.index(self.own) if self.own in own_dampings else 0
        result = {
            "kind": "datamodelling",
            "study": {"name": self.study.name},
            "halves": self.halves.key,
            "class_names": list(self.data.class_names),
            "measurement": self.study.influence.measurement,
            "subsets": self.subsets,
            "seeds": self.halves.manifest()["seeds"],
            "strategies": list(self.strategies),
            "strategy": own,
            "damping": own_dampings[of_study],
            "candidates": candidates,
            "own": of_study,
            "ceiling": noise_ceiling(truth),
            "mean_ceiling": highest,
            "calibrated": {
                "candidate": choice.best,
                "damping": own_dampings[choice.best],
                "score": candidates[choice.best]["mean"],
                "heuristic": candidates[reference]["mean"],
                "gain": choice.gain,
            },
            "interval": candidates[of_study]["interval"],
            "epoch": self.epoch,
            "notices": list(self.data.notices),
            "result_version": RESULT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return {
            **result,
            "sentence": datamodelling_sentence(result),
            "calibration_sentence": calibration_sentence(result),
        }

    def _dampings_of(self, strategy: str) -> list[str | float]:
        # Where the curvature is the identity damping scales every score alike.
        return ["training"] if strategy == "identity" else self.dampings

    def _candidate(
        self,
        strategy: str,
        damping: str | float,
        predicted: NDArray[np.float64],
        truth: NDArray[np.float64],
        highest: float | None,
    ) -> dict[str, Any]:
        scores = datamodelling_scores(predicted, truth)
        mean = mean_score(scores)
        return {
            "strategy": strategy,
            "damping": damping,
            "scores": scores,
            "mean": mean,
            # Of the study's own strategy: any of its dampings may be the study's when this is read.
            "interval": bootstrapped(predicted, truth, self.study.seed) if strategy == self.strategies[0] else None,
            "share_of_ceiling": mean / highest if mean is not None and highest else None,
        }

    def _predicted(self, strategy: str) -> NDArray[np.float64]:
        """Returns what a strategy says of every half under each damping, ``(C, M, K)``."""
        name = _PREDICTED.format(strategy)
        if name not in self.folder.parts:
            self.folder.write_json(name, self._computed(strategy))
        return np.array(self.folder.read_json(name), dtype=np.float64)

    def _computed(self, strategy: str) -> list[NDArray[np.float64]]:
        def report(stage: str, done: int, total: int, note: str = "") -> None:
            self.progress(stage, done, total, f"{strategy}, {note}" if note else strategy)

        dampings = self._dampings_of(strategy)
        studies = [
            self.study.with_changes(influence={"strategy": strategy, "damping": damping}) for damping in dampings
        ]
        data, measurement = self.data, self.study.influence.measurement
        model, _ = trained_model(studies[0], data, self.epoch)
        # No epoch follows: only what the whole training makes of a half is asked.
        prepared = prepare_influence(studies[0], data, model, Horizon(0.0, self.study.training.weight_decay), report)
        operators = [ceiling_operator(study, len(data.train)) for study in studies]
        scores = candidate_scores(prepared, data, operators, measurement, report)
        halves = halves_of(len(data.train), self.subsets, self.study)
        return [summed(vectors, halves) for vectors in scores]
