"""What a study file says about text: how it becomes numbers, and what may not be said beside it."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from engine.architecture_names import TRANSFORMERS
from engine.refusals import contradiction
from engine.reweight_settings import Settings

if TYPE_CHECKING:
    from engine.study import Data

DEFAULT_COLUMN = "text"
"""Of the texts, where the study names none."""
ENCODER = "encoder:"
TFIDF = "tfidf"
COMPONENTS = 480
"""Of the truncated SVD, where the study does not say: as many as keep a linear head for ten classes small enough for
its exact curvature."""
LENGTH = 4.0
"""Of the row of numbers that a text becomes. The sum of its squares bounds the curvature of a head on it, so that
gradient descent converges at the learning rates that suit tables, however many the columns."""
TEXT_FORMATS = ("csv", "parquet")
MAX_LENGTH = 128
"""Tokens of a text that are kept, where the study does not say."""


class Features(Settings):
    """How texts become rows of numbers, on which a head is trained and analysed."""

    kind: str
    """``tfidf``, or ``encoder:FOLDER``: a frozen encoder that embeds each text once."""
    components: int | None = Field(None, ge=0, le=4096)
    """Of the truncated SVD after TF-IDF, 480 by default; 0 for none: the words themselves are the columns."""
    max_features: int | None = Field(None, gt=0, le=200_000)
    """Words that TF-IDF keeps, the most frequent ones: 20,000 by default, and 2,000 without an SVD."""
    max_length: int | None = Field(None, ge=2, le=8192)
    """Tokens of a text that the encoder sees at most, 128 by default."""
    pooling: Literal["mean", "cls"] | None = None
    """What an encoder's outputs become: their mean over the tokens (the default), or the first token's."""

    @property
    def encoder(self) -> str | None:
        """FOLDER of ``encoder:FOLDER``; None for TF-IDF."""
        return self.kind.removeprefix(ENCODER) if self.kind.startswith(ENCODER) else None

    @model_validator(mode="after")
    def _options_belong(self) -> "Features":
        folder = self.encoder
        if self.kind != TFIDF and not (folder and "\0" not in folder):
            problem = f"kind is {self.kind[:80]!r}"
            raise contradiction(problem, "'tfidf', or 'encoder:' and a folder", "Write it like 'encoder:minilm'")
        own = ("components", "max_features") if folder is None else ("max_length", "pooling")
        for option in ("components", "max_features", "max_length", "pooling"):
            if getattr(self, option) is not None and option not in own:
                name = TFIDF if folder is None else f"{ENCODER}FOLDER"
                raise contradiction(f"{option} is given for kind = '{name}'", f"{' or '.join(own)}", f"Remove {option}")
        return self


def check_text(data: "Data") -> None:
    """Checks what ``[data]`` says about text; called where pydantic validates it.

    Raises:
        PydanticCustomError: if keys are given that do not go together; the parts are those of a refusal.
    """
    if data.header is not None and data.format != "csv":
        raise contradiction(
            f"header is given for format = '{data.format}'", "it only for format = 'csv'", "Remove header"
        )
    if data.modality != "text":
        for key in ("features", "max_length"):
            if getattr(data, key) is not None:
                problem = f"{key} is given for modality = '{data.modality}'"
                raise contradiction(problem, "it only for modality = 'text'", f"Remove {key}, or set modality = 'text'")
        if data.header is False:
            problem = f"header is false for modality = '{data.modality}'"
            raise contradiction(problem, "the names of the columns", 'Write header = ["a", "b", "label"]')
        return
    if data.format not in TEXT_FORMATS:
        problem = f"modality is 'text' for format = '{data.format}'"
        raise contradiction(problem, "format = 'csv' or 'parquet'", "Store text and label as columns of such a file")
    if isinstance(data.input, tuple):
        problem = "input is a list for modality = 'text'"
        raise contradiction(problem, "one column", "Name the one that holds the text")
    if data.transform.model_fields_set:
        problem = "transform is given for modality = 'text'"
        raise contradiction(problem, "it for pictures and tables only", "Remove [data.transform]")
    if data.features is not None and data.max_length is not None:
        problem = "max_length is given beside features"
        raise contradiction(problem, "it for architecture = 'transformers:FOLDER' only", "Remove max_length")


def check_text_model(data: "Data", architecture: str) -> None:
    """Checks that text and architecture go together.

    Raises:
        PydanticCustomError: if they do not; the parts are those of a refusal.
    """
    whole = architecture.startswith(TRANSFORMERS)
    if whole and data.modality != "text":
        problem = f"[model] architecture is '{architecture[:80]}' for [data] modality = '{data.modality}'"
        raise contradiction(problem, "modality = 'text'", "Set modality = 'text', or change the architecture")
    if whole and data.features is not None:
        problem = f"[model] architecture is '{architecture[:80]}' beside [data.features]"
        remedy = "Remove [data.features] to analyse the transformer itself, or use architecture = 'mlp' on the features"
        raise contradiction(problem, "one of the two", remedy)
    if data.modality != "text" or whole:
        return
    if data.features is None:
        problem = f"[model] architecture is '{architecture[:80]}' for texts, and there is no [data.features]"
        remedy = "Add [data.features] with kind = 'tfidf', or 'encoder:FOLDER'"
        raise contradiction(problem, "features, or architecture = 'transformers:FOLDER'", remedy)
