"""The use-case behind ``influence``: factors, then P in parts, stored once.

The run folder is the truth. Parts that an interrupted run left behind are kept and only
the missing ones are computed; a finished run is returned as it is.
"""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from app.workflow.arithmetic import keep_parts_of
from app.workflow.calibrated import calibrated_study
from app.workflow.run_texts import TEXTS, texts_table
from app.workflow.sentences import influence_notices
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, influence_key
from cache.parts import VECTOR_PARTS
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import StudyData, load_data
from engine.frontier import pool_folds
from engine.influence import FOLDS, Horizon, InfluencePart, PreparedInfluence, prepare_influence
from engine.influence.factor_sample import AGREEMENT
from engine.influence.precision import ENOUGH
from engine.influence.tracked import NOT_BY_DEFAULT
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import Evaluation, NextEpoch, evaluate

_FEW = 0.5
"""Tracked share of parameters below which a result says so."""
_PRINTED = (
    "samples",
    "classes",
    "folds",
    "class_names",
    "strategy",
    "measurement",
    "seconds",
    "tracked_parameters",
    "refused_modules",
    "factor_examples",
    "stability",
    "precision",
)


def compute_influence(
    study: Study, store: Store, options: dict[str, Any], progress: Progress = silent
) -> dict[str, Any]:
    """Computes, or finds, the influence vectors of a study.

    Args:
        study: the study.
        store: where runs are kept.
        options: none are known.
        progress: called after every batch; may raise to cancel.

    Returns:
        The object that ``influence --json`` prints.

    Raises:
        RefusedInput: if data, checkpoint or settings cannot be used.
        Cancelled: when ``progress`` raises it; finished parts are kept.
    """
    folder, cached = influence_run(study, store, progress)
    manifest = folder.manifest()
    told = {key: manifest[key] for key in _PRINTED} | {"notices": influence_notices(study, manifest)}
    return {"run": folder.key, "cached": cached, **told}


def influence_run(
    study: Study, store: Store, progress: Progress = silent, data: StudyData | None = None
) -> tuple[RunFolder, bool]:
    """Returns the finished influence run of a study and whether it was there already.

    Args:
        study: the study.
        store: where runs are kept.
        progress: called after every batch; may raise to cancel.
        data: of the study, where the caller has read it.

    Raises:
        RefusedInput: if data, checkpoint or settings cannot be used, or if they change meanwhile.
    """
    folder = stored_influence(study, store)
    if folder.is_finished:
        return folder, True
    # Read before the run has a folder: what is refused here leaves nothing behind.
    data = data or load_data(study, progress)
    next_epoch = NextEpoch.from_study(study, data, chosen_checkpoint(study)[0])
    with folder.lock():
        if not folder.is_finished:
            manifest = _computed(
                study, calibrated_study(study, store, data, progress), folder, data, next_epoch, progress
            )
            finish_unchanged(
                folder,
                manifest,
                folder.key,
                lambda: stored_influence(study, store).key,
                "the data or the checkpoint changed while influence was computed",
            )
    return folder, False


def stored_influence(study: Study, store: Store) -> RunFolder:
    """Returns the folder of the study's influence run for its files as they are now, finished or not."""
    return store.run(influence_key(study, chosen_checkpoint(study)[1]))


def part_name(number: int) -> str:
    """Returns the name under which part ``number`` of the vectors is stored."""
    return VECTOR_PARTS.replace("*", f"{number:05d}")


def fold_rows(folder: RunFolder, operator: str, parts: str = VECTOR_PARTS) -> NDArray[np.float32]:
    """Returns the stored scores of an influence run, shape ``(N, F K)``, column ``f K + k``.

    Args:
        folder: of an influence run whose parts are all there.
        operator: ``ceiling`` or ``epoch``.
        parts: the name of one, or a pattern; by default all.
    """
    column = folder.read_table(parts).column(operator).combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


def fold_counts(folder: RunFolder) -> NDArray[np.int64]:
    """Returns the validation samples by fold and class of a finished run, shape ``(F, K)``."""
    return np.asarray(folder.manifest()["fold_counts"], dtype=np.int64)


def _computed(
    study: Study, calibrated: Study, folder: RunFolder, data: StudyData, next_epoch: NextEpoch, progress: Progress
) -> dict[str, Any]:
    model, device = next_epoch.start, next_epoch.device
    measurement = study.influence.measurement
    evaluations = {
        split: evaluate(
            model, samples, data.transform, data.num_classes, device, measurement=measurement, progress=progress
        )
        if samples
        else None
        for split, samples in (("train", data.train), ("validation", data.validation), ("test", data.test))
    }
    horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
    prepared = prepare_influence(calibrated, data, model, horizon, progress)
    keep_parts_of(
        folder,
        {
            "device": device.type,
            "precision": prepared.precision.name,
            "strategy": prepared.strategy,
            "factor_examples": prepared.factor_examples,
        },
    )
    _store_samples(folder, data, evaluations, prepared)

    began = time.perf_counter()
    finished = [number for number in range(prepared.num_parts) if part_name(number) in folder.parts]
    for part in prepared.parts(finished, progress):
        folder.write_table(part_name(part.number), _part_table(part))
    score_seconds = time.perf_counter() - began

    return {
        "kind": "influence",
        "study": {"name": study.name, "tables": study.model_dump(mode="json", exclude={"folder"})},
        "class_names": list(data.class_names),
        "classes": data.num_classes,
        "samples": len(data.train),
        "folds": FOLDS,
        "fold_counts": prepared.fold_counts,
        "epoch": next_epoch.epoch,
        "strategy": prepared.strategy,
        "damping": calibrated.influence.damping,
        "measurement": measurement,
        "seconds": {"factors": prepared.factor_seconds, "scores": prepared.gradient_seconds + score_seconds},
        "tracked_parameters": prepared.tracked.share,
        "refused_modules": prepared.tracked.refused,
        **{
            figure: {split: result and getattr(result, figure) for split, result in evaluations.items()}
            for figure in ("accuracy", "loss", "scale", "counts")
        },
        "stationarity": _stationarity(folder, prepared),
        "stability": prepared.stability and asdict(prepared.stability),
        "factor_examples": prepared.factor_examples,
        "factor_agreement": prepared.factor_agreement,
        "precision": asdict(prepared.precision),
        "notices": [*data.notices, *next_epoch.notices, *_warnings(prepared)],
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": {"threads": torch.get_num_threads(), "torch": torch.__version__, "device": device.type},
    }


def _stationarity(folder: RunFolder, prepared: PreparedInfluence) -> NDArray[np.float64]:
    """Returns |mean_j P_jk| / sd of each class, shape ``(K,)``: 0 at an optimum of the training loss.

    Part by part: all of P need not fit into memory.
    """
    count, total, squares = 0, np.float64(0), np.float64(0)
    for number in range(prepared.num_parts):
        pooled = pool_folds(fold_rows(folder, "ceiling", part_name(number)), prepared.fold_counts).astype(np.float64)
        count += len(pooled)
        total, squares = total + pooled.sum(axis=0), squares + (pooled**2).sum(axis=0)
    mean = total / count
    return np.abs(mean) / np.sqrt(np.maximum(squares / count - mean**2, 1e-60))


def _warnings(prepared: PreparedInfluence) -> list[str]:
    """Says where the approximation is to be doubted."""
    warnings = []
    tracked = prepared.tracked
    if tracked.share < _FEW:
        # The one that weighs most need not come first, but a wide layer that was left out is told before norms are.
        widest = next((f"{name}: {text}" for name, text in tracked.refused.items() if "rows" in text), "")
        warnings.append(
            f"influence passes through {tracked.share:.1%} of the model's parameters only" + (widest and f" ({widest})")
        )
    if NOT_BY_DEFAULT in tracked.refused.values():
        warnings.append(
            f"only the last layer, the pooler and the classifier are tracked ({', '.join(tracked.names)}), as is the"
            " default for transformers: [influence] modules names others"
        )
    agreement = prepared.factor_agreement
    if agreement is not None and agreement < AGREEMENT:
        warnings.append(
            f"two halves of the {prepared.factor_examples:,} samples that the curvature was fitted on rank samples"
            f" differently (Spearman {agreement:.2f}): set [influence] factor_examples = 'all', or a larger number"
        )
    coarse = prepared.precision
    if coarse.agreement is not None and coarse.agreement < ENOUGH:
        warnings.append(
            f"precision = '{coarse.name}' ranks samples unlike float32 (Spearman {coarse.agreement:.2f}): use 'auto'"
        )
    return warnings


def _store_samples(
    folder: RunFolder, data: StudyData, evaluations: dict[str, Evaluation | None], prepared: PreparedInfluence
) -> None:
    train, validation = evaluations["train"], evaluations["validation"]
    assert train is not None
    assert validation is not None
    folder.write_table(
        "samples.parquet",
        pa.table(
            {
                "index": pa.array(np.arange(len(data.train)), pa.int32()),
                "label": pa.array(data.train.labels.numpy(), pa.int16()),
                "source": pa.array(data.train.sources, pa.string()),
                "predicted": pa.array(train.predicted, pa.int16()),
                "confidence": pa.array(train.confidence, pa.float32()),
            }
        ),
    )
    if data.train.texts is not None:
        folder.write_table(TEXTS, texts_table(data.train.texts))
    folder.write_table(
        "validation.parquet",
        pa.table(
            {
                "label": pa.array(data.validation.labels.numpy(), pa.int16()),
                "predicted": pa.array(validation.predicted, pa.int16()),
                "confidence": pa.array(validation.confidence, pa.float32()),
                "loss": pa.array(validation.losses, pa.float32()),
                "fold": pa.array(prepared.fold_of, pa.int16()),
            }
        ),
    )


def _part_table(part: InfluencePart) -> pa.Table:
    def vectors(values: NDArray[np.float32]) -> pa.FixedSizeListArray:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.float32()), values.shape[1])

    index = np.arange(part.start, part.start + len(part.ceiling))
    return pa.table(
        {"index": pa.array(index, pa.int32()), "ceiling": vectors(part.ceiling), "epoch": vectors(part.epoch)}
    )
