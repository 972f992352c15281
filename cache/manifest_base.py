"""What the manifests of all kinds of runs have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cache.fingerprints import RESULT_VERSION

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class BaseManifest(BaseModel):
    """What every kind of run says of itself."""

    # Manifests carry more than the cache looks at; the rest is kept as it is.
    model_config = ConfigDict(frozen=True, extra="allow")

    key: str
    created: str | None = None
    result_version: int = Field(RESULT_VERSION, ge=1, le=RESULT_VERSION)


class StudyName(BaseModel):
    """The study that a run belongs to."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
