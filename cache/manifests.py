"""What ``run.json`` of each kind of run must say before the run is taken into the cache."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cache.fingerprints import RESULT_VERSION
from cache.run_folder import MANIFEST, RunFolder
from engine.errors import RefusedInput
from engine.judged_by import DEFAULT, Measurement

_Count = Annotated[int, Field(ge=0)]


class _Manifest(BaseModel):
    # Manifests carry more than the cache looks at; the rest is kept as it is.
    model_config = ConfigDict(frozen=True, extra="allow")

    key: str
    created: str | None = None
    result_version: int = Field(RESULT_VERSION, ge=1, le=RESULT_VERSION)


class StudyName(BaseModel):
    """The study that a run belongs to."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str


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


class CeilingManifest(_Manifest):
    """Of a run that judged the ceiling by the influence run ``influence``."""

    kind: Literal["ceiling"]
    study: StudyName | None = None
    influence: str
    class_names: tuple[str, ...]
    verdict: Literal["improvable", "at_ceiling", "inconclusive"]


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


Manifest = InfluenceManifest | CeilingManifest | ReweightManifest | ClimbManifest

_KINDS: dict[Any, type[InfluenceManifest] | type[CeilingManifest] | type[ReweightManifest] | type[ClimbManifest]] = {
    "influence": InfluenceManifest,
    "ceiling": CeilingManifest,
    "reweight": ReweightManifest,
    "climb": ClimbManifest,
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
