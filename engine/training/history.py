"""The record of a training, ``history.json`` beside its checkpoints.

It is written after each epoch, after that epoch's files: what it lists is complete, so
a stopped training continues from its last entry. It also names the settings and the
data that it belongs to, so a training never continues another one.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.architecture_names import builder_name
from engine.checkpoints import HISTORY
from engine.data import StudyData
from engine.errors import RefusedInput
from engine.study import Study
from engine.whole_files import write_whole


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: its checkpoint and how well every class did after it."""

    epoch: int
    """1 for the first."""
    checkpoint: str
    """File name in the folder of the checkpoints."""
    seconds: float
    """Of training, without the evaluation."""
    validation: list[float]
    """Accuracy of each class, ``(K,)``, in 0..1; NaN without samples."""
    test: list[float] | None
    """The same on the test split, if the study has one."""
    train_loss: float
    """Mean over the training samples, each measured in its batch."""


@dataclass(frozen=True)
class TrainingHistory:
    """The epochs of one training so far."""

    class_names: tuple[str, ...]
    planned_epochs: int
    settings: str
    """Fingerprint of all that the training depends on."""
    epochs: tuple[EpochRecord, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Whether all planned epochs were trained."""
        return len(self.epochs) >= self.planned_epochs

    def with_epoch(self, record: EpochRecord) -> "TrainingHistory":
        """Returns the history with one more epoch."""
        return replace(self, epochs=(*self.epochs, record))


def write_history(history: TrainingHistory, folder: Path) -> None:
    """Writes ``history.json`` whole; accuracies that are NaN become null."""
    text = json.dumps(_nan_as_none(asdict(history)), indent=1, allow_nan=False)
    write_whole(folder / HISTORY, text.encode())


def read_history(folder: Path) -> TrainingHistory | None:
    """Returns the history in a folder of checkpoints, or None where there is none.

    Raises:
        RefusedInput: if the file is not such a history.
    """
    path = folder / HISTORY
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        records = tuple(_record(entry) for entry in stored.pop("epochs"))
        class_names = tuple(stored.pop("class_names"))
        return TrainingHistory(class_names=class_names, epochs=records, **stored)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RefusedInput(
            f"{path} is not the record of a training ({error!r})",
            "the file that `python -m app train` wrote",
            "Remove it",
        ) from error


def training_fingerprint(study: Study, data: StudyData) -> str:
    """Returns a hash of what the weights of every epoch depend on: settings, seed, training samples, the user's code.

    A builder in a file of the user's counts by its bytes, and not by where it lies.
    """
    model = study.model.model_dump(mode="json", exclude={"checkpoints", "epoch"})
    builder = builder_name(study.model.architecture)
    if builder is not None:
        source = study.path(builder.path).read_bytes()
        model |= {"architecture": builder.function, "builder": hashlib.sha256(source).hexdigest()}
    transform = study.data.transform.model_dump(mode="json")
    training = study.training.model_dump(mode="json")
    settings = [study.seed, model, transform, training, data.num_classes]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for tensor in (data.train.labels, data.train.inputs):
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _record(entry: dict) -> EpochRecord:
    for split in ("validation", "test"):
        if entry[split] is not None:
            entry[split] = [math.nan if value is None else float(value) for value in entry[split]]
    return EpochRecord(**entry)


def _nan_as_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _nan_as_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nan_as_none(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
