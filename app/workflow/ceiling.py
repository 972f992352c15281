"""The use-case behind ``ceiling``: the verdict, the spectrum and the regions of a study."""

from datetime import UTC, datetime
from typing import Any

from app.workflow.influence import fold_counts, fold_rows, influence_run
from cache.fingerprints import RESULT_VERSION, ceiling_key
from cache.manifests import class_scale, measurement_of
from cache.run_folder import RunFolder
from cache.store import Store
from engine.frontier import ceiling_verdict, correlation, pool_folds, region_shares, spectrum, subset_regions
from engine.progress import Progress, silent
from engine.study import Study

_PRINTED = (
    "influence",
    "class_names",
    "measurement",
    "verdict",
    "sentence",
    "gain",
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
                folder.finish(_judge(study, influence))
    result = folder.manifest()
    return {"run": folder.key, "cached": cached, **{key: result[key] for key in _PRINTED}}


def _judge(study: Study, influence: RunFolder) -> dict[str, Any]:
    manifest = influence.manifest()
    names = manifest["class_names"]
    rows, counts = fold_rows(influence, "ceiling"), fold_counts(influence)
    measurement = measurement_of(manifest)
    verdict = ceiling_verdict(
        rows, counts, class_scale(manifest), tuple(names), study.reweight.weight_bounds, measurement
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
