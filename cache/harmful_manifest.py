"""What ``run.json`` of a search for label errors must say."""

from typing import Literal

from pydantic import Field, model_validator

from cache.manifest_base import BaseManifest, Count, StudyName


class HarmfulManifest(BaseManifest):
    """Of a run that judged the labels of the training samples of the influence run ``influence``."""

    kind: Literal["harmful"]
    study: StudyName
    influence: str
    class_names: tuple[str, ...] = Field(min_length=2)
    samples: int = Field(ge=1, lt=2**31)
    trainings: int = Field(ge=1)
    suggested: Count
    """Samples for which another label is suggested."""
    known_errors: Count | None
    """Samples whose label is known to be wrong; null where that is not known."""

    @model_validator(mode="after")
    def _counts_fit(self) -> "HarmfulManifest":
        if max(self.suggested, self.known_errors or 0) > self.samples:
            raise ValueError(f"suggested or known_errors are more than {self.samples} samples")
        return self
