"""The use-case behind ``ceiling``: the verdict, the spectrum and the regions of a study."""

from datetime import UTC, datetime
from typing import Any

from app.workflow.influence import fold_counts, fold_rows, influence_run, stored_influence
from cache.fingerprints import RESULT_VERSION, ceiling_key
from cache.manifests import class_scale, measurement_of
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.data import load_data
from engine.errors import RefusedInput
from engine.frontier import (
    FoldedInfluence,
    WeightRange,
    ceiling_verdict,
    correlation,
    costly_classes,
    pool_folds,
    region_shares,
    spectrum,
    subset_regions,
)
from engine.influence import Horizon, prepare_influence, sample_gains
from engine.progress import Progress, silent
from engine.study import Study
from engine.training import NextEpoch

_PRINTED = (
    "influence",
    "class_names",
    "measurement",
    "verdict",
    "sentence",
    "gain",
    "headroom",
    "prices",
    "minimum",
    "few_samples",
    "spectrum",
    "regions",
    "all_classes",
    "correlation",
)


def judge_ceiling(study: Study, store: Store, options: dict[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Judges whether a classifier has reached its ceiling; computes influence where it is missing.

    Args:
        study: the study.
        store: where runs are kept.
        options: none are known.
        progress: called after every batch of an influence that has to be computed.

    Returns:
        The object that ``ceiling --json`` prints.

    Raises:
        RefusedInput: if data, checkpoint or settings cannot be used.
        Cancelled: when ``progress`` raises it.
    """
    influence, _ = influence_run(study, store, progress)
    folder = store.run(ceiling_key(influence.key, study))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                result = _judge(study, influence, progress)
                if stored_influence(study, store).key != influence.key:
                    raise RefusedInput(
                        "the data or the checkpoint changed while the verdict was computed",
                        "files that stay as they are until the end",
                        "Start again when they are in place",
                    )
                folder.finish(result)
    result = folder.manifest()
    return {"run": folder.key, "cached": cached, **{key: result[key] for key in _PRINTED}}


def _judge(study: Study, influence: RunFolder, progress: Progress) -> dict[str, Any]:
    manifest = influence.manifest()
    names = manifest["class_names"]
    rows, counts = fold_rows(influence, "ceiling"), fold_counts(influence)
    measurement = measurement_of(manifest)
    data = load_data(study, progress)
    next_epoch = NextEpoch.from_study(study, data, chosen_checkpoint(study)[0])
    # The curvature is fitted again, from the same seed to the same result: stored, it would outweigh the vectors.
    horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
    prepared = prepare_influence(study, data, next_epoch.start, horizon, progress)
    verdict = ceiling_verdict(
        FoldedInfluence(rows, counts, prepared.fold_of, data.validation.labels.numpy()),
        class_scale(manifest),
        tuple(names),
        WeightRange.from_study(study.reweight),
        lambda changes: sample_gains(prepared, data, changes, measurement, progress),
        measurement,
        study.seed,
        progress,
    )
    vectors = pool_folds(rows, counts)
    spread = spectrum(vectors)
    return {
        "kind": "ceiling",
        "influence": influence.key,
        "class_names": names,
        "measurement": measurement,
        "verdict": verdict.verdict,
        "sentence": verdict.sentence,
        "gain": {
            "in_sample": verdict.gain.in_sample,
            "held_out": verdict.gain.held_out,
            "interval": verdict.gain.interval,
        },
        "certificate": {
            "value": verdict.certificate.value,
            "bound": verdict.certificate.bound,
            "prices": verdict.certificate.prices,
        },
        "headroom": [
            {
                "class": names[k],
                "held_out": verdict.headroom.held_out[k],
                "interval": verdict.headroom.interval[k],
                "in_sample": verdict.headroom.in_sample[k],
                "costs": [names[m] for m in costly_classes(verdict.headroom.prices, k)],
            }
            for k in range(len(names))
        ],
        "prices": verdict.headroom.prices,
        "effects": verdict.headroom.effects,
        "minimum": {"value": verdict.minimum.value, "interval": list(verdict.minimum.interval)},
        "few_samples": list(verdict.few_samples),
        "spectrum": {
            "explained_variance_ratio": spread.explained_variance_ratio,
            "first_ratio": spread.first_ratio,
            "paper_says_room": spread.paper_says_room,
            "smallest_direction": spread.smallest_direction,
        },
        "regions": region_shares(vectors),
        "all_classes": subset_regions(vectors, range(len(names))),
        "correlation": correlation(vectors),
        "study": {"name": study.name},
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
