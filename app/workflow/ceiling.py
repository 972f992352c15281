"""The use-case behind ``ceiling``: the verdict, the spectrum and the regions of a study."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.workflow.calibrated import calibrated_study
from app.workflow.influence import fold_counts, fold_rows, influence_run, stored_influence
from app.workflow.sentences import influence_notices
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, ceiling_key
from cache.manifests import class_scale, measurement_of
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.classes import class_indices
from engine.data import load_data
from engine.errors import RefusedInput
from engine.frontier import (
    Ceiling,
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
    "classes",
    "measurement",
    "verdict",
    "sentence",
    "evidence",
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
        options: ``classes`` (names or indices): those that alone are judged; by default all.
        progress: called after every batch of an influence that has to be computed.

    Returns:
        The object that ``ceiling --json`` prints.

    Raises:
        RefusedInput: if data, checkpoint, classes or settings cannot be used.
        Cancelled: when ``progress`` raises it.
    """
    influence, chosen = _influence_and_classes(study, store, options.get("classes"), progress)
    folder = store.run(ceiling_key(influence.key, study, chosen))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                result = _judge(study, store, influence, chosen, progress)
                finish_unchanged(
                    folder,
                    result,
                    influence.key,
                    lambda: stored_influence(study, store).key,
                    "the data or the checkpoint changed while the verdict was computed",
                )
    result = folder.manifest()
    told = {key: result[key] for key in _PRINTED} | {"notices": influence_notices(study, influence.manifest())}
    return {"run": folder.key, "cached": cached, **told}


def judged_classes(asked: Sequence[str | int], names: Sequence[str]) -> tuple[int, ...] | None:
    """Returns which classes alone are judged, in class order, or ``None`` where that is all of them.

    Args:
        asked: names or indices.
        names: class names.

    Raises:
        RefusedInput: if one is no class of the study, or none is named.
    """
    chosen = tuple(sorted(class_indices(asked, names)))
    if not chosen:
        raise RefusedInput("no class is named", "at least one class to judge", "Name some, or leave --classes out")
    return None if len(chosen) == len(names) else chosen


def _influence_and_classes(
    study: Study, store: Store, asked: Sequence[str | int] | None, progress: Progress
) -> tuple[RunFolder, tuple[int, ...] | None]:
    if asked is None:
        return influence_run(study, store, progress)[0], None
    influence = stored_influence(study, store)
    data = None if influence.is_finished else load_data(study, progress)
    names = influence.manifest()["class_names"] if data is None else data.class_names
    # Names are checked now, and not after the hours that influence may take.
    chosen = judged_classes(asked, names)
    return influence_run(study, store, progress, data)[0], chosen


def _judge(
    study: Study, store: Store, influence: RunFolder, chosen: tuple[int, ...] | None, progress: Progress
) -> dict[str, Any]:
    manifest = influence.manifest()
    names = manifest["class_names"]
    rows, counts = fold_rows(influence, "ceiling"), fold_counts(influence)
    measurement = measurement_of(manifest)
    data = load_data(study, progress)
    next_epoch = NextEpoch.from_study(study, data, chosen_checkpoint(study)[0])
    # The curvature is fitted again, from the same seed to the same result: stored, it would outweigh the vectors.
    horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
    prepared = prepare_influence(
        calibrated_study(study, store, data, progress), data, next_epoch.start, horizon, progress
    )
    verdict = ceiling_verdict(
        FoldedInfluence(rows, counts, prepared.fold_of, data.validation.labels.numpy()),
        class_scale(manifest),
        tuple(names),
        WeightRange.from_study(study.reweight),
        lambda changes: sample_gains(prepared, data, changes, measurement, progress),
        measurement,
        study.seed,
        progress,
        chosen,
    )
    vectors = pool_folds(rows, counts)
    spread = spectrum(vectors)
    return {
        "kind": "ceiling",
        "influence": influence.key,
        "class_names": names,
        "classes": [names[k] for k in verdict.classes],
        "measurement": measurement,
        "verdict": verdict.verdict,
        "sentence": verdict.sentence,
        "evidence": list(verdict.evidence),
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
        "headroom": _headroom(verdict, names),
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


def _headroom(verdict: Ceiling, names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns one entry a class, in class order; of a class that was not judged nothing is known."""
    headroom, known = verdict.headroom, {one.class_index: one for one in verdict.class_evidence}
    return [
        {
            "class": names[k],
            "held_out": headroom.held_out[k],
            "interval": headroom.interval[k],
            "in_sample": headroom.in_sample[k],
            "costs": [names[m] for m in costly_classes(headroom.prices, k)],
            "payers": [
                {"class": names[m], "held_out": headroom.effects[k, m], "interval": headroom.effects_interval[k, m]}
                for m in (known[k].payers if k in known else ())
            ],
            "evidence": known[k].sentence if k in known else None,
        }
        for k in range(len(names))
    ]
