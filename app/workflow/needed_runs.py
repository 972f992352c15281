"""Which stored runs the studies of a store need as they are now, and which runs were made from which."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.workflow.epochs_view import compared_checkpoints
from cache.fingerprints import climb_keys, epochs_key, halves_key, influence_keys
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import list_checkpoints
from engine.errors import RefusedInput
from engine.study import Study, load_study

_SOURCES = ("influence", "search", "halves")
"""Under which names a manifest tells the run that its own was made from."""


def sources(manifest: Mapping[str, Any]) -> set[str]:
    """Returns the keys of the runs that a run was made from."""
    return {manifest[name] for name in _SOURCES if isinstance(manifest.get(name), str)}


def made_from(keys: Iterable[str], manifests: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Returns the keys of the runs that were made from some, straight or by way of others, and these themselves.

    Args:
        keys: of the runs to begin with.
        manifests: of all runs, by key.
    """
    found = set(keys)
    while new := {key for key, manifest in manifests.items() if key not in found and sources(manifest) & found}:
        found |= new
    return found


def with_sources(keys: Iterable[str], manifests: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Returns the keys of the runs that some were made from, straight or by way of others, and these themselves."""
    found, new = set(keys), set(keys)
    while new := {source for key in new if key in manifests for source in sources(manifests[key])} - found:
        found |= new
    return found


def manifests_of(runs: Iterable[RunFolder]) -> dict[str, dict[str, Any]]:
    """Returns the manifests of runs by key; of a damaged one nothing is known, and nothing can be made from it."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        try:
            found[run.key] = run.manifest()
        except RefusedInput:
            found[run.key] = {}
    return found


def needed_runs(store: Store, manifests: Mapping[str, Mapping[str, Any]]) -> tuple[set[str], list[str]]:
    """Returns the runs that the store's studies find by their files and settings as they are now.

    Those are the influence runs of every checkpoint, the evaluation of the checkpoints, climbs, trainings on halves,
    and all that was made from them. Of a study whose files are not all there, as on a disk that is not mounted, every
    run under its name is needed.

    Args:
        store: whose studies are looked at.
        manifests: of all finished runs, by key.

    Returns:
        Their keys, and notices about studies that cannot be read.
    """
    needed: set[str] = set()
    notices = [f"{path} is there no more: its runs count as no longer needed" for path in store.lost_studies()]
    for path in store.studies():
        try:
            study = load_study(path)
        except RefusedInput as refusal:
            notices.append(f"{path} cannot be read, so its runs count as no longer needed: {refusal.problem}")
            continue
        try:
            needed |= found_by(study, manifests)
        except RefusedInput as refusal:
            of_name = {key for key, manifest in manifests.items() if _study_name(manifest) == study.name}
            if of_name:
                notices.append(f"every run of '{study.name}' is kept, since its files are not all there: {refusal}")
            needed |= of_name
    return made_from(needed & manifests.keys(), manifests), notices


def found_by(study: Study, manifests: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Returns the keys under which a study's runs are looked for, of those that nothing else leads to."""
    # A folder of checkpoints that is empty yet is no fault: the study is still to be trained.
    checkpoints = list_checkpoints(study) if _has_any(study.checkpoints_path) else {}
    found = set(influence_keys(study, checkpoints.values())) if checkpoints else set()
    if any(epoch - 1 in checkpoints for epoch in checkpoints):
        found.add(epochs_key(study, compared_checkpoints(study).values()))
    climbs = {(m["how"], m["most_rounds"]) for m in manifests.values() if m.get("kind") == "climb"}
    for how, most in climbs:
        found |= set(climb_keys(study, how, [most]))
    halves = {(m["subsets"], m["seeds"]) for m in manifests.values() if m.get("kind") == "halves"}
    return found | {halves_key(study, subsets, seeds) for subsets, seeds in halves}


def _has_any(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _study_name(manifest: Mapping[str, Any]) -> str | None:
    study = manifest.get("study")
    return study.get("name") if isinstance(study, dict) else None
