"""What every component is given: a study with its stored runs, as the pages look at them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cache import Cache
from cache.manifests import measurement_of
from engine.judged_by import Measurement
from engine.study import Study


@dataclass(frozen=True)
class StudyInView:
    """A study whose influence and verdict are stored.

    Attributes:
        path: of the study file.
        study: its settings, those of the run in view where that is of another checkpoint.
        key: of its influence run.
        influence: manifest of that run.
        ceiling: manifest of its ceiling run.
        cache: answers every query.
        options: with which a command comes to this run and not to the study file's own.
        is_current: whether data, checkpoint and settings are still those of the run, so that work can go on from it.
    """

    path: Path
    study: Study
    key: str
    influence: dict[str, Any]
    ceiling: dict[str, Any]
    cache: Cache
    options: dict[str, Any] = field(default_factory=dict)
    is_current: bool = True

    @property
    def names(self) -> list[str]:
        """The class names, in class order."""
        return self.influence["class_names"]

    @property
    def measurement(self) -> Measurement:
        """What the classes are judged by."""
        return measurement_of(self.influence)
