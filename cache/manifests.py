"""What ``run.json`` of each kind of run must say before the run is taken into the cache."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cache.harmful_manifest import HarmfulManifest
from cache.manifest_base import BaseManifest as _Manifest
from cache.manifest_base import Count as _Count
from cache.manifest_base import Share as _Share
from cache.manifest_base import StudyName
from cache.run_folder import MANIFEST, RunFolder
from engine.errors import RefusedInput
from engine.judged_by import DEFAULT, Measurement


class ClassScale(BaseModel):
    """What gains are told in per cent of, by split; positive for each class."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    validation: tuple[Annotated[float, Field(ge=0)], ...]


class InfluenceManifest(_Manifest):
    """Of a run that computed influence vectors of ``samples`` samples on ``classes`` classes."""

    kind: Literal["influence"]
    study: StudyName
    class_names: tuple[str, ...]
    classes: int = Field(ge=2, le=10_000)
    samples: int = Field(ge=1, lt=2**31)
    folds: int = Field(ge=1)
    fold_counts: tuple[tuple[_Count, ...], ...]
    """Validation samples by fold and class, ``(F, K)``."""
    measurement: Measurement = DEFAULT
    """What a class is judged by; runs from before there was a choice are of the loss."""
    scale: ClassScale | None = None
    """Absent from those runs, whose scale is the mean loss."""

    @model_validator(mode="after")
    def _shapes_agree(self) -> "InfluenceManifest":
        if len(self.class_names) != self.classes:
            raise ValueError(f"{len(self.class_names)} class_names for {self.classes} classes")
        if [len(row) for row in self.fold_counts] != [self.classes] * self.folds:
            raise ValueError(f"fold_counts is not {self.folds} rows of {self.classes}")
        if not all(map(sum, zip(*self.fold_counts, strict=True))):
            raise ValueError("fold_counts has a class without validation samples")
        if self.scale is None and self.measurement != DEFAULT:
            raise ValueError(f"no scale for measurement {self.measurement}")
        if self.scale is not None and len(self.scale.validation) != self.classes:
            raise ValueError(f"{len(self.scale.validation)} scales for {self.classes} classes")
        return self


class ReweightManifest(_Manifest):
    """Of a run that searched weights, starting from the influence run ``influence``."""

    kind: Literal["reweight"]
    study: StudyName | None = None
    influence: str
    targets: tuple[int | str, ...] = Field(min_length=1)


class ProbeManifest(_Manifest):
    """Of a run that trained probe epochs from the influence run ``influence``, to calibrate its predictions."""

    kind: Literal["probe"]
    study: StudyName | None = None
    influence: str
    class_names: tuple[str, ...]
    factor: float
    error: float = Field(ge=0)
    scale: tuple[float, ...]
    """What gains are told in per cent of after the control's epoch, by class."""


class CeilingManifest(_Manifest):
    """Of a run that judged the ceiling by the influence run ``influence``."""

    kind: Literal["ceiling"]
    study: StudyName | None = None
    influence: str
    class_names: tuple[str, ...]
    verdict: Literal["improvable", "at_ceiling", "inconclusive"]


_Changes = tuple[tuple[float | None, ...], ...]
"""A row for each class that samples were left out for, of each class the change; null where it was not measured."""


class ChangeMaps(BaseModel):
    """What leaving samples out was predicted to change, and what it changed."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    predicted: _Changes
    loss: _Changes
    accuracy: _Changes


class RemovalManifest(_Manifest):
    """Of a run that left out what the influence run ``influence`` calls beneficial or detrimental, and trained anew."""

    kind: Literal["removal"]
    study: StudyName
    influence: str
    class_names: tuple[str, ...] = Field(min_length=2)
    classes: tuple[_Count, ...] = Field(min_length=1)
    """Indices of the classes that samples were left out for."""
    seeds: int = Field(ge=1)
    share: float = Field(gt=0, le=1)
    heatmaps: dict[Literal["beneficial", "detrimental"], ChangeMaps]

    @model_validator(mode="after")
    def _shapes_agree(self) -> "RemovalManifest":
        if max(self.classes) >= len(self.class_names):
            raise ValueError(f"class {max(self.classes)} of {len(self.class_names)}")
        if missing := {"beneficial", "detrimental"} - self.heatmaps.keys():
            raise ValueError(f"heatmaps has no {min(missing)}")
        for sign, maps in self.heatmaps.items():
            for name, rows in maps:
                if [len(row) for row in rows] != [len(self.class_names)] * len(self.classes):
                    raise ValueError(
                        f"heatmaps.{sign}.{name} is not {len(self.classes)} rows of {len(self.class_names)}"
                    )
        return self


class HalvesManifest(_Manifest):
    """Of a run that trained on random halves of the data."""

    kind: Literal["halves"]
    study: StudyName
    class_names: tuple[str, ...] = Field(min_length=2)
    subsets: int = Field(ge=1)
    seeds: int = Field(ge=1)


class Candidate(BaseModel):
    """One prediction that was compared: its score for each class, null where nothing varies."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    strategy: str
    damping: float | str
    scores: tuple[float | None, ...]


class DatamodellingManifest(_Manifest):
    """Of a run that compared predictions with the trainings on halves of the run ``halves``."""

    kind: Literal["datamodelling"]
    study: StudyName
    halves: str
    class_names: tuple[str, ...] = Field(min_length=2)
    candidates: tuple[Candidate, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _shapes_agree(self) -> "DatamodellingManifest":
        for number, candidate in enumerate(self.candidates):
            if len(candidate.scores) != len(self.class_names):
                raise ValueError(
                    f"candidates.{number} has {len(candidate.scores)} scores for {len(self.class_names)} classes"
                )
        return self


class ClimbRound(BaseModel):
    """One round of a climb: how many samples it trained on, and how many were removed after it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    round: _Count
    samples: int = Field(ge=1, lt=2**31)
    removed: _Count


class ClimbManifest(_Manifest):
    """Of a run that reweighted, or removed, and trained from scratch until nothing was gained."""

    kind: Literal["climb"]
    study: StudyName
    how: Literal["reweight", "remove"]
    class_names: tuple[str, ...] = Field(min_length=2)
    rounds: tuple[ClimbRound, ...] = Field(min_length=1)
    best_round: _Count
    most_rounds: int = Field(ge=1)
    """Those that were asked for; a climb may end before."""

    @model_validator(mode="after")
    def _rounds_are_in_order(self) -> "ClimbManifest":
        if [entry.round for entry in self.rounds] != list(range(len(self.rounds))):
            raise ValueError("rounds are not numbered from 0")
        if self.best_round >= len(self.rounds):
            raise ValueError(f"best_round is {self.best_round} of {len(self.rounds)} rounds")
        return self


class AccuracyByEpoch(BaseModel):
    """Share of each class's samples that are predicted right, by split, epoch and class; null without samples."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    validation: tuple[tuple[_Share | None, ...], ...]
    test: tuple[tuple[_Share | None, ...], ...] | None


class DetrimentalEntry(BaseModel):
    """An epoch that cost some classes, by index, more than noise: what each lost, as a share."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    epoch: _Count
    classes: tuple[_Count, ...] = Field(min_length=1)
    drops: tuple[_Share, ...]
    p_values: tuple[_Share, ...]


class EpochsManifest(_Manifest):
    """Of a run that evaluated the checkpoints of ``epochs`` and found the detrimental ones."""

    kind: Literal["epochs"]
    study: StudyName
    class_names: tuple[str, ...] = Field(min_length=2)
    epochs: tuple[_Count, ...] = Field(min_length=2)
    accuracy: AccuracyByEpoch
    detrimental: tuple[DetrimentalEntry, ...]

    @model_validator(mode="after")
    def _shapes_agree(self) -> "EpochsManifest":
        classes = len(self.class_names)
        if list(self.epochs) != sorted(set(self.epochs)):
            raise ValueError("epochs do not rise")
        for split, rows in (("validation", self.accuracy.validation), ("test", self.accuracy.test)):
            if rows is not None and [len(row) for row in rows] != [classes] * len(self.epochs):
                raise ValueError(f"accuracy on {split} is not {len(self.epochs)} rows of {classes}")
        for entry in self.detrimental:
            if not {entry.epoch - 1, entry.epoch} <= set(self.epochs):
                raise ValueError(f"epoch {entry.epoch} and the one before are not both in epochs")
            if max(entry.classes) >= classes or not len(entry.classes) == len(entry.drops) == len(entry.p_values):
                raise ValueError(f"classes, drops and p_values of epoch {entry.epoch} do not agree")
        return self


Manifest = (
    InfluenceManifest
    | CeilingManifest
    | ReweightManifest
    | ProbeManifest
    | ClimbManifest
    | EpochsManifest
    | RemovalManifest
    | HalvesManifest
    | DatamodellingManifest
    | HarmfulManifest
)

_KINDS: dict[Any, type[Manifest]] = {
    "influence": InfluenceManifest,
    "ceiling": CeilingManifest,
    "reweight": ReweightManifest,
    "probe": ProbeManifest,
    "climb": ClimbManifest,
    "epochs": EpochsManifest,
    "removal": RemovalManifest,
    "halves": HalvesManifest,
    "datamodelling": DatamodellingManifest,
    "harmful": HarmfulManifest,
}


def read_manifest(folder: RunFolder) -> Manifest:
    """Reads and validates the manifest of a finished run.

    Raises:
        RefusedInput: if it is damaged, of an unknown kind, contradicts itself, names another
            run, or comes from a newer version.
    """
    values = folder.manifest()
    kind = values.get("kind")
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise _refusal(folder, f"kind is {kind!r}", f"kind to be one of {', '.join(_KINDS)}")
    try:
        manifest = model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "contents"
        raise _refusal(folder, f"{where}: {first['msg']}", f"the manifest of a {kind} run") from error
    if manifest.key != folder.key:
        raise _refusal(folder, f"it names run {manifest.key}", "the key that the folder is called by")
    return manifest


def measurement_of(manifest: dict[str, Any]) -> Measurement:
    """Returns what the classes of an influence or ceiling run are judged by, from its manifest as stored."""
    return manifest.get("measurement", DEFAULT)


def class_scale(manifest: dict[str, Any]) -> NDArray[np.float64]:
    """Returns what gains on an influence run are in per cent of, ``(K,)``, over its validation samples.

    Args:
        manifest: of the run, as stored; without a scale of its own it is of the loss.
    """
    scale = manifest["scale"] if "scale" in manifest else manifest["loss"]
    return np.array(scale["validation"], dtype=np.float64)


def _refusal(folder: RunFolder, problem: str, expected: str) -> RefusedInput:
    return RefusedInput(
        f"run {folder.key}: {MANIFEST} is not valid ({problem})",
        expected,
        "Delete the run's folder and compute the run again",
    )
