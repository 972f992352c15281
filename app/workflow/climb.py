"""The use-case behind ``climb``: influence, verdict, weights, training from scratch, and again.

The rules, and who judges what, are in :mod:`engine.experiments.climb`. Each finished round is some parts of the
run folder, and the next is computed from them alone: a stopped run goes on with the next round and, on the
CPU, ends as one that never stopped, bit for bit.
"""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import nn

from app.workflow.arithmetic import keep_parts_of
from app.workflow.calibrated import calibrated_study
from app.workflow.candidate_parts import CHECKPOINT, WEIGHTS, write_result_weights
from app.workflow.climb_parts import (
    MODEL,
    OUTCOMES,
    ROUND,
    SAMPLES,
    copied,
    finished_rounds,
    take_over,
)
from app.workflow.outcome_parts import outcomes_of, read_outcomes, write_outcomes
from app.workflow.sentences import climb_sentence
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, climb_key, climb_keys
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import Samples, StudyData, load_data
from engine.device import resolve_device
from engine.experiments.climb import (
    Weighted,
    best_round,
    divided,
    few_that_choose,
    next_weighted,
    round_sentence,
    why_it_ends,
)
from engine.experiments.climb_options import HOWS, MOST_ROUNDS, ROUNDS, SEEDS, How, checked_how
from engine.experiments.paired import class_changes
from engine.frontier import FoldedInfluence, Judgement, WeightRange, judge_together, pool_folds, subset_regions
from engine.influence import Horizon, planned, prepare_influence, sample_gains
from engine.models import save_checkpoint
from engine.progress import Progress, silent
from engine.reweight.all_classes import Outcomes, class_means
from engine.study import Study
from engine.training import evaluate, trained_from_scratch
from engine.training.stored_state import untrained_model


def climb(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Reweights, or removes, and trains from scratch until the verdict or the judging samples say stop.

    Args:
        study: the study; no checkpoint is needed.
        store: where runs are kept.
        options: ``how`` (``reweight`` or ``remove``) and ``rounds``, the most of them.
        progress: called after every batch; may raise to cancel.

    Returns:
        The object that ``climb --json`` prints. Accuracy and loss are means over the seeds by class; those under
        ``validation`` are of the judging third, which chose the best round. ``change`` compares the best round
        with round 0, plain training, over the three seeds and the samples.

    Raises:
        RefusedInput: if an option, the data or the settings cannot be used, or a class has too few validation samples.
        Cancelled: when ``progress`` raises it; finished rounds are kept.
    """
    rounds = ROUNDS if options.get("rounds") is None else options["rounds"]
    how = checked_how(HOWS[0] if options.get("how") is None else options["how"], rounds)
    keys = climb_keys(study, how, range(1, MOST_ROUNDS + 1))
    folder = store.run(keys[rounds - 1])
    cached = folder.is_finished
    if not cached:
        # Read before the run has a folder: what is refused here leaves nothing behind.
        data = load_data(study, progress)
        work = _Climb(calibrated_study(study, store, data, progress), folder, data, how, rounds, progress)
        with folder.lock():
            if not folder.is_finished:
                keep_parts_of(folder, {"device": work.device.type})
                take_over(folder, store, keys, rounds)
                result = work.run()
                finish_unchanged(
                    folder,
                    result,
                    folder.key,
                    lambda: climb_key(study, how, rounds),
                    "the data changed during the climb",
                )
    manifest = folder.manifest()
    return {
        "run": folder.key,
        "cached": cached,
        **{name: value for name, value in manifest.items() if name not in ("kind", "result_version", "key")},
        "weights": str(folder.path / WEIGHTS),
        "checkpoint": str(folder.path / CHECKPOINT),
    }


class _Climb:
    """One climb from its data to its result."""

    def __init__(
        self, study: Study, folder: RunFolder, data: StudyData, how: How, most: int, progress: Progress
    ) -> None:
        self.study, self.folder, self.data, self.how, self.most = study, folder, data, how, most
        self.device, self.classes = resolve_device(study.compute), data.num_classes
        self.weight_range = WeightRange.from_study(study.reweight)
        choosing, judging = divided(data.validation.labels.numpy(), data.class_names, study.seed)
        self.choosing = data.validation.take(choosing)
        self.splits: dict[str, Samples] = {"validation": data.validation.take(judging)}
        if data.test is not None:
            self.splits["test"] = data.test
        self.judged = list[Outcomes]()
        """What the models of each round so far make of the samples that judge."""
        # Influence is what the trainings are for: what it would refuse is refused now.
        planned(study, data, untrained_model(study, data))
        self.progress = progress

    @property
    def best(self) -> int:
        return best_round(self.judged, self.splits["validation"].labels.numpy())

    def run(self) -> dict[str, Any]:
        labels = self.data.train.labels.numpy()
        weighted, rounds = [Weighted.plain(len(labels))], list[dict[str, Any]]()
        stopped: str | None = None
        while stopped is None:
            number, now = len(rounds), weighted[-1]
            if number >= finished_rounds(self.folder):
                self._compute(number, now)
            else:
                self.judged.append(read_outcomes(self.folder, OUTCOMES.format(number, "validation")))
            rounds.append(self.folder.read_json(ROUND.format(number)))
            following = next_weighted(self.how, now, self._influence_of(number), self.weight_range)
            left = np.bincount(labels[following.kept], minlength=self.classes)
            stopped = why_it_ends(self.how, rounds, self.best, self.most, left, self.data.class_names)
            weighted.append(following)
        return self._result(rounds, weighted, stopped)

    def _compute(self, number: int, now: Weighted) -> None:
        """Trains a round and writes its parts, the one that says that it is finished last."""

        def report(stage: str, done: int, total: int, note: str = "") -> None:
            words = f"round {number} of at most {self.most - 1}" if self.most > 1 else "round 0"
            self.progress(stage, done, total, f"{words}, {note}" if note else words)

        train = self.data.train.take(now.kept)
        data = dataclasses.replace(self.data, train=train, validation=self.choosing)
        seeds = [self.study.seed + number for number in range(SEEDS)]
        models = trained_from_scratch(self.study, data, np.stack([now.weights] * SEEDS), seeds, report)
        measurement = self.study.influence.measurement
        outcomes = {
            split: outcomes_of(models, samples, data, measurement, report) for split, samples in self.splits.items()
        }
        means = {
            name: {
                split: class_means(getattr(found, field), self.splits[split].labels.numpy(), self.classes).tolist()
                for split, found in outcomes.items()
            }
            for name, field in (("accuracy", "correct"), ("loss", "losses"))
        }
        vectors, judged = self._judged(models[0], data, now, report)
        for split, found in outcomes.items():
            write_outcomes(self.folder, OUTCOMES.format(number, split), found)
        self.folder.write_table(SAMPLES.format(number), _samples_table(now, vectors))
        self.judged.append(outcomes["validation"])
        if self.best == number:
            self.folder.write_tensors(MODEL.format(number), partial(save_checkpoint, models[0]))
        self.folder.write_json(
            ROUND.format(number),
            {
                "round": number,
                "samples": len(train),
                "verdict": judged.verdict,
                "sentence": round_sentence(judged),
                "held_out": judged.gain.held_out,
                "interval": judged.gain.interval,
                **means,
                "regions": subset_regions(vectors, range(self.classes)),
            },
        )

    def _judged(
        self, model: nn.Module, data: StudyData, now: Weighted, progress: Progress
    ) -> tuple[NDArray[np.float32], Judgement]:
        """Returns the influence vectors after a training, ``(n, K)``, and the verdict; both by those that choose."""
        measurement = self.study.influence.measurement
        # No epoch follows, so the epoch operator has nothing to predict: its horizon is 0.
        prepared = prepare_influence(self.study, data, model, Horizon(0.0, self.study.training.weight_decay), progress)
        rows = np.concatenate([part.ceiling for part in prepared.all_parts(progress)])
        validation = data.validation
        scale = evaluate(
            model, validation, data.transform, self.classes, self.device, measurement=measurement, progress=progress
        ).scale
        judged = judge_together(
            FoldedInfluence(rows, prepared.fold_counts, prepared.fold_of, validation.labels.numpy()),
            scale,
            data.class_names,
            self.weight_range,
            lambda changes: sample_gains(prepared, data, changes, measurement, progress),
            measurement,
            self.study.seed,
            now.weights.astype(np.float64),
        )
        return pool_folds(rows, prepared.fold_counts).astype(np.float32), judged

    def _influence_of(self, number: int) -> NDArray[np.float32]:
        column = self.folder.read_table(SAMPLES.format(number)).column("influence").combine_chunks()
        return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, self.classes)

    def _result(self, rounds: Sequence[dict[str, Any]], weighted: Sequence[Weighted], stopped: str) -> dict[str, Any]:
        best = self.best
        names = self.data.class_names
        sizes = [*(entry["samples"] for entry in rounds), rounds[-1]["samples"]]
        told: dict[str, dict[str, Any]] = {}
        for split, samples in self.splits.items():
            after, plain = (read_outcomes(self.folder, OUTCOMES.format(number, split)) for number in (best, 0))
            for prefix, field in (("", "correct"), ("loss_", "losses")):
                labels = samples.labels.numpy()
                compared = class_changes(getattr(after, field), getattr(plain, field), labels, self.classes)
                told.setdefault(f"{prefix}change", {})[split] = compared.mean
                told.setdefault(f"{prefix}interval", {})[split] = compared.interval
        labels = self.data.train.labels.numpy()
        self.folder.write_tensors(CHECKPOINT, copied(self.folder.path / MODEL.format(best)))
        write_result_weights(self.folder, labels, names, weighted[best].of_all(len(labels)))
        return {
            "kind": "climb",
            "study": {"name": self.study.name},
            "how": self.how,
            "class_names": list(names),
            "rounds": [
                {**entry, "removed": before - after}
                for entry, before, after in zip(rounds, sizes[:-1], sizes[1:], strict=True)
            ],
            "most_rounds": self.most,
            "best_round": best,
            "ceiling": rounds[best]["accuracy"],
            **told,
            "choosing_samples": len(self.choosing),
            "judging_samples": len(self.splits["validation"]),
            "seeds": SEEDS,
            "stopped": stopped,
            "sentence": climb_sentence(names, rounds, best, told["change"], told["interval"]),
            "notices": self._notices(),
            "result_version": RESULT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": {
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "device": self.device.type,
            },
        }

    def _notices(self) -> list[str]:
        few = few_that_choose(self.choosing.labels.numpy(), self.data.class_names)
        notices = [*([few] if few else []), *self.data.notices]
        if self.data.test is None:
            notices.append("No test split: the result is judged on the validation samples that chose the best round.")
        return notices


def _samples_table(now: Weighted, vectors: NDArray[np.float32]) -> pa.Table:
    return pa.table(
        {
            "index": pa.array(now.kept, pa.int32()),
            "weight": pa.array(now.weights, pa.float32()),
            "influence": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
        }
    )
