"""What belongs to ``[data]`` beside the files: how many samples are taken, and what is done to their inputs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.refusals import contradiction
from engine.reweight_settings import Settings


class Limit(Settings):
    """At most this many samples of each class, drawn by the study's seed."""

    train: int | None = Field(None, gt=0)
    validation: int | None = Field(None, gt=0)
    test: int | None = Field(None, gt=0)


class Transform(Settings):
    """From stored inputs to what the model was trained on."""

    resize: int | None = Field(None, ge=4, le=1024)
    """Side in pixels to which images are resized."""
    mean: tuple[float, ...] | None = Field(None, min_length=1)
    """Subtracted from each channel (images, on the scale 0..1) or column (tables)."""
    std: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(None, min_length=1)
    """Divides each channel or column after ``mean`` was subtracted."""
    augment: tuple[Literal["crop", "flip"], ...] = ()
    """Random changes of training images; never used for influence."""

    @model_validator(mode="after")
    def _mean_goes_with_std(self) -> "Transform":
        if (self.mean is None) != (self.std is None):
            raise contradiction("only one of mean and std is given", "both or neither", "Add or remove one of them")
        if self.mean is not None and self.std is not None and len(self.mean) != len(self.std):
            problem = f"mean has {len(self.mean)} values and std {len(self.std)}"
            raise contradiction(problem, "one of each for every channel or column", "Give both the same number")
        return self
