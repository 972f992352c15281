"""What is stored of a study for its files as they are now, read from run folders alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.workflow.epochs_view import compared_checkpoints
from app.workflow.options import ALL_CLASSES, COURSE_CORRECTION, is_search, study_with_options
from app.workflow.trust_view import comparison_key, comparisons_of, removal_studies
from cache.fingerprints import ceiling_key, climb_keys, epochs_key, influence_key, probe_key, reweight_key
from cache.manifests import InfluenceManifest, read_manifest
from cache.parts import read_samples, read_vectors
from cache.run_folder import RunFolder
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.classes import class_indices
from engine.errors import RefusedInput
from engine.experiments.climb_options import HOWS, MOST_ROUNDS
from engine.frontier import pool_folds
from engine.study import Study


@dataclass(frozen=True)
class Findings:
    """A study and its finished runs.

    Attributes:
        path: of the study file.
        study: its settings, with what was asked for in place of them.
        asked: options of the commands that find the same: ``epoch`` and ``seed`` where they are not the study's.
        text: the study file as it is written.
        store: where the runs are.
        influence: the run of the analysed checkpoint.
        ceiling: manifest of the verdict on all classes.
        judged: manifests of the verdicts on some classes alone.
        searches: runs of searches from this checkpoint and of candidates that were chosen, the newest first.
        all_classes: the run of all classes at once, or ``None``.
        corrections: runs of detrimental epochs trained again, the newest first.
        epochs: manifest of the evaluation of the checkpoints, or ``None``.
        climbs: of each way up the climb of most rounds.
        probes: manifest of the probe epochs, or ``None``.
        removal: manifest of the newest whole removal study, else of a quick one, or ``None``.
        comparison: manifest of the largest comparison with trainings on halves, or ``None``.
        left_out: why stored runs are not told of.
    """

    path: Path
    study: Study
    asked: Mapping[str, Any]
    text: str
    store: Store
    influence: RunFolder
    ceiling: dict[str, Any]
    judged: tuple[dict[str, Any], ...] = ()
    searches: tuple[RunFolder, ...] = ()
    all_classes: RunFolder | None = None
    corrections: tuple[RunFolder, ...] = ()
    epochs: dict[str, Any] | None = None
    climbs: tuple[RunFolder, ...] = ()
    probes: dict[str, Any] | None = None
    removal: dict[str, Any] | None = None
    comparison: dict[str, Any] | None = None
    left_out: tuple[str, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)
    """Of the influence run."""

    @property
    def names(self) -> list[str]:
        """The class names, in class order."""
        return self.manifest["class_names"]

    @property
    def reweightings(self) -> tuple[RunFolder, ...]:
        """Every run that delivers weights."""
        return (*self.searches, *([self.all_classes] if self.all_classes else []), *self.corrections, *self.climbs)

    def samples(self) -> pa.Table:
        """Returns the training samples in the order of their index.

        Raises:
            RefusedInput: if the part is damaged.
        """
        return read_samples(self.influence, _checked(self.influence)).sort_by("index")

    def vectors(self, operator: str) -> NDArray[np.float32]:
        """Returns the influence vectors of all samples, ``(N, K)``.

        Args:
            operator: ``ceiling`` or ``epoch``.

        Raises:
            RefusedInput: if a part is missing or damaged.
        """
        manifest = _checked(self.influence)
        pooled = np.empty((manifest.samples, manifest.classes), np.float32)
        for index, ceiling, epoch in pooled_parts(self.influence):
            pooled[index] = ceiling if operator == "ceiling" else epoch
        return pooled


def pooled_parts(influence: RunFolder) -> Iterator[tuple[NDArray, NDArray[np.float32], NDArray[np.float32]]]:
    """Yields part by part the samples' index ``(n,)`` and their vectors by either operator, ``(n, K)``.

    Raises:
        RefusedInput: if a part is missing or damaged.
    """
    manifest = _checked(influence)
    counts = np.asarray(manifest.fold_counts, dtype=np.int64)
    for part in read_vectors(influence, manifest):
        ceiling, epoch = (pool_folds(rows, counts).astype(np.float32) for rows in (part.ceiling, part.epoch))
        yield part.index, ceiling, epoch


def findings_of(path: Path, study: Study, store: Store, asked: Mapping[str, Any]) -> Findings:
    """Returns what is stored of a study.

    Args:
        path: of the study file, or its folder.
        study: as the file says.
        store: where runs are kept.
        asked: ``epoch`` and ``seed`` in place of the study's; ``None`` values change nothing.

    Raises:
        RefusedInput: if a file of the study is missing, or there is no finished verdict for its files as they are.
    """
    file = path / "study.toml" if path.is_dir() else path
    asked = {name: value for name, value in asked.items() if value is not None}
    study = study_with_options(study, dict(asked))
    influence = store.run(influence_key(study, chosen_checkpoint(study)[1]))
    ceiling = store.run(ceiling_key(influence.key, study))
    if not (influence.is_finished and ceiling.is_finished):
        raise RefusedInput(
            f"there is no stored verdict on study '{study.name}' for its data, checkpoint and settings as they are now",
            "a study whose ceiling was judged",
            f"Run `python -m app ceiling {path}` first",
        )
    runs = _Runs(store)
    names = influence.manifest()["class_names"]
    reweighted = [run for run in runs.of("reweight") if run.manifest()["influence"] == influence.key]
    whole = store.run(reweight_key(influence.key, study_with_options(study, {"setting": ALL_CLASSES})))
    removals = removal_studies((run.manifest() for run in runs.of("removal")), influence.key)
    compared = comparisons_of(
        (run.manifest() for run in runs.of("datamodelling")), study, influence.manifest()["strategy"], comparison_key
    )
    _checked(influence)
    return Findings(
        path=file,
        study=study,
        asked=asked,
        text=file.read_text(encoding="utf-8"),
        store=store,
        influence=influence,
        ceiling=ceiling.manifest(),
        judged=tuple(_judged(runs, study, influence.key, names)),
        searches=tuple(run for run in reweighted if is_search(run.manifest())),
        all_classes=whole if whole.is_finished else None,
        corrections=tuple(_corrections(runs, study, names)),
        epochs=_epochs(store, study),
        climbs=tuple(_climbs(store, study)),
        probes=_finished(store.run(probe_key(influence.key))),
        removal=next(iter(removals), None),
        comparison=compared.best,
        left_out=tuple(runs.refused),
        manifest=influence.manifest(),
    )


class _Runs:
    """The finished runs of a store that can be read, the newest first."""

    def __init__(self, store: Store) -> None:
        self.refused: list[str] = []
        self._runs: list[RunFolder] = []
        for run in store.finished_runs():
            try:
                read_manifest(run)
                self._runs.append(run)
            except RefusedInput as refusal:
                # One that is damaged costs what it says, not the report.
                self.refused.append(str(refusal))

    def of(self, kind: str) -> list[RunFolder]:
        found = [run for run in self._runs if run.manifest()["kind"] == kind]
        return sorted(found, key=lambda run: run.manifest().get("created") or "", reverse=True)


def _checked(influence: RunFolder) -> InfluenceManifest:
    manifest = read_manifest(influence)
    assert isinstance(manifest, InfluenceManifest), "the key is of an influence run"
    return manifest


def _finished(run: RunFolder) -> dict[str, Any] | None:
    return run.manifest() if run.is_finished else None


def _judged(runs: _Runs, study: Study, influence: str, names: list[str]) -> Iterator[dict[str, Any]]:
    for run in runs.of("ceiling"):
        manifest = run.manifest()
        if manifest["influence"] == influence and len(manifest["classes"]) < len(names):
            chosen = class_indices(manifest["classes"], names)
            # The verdict of other bounds on weights has another key.
            if ceiling_key(influence, study, chosen) == run.key:
                yield manifest


def _corrections(runs: _Runs, study: Study, names: list[str]) -> Iterator[RunFolder]:
    keys: dict[int, str | None] = {}
    for run in runs.of("reweight"):
        manifest = run.manifest()
        if manifest.get("setting") != COURSE_CORRECTION or manifest["class_names"] != names:
            continue
        epoch = manifest["epoch"]
        if epoch not in keys:
            try:
                before = study_with_options(study, {"setting": COURSE_CORRECTION, "epoch": epoch})
                keys[epoch] = influence_key(before, chosen_checkpoint(before)[1])
            except RefusedInput:
                # The checkpoint that it started from is gone.
                keys[epoch] = None
        if manifest["influence"] == keys[epoch]:
            yield run


def _epochs(store: Store, study: Study) -> dict[str, Any] | None:
    try:
        return _finished(store.run(epochs_key(study, compared_checkpoints(study).values())))
    except RefusedInput:
        # A single checkpoint has no epochs to compare.
        return None


def _climbs(store: Store, study: Study) -> Iterator[RunFolder]:
    for how in HOWS:
        finished = [run for run in map(store.run, climb_keys(study, how, range(1, MOST_ROUNDS + 1))) if run.is_finished]
        if finished:
            yield finished[-1]
