"""The epochs of a study as command and page speak of them, without loading a network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.workflow.options import COURSE_CORRECTION
from engine.checkpoints import list_checkpoints
from engine.errors import RefusedInput
from engine.study import Study

_LISTED = 5


@dataclass(frozen=True)
class ClassChange:
    """What one epoch did to a class; accuracies are shares.

    Attributes:
        name: of the class.
        before: accuracy on validation samples after the epoch before.
        after: and after this one.
        p_value: of a drop, corrected for all classes and epochs tested.
        is_cost: whether the drop is more than noise.
        on_test: change of accuracy on test samples; ``None`` without any.
    """

    name: str
    before: float
    after: float
    p_value: float
    is_cost: bool
    on_test: float | None


def compared_checkpoints(study: Study) -> dict[int, Path]:
    """Returns the checkpoints of a study by epoch, in ascending order, if any two of them can be compared.

    Raises:
        RefusedInput: if there is none, or no two are of consecutive epochs.
    """
    found = list_checkpoints(study)
    if not any(epoch - 1 in found for epoch in found):
        epochs = ", ".join(map(str, list(found)[:_LISTED])) + (", ..." if len(found) > _LISTED else "")
        there = f"that of epoch {epochs} alone" if len(found) == 1 else f"those of epochs {epochs}"
        raise RefusedInput(
            f"no epoch of study '{study.name}' can be judged: of its checkpoints there is {there}",
            "two consecutive checkpoints or more, such as epoch-015 and epoch-016",
            "Keep a checkpoint after each epoch in the folder of [model] checkpoints; `python -m app train` does",
        )
    return found


def skipped_notice(epochs: Sequence[int]) -> str | None:
    """Returns the sentence that says which epochs are not judged for lack of the one before, or ``None``."""
    lacking = [str(epoch) for before, epoch in pairwise(epochs) if epoch != before + 1]
    if not lacking:
        return None
    which = f"Epoch {lacking[0]} is" if len(lacking) == 1 else f"Epochs {', '.join(lacking)} are"
    return f"{which} not judged: the checkpoint before is missing."


def cost_sentence(names: Sequence[str], entry: Mapping[str, Any]) -> str:
    """Says what a detrimental epoch cost: ``"epoch 16 cost dog 3.6 points, horse 2.0 points"``.

    Args:
        names: class names.
        entry: of the manifest's ``detrimental``.
    """
    costs = (f"{names[k]} {100 * drop:.1f} points" for k, drop in zip(entry["classes"], entry["drops"], strict=True))
    return f"epoch {entry['epoch']} cost {', '.join(costs)}"


def epochs_sentences(names: Sequence[str], detrimental: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns a sentence for each detrimental epoch, worst first; one that there is none, otherwise."""
    return [cost_sentence(names, entry) for entry in detrimental] or ["no epoch cost a class more than noise"]


def class_changes(manifest: Mapping[str, Any], epoch: int) -> list[ClassChange]:
    """Returns what a judged epoch did to every class that has validation samples, the largest drop first.

    Args:
        manifest: of an epochs run.
        epoch: the later of two consecutive ones.
    """
    row = manifest["epochs"].index(epoch)
    p_values = next(entry["p_values"] for entry in manifest["judged"] if entry["epoch"] == epoch)
    cost = {k for entry in manifest["detrimental"] if entry["epoch"] == epoch for k in entry["classes"]}
    before, after = manifest["accuracy"]["validation"][row - 1 : row + 1]
    on_test = (manifest["accuracy"]["test"] or [[None] * len(before)] * len(manifest["epochs"]))[row - 1 : row + 1]
    changes = [
        ClassChange(name, before[k], after[k], p_values[k], k in cost, None if None in pair else pair[1] - pair[0])
        for k, (name, pair) in enumerate(zip(manifest["class_names"], zip(*on_test, strict=True), strict=True))
        if before[k] is not None
    ]
    return sorted(changes, key=lambda change: change.after - change.before)


def correction_options(names: Sequence[str], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of ``reweight`` that train a detrimental epoch again for the classes it cost.

    Args:
        names: class names.
        entry: of the manifest's ``detrimental``.
    """
    # Training starts from the checkpoint before. In class order: the same correction is the same job.
    targets = [names[k] for k in sorted(entry["classes"])]
    return {"setting": COURSE_CORRECTION, "epoch": entry["epoch"] - 1, "targets": targets}
