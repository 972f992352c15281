"""A transformer that lies beside texts: analysed itself where it was trained for their classes, else it embeds them.

Told without torch, by its configuration and by the names and shapes at the head of its weights.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.workflow.init_study_files import entries_of
from app.workflow.init_study_findings import Findings
from engine.architecture_names import TRANSFORMERS
from engine.classes import listed, names_in_order
from engine.errors import RefusedInput
from engine.text_folder import CONFIG, WEIGHTS, checked_folder, class_names_of
from engine.text_settings import ENCODER

# The last layer of a classifier, by the kinds that are known.
_HEADS = ("classifier.out_proj.weight", "classifier.weight")
_LARGEST_HEAD = 64 << 20
_MOST_FOLDERS = 200


@dataclass(frozen=True)
class Transformer:
    """A folder of a transformer that can be used.

    Attributes:
        folder: that it lies in.
        name: of the folder, as the study file has it.
        config: its configuration.
        has_weights: whether it was trained at all.
        head: classes that its head was trained for; 0 without a head.
    """

    folder: Path
    name: str
    config: Mapping[str, Any]
    has_weights: bool
    head: int

    @property
    def shown(self) -> str:
        """Its name for people."""
        return "this folder" if self.name == "." else self.name

    @property
    def kind(self) -> str:
        """What its configuration calls it."""
        return str(self.config["model_type"])


def find_transformer(root: Path, labels: Sequence[str], findings: Findings) -> Transformer | None:
    """Tells how a transformer of the folder is used, if there is one with weights.

    Args:
        root: the folder, resolved.
        labels: that the texts have.
        findings: with the features that are used without a transformer.

    Returns:
        The one that is used.
    """
    found = _transformers(root, findings)
    trained = [one for one in found if one.has_weights]
    fitting = [one for one in trained if one.head == len(labels)]
    for one in found:
        if not one.has_weights:
            findings.leave_open(
                f"whether {one.shown} is to be trained",
                f"it holds a {one.kind} without weights, which embeds nothing yet",
                f'Remove [data.features] and write architecture = "{TRANSFORMERS}{one.name}" to train it from scratch',
            )
    if not trained:
        return None
    chosen, *others = (*fitting, *(one for one in trained if one not in fitting))
    if chosen.head == len(labels):
        _tell_whole(chosen, labels, findings)
    else:
        _tell_encoder(chosen, findings)
    if others:
        findings.leave_open(
            "which transformer is the model",
            f"{', '.join(ascii(one.name) for one in others[:5])} could be it as well as {chosen.name!a}",
            "Check architecture in [model], or kind in [data.features]",
        )
    return chosen


def is_analysed(transformer: Transformer | None, findings: Findings) -> bool:
    """Says whether the transformer itself is the study's model."""
    return transformer is not None and findings.get("model.architecture") == TRANSFORMERS + transformer.name


def _tell_whole(one: Transformer, labels: Sequence[str], findings: Findings) -> None:
    findings.forget("data.features.kind")
    why = f"{one.shown} holds a {one.kind} with a head for {one.head} classes, as many as the labels: it is the model"
    findings.infer("model.architecture", TRANSFORMERS + one.name, why)
    place = Path(one.name) / WEIGHTS
    findings.infer("model.checkpoints", place.as_posix(), "the weights that it was trained to")
    findings.leave_open(
        "whether the head alone would do",
        f"influence through a {one.kind} takes long on a CPU",
        f'For a fast first answer write kind = "{ENCODER}{one.name}" in [data.features], architecture = '
        "'logistic_regression' and checkpoints = 'checkpoints', and train",
    )
    names = class_names_of(one.config)
    # Labels 0, 1, ... are indices of class_names; other numbers are names, which class_names could not replace.
    are_places = set(labels) == {str(place) for place in range(len(labels))}
    ordered = None if names is None else names_in_order(names, labels)
    if are_places and names is not None and len(names) == len(labels):
        ordered = names
    if ordered is not None:
        if list(ordered) != sorted(labels):
            findings.infer("data.class_names", list(ordered), f"the order of the outputs, by {CONFIG}")
    elif not all(re.fullmatch(r"\d+", label) for label in labels):
        told = "only numbers its classes" if names is None else f"calls its classes {listed(names)}"
        findings.leave_open(
            "which output is which class",
            f"{CONFIG} of {one.shown} {told}, and the labels are {listed(sorted(labels))}",
            "Set class_names in [data], in the order of the outputs, unless that is the order of the alphabet",
        )


def _tell_encoder(one: Transformer, findings: Findings) -> None:
    findings.infer(
        "data.features.kind",
        ENCODER + one.name,
        f"{one.shown} holds a {one.kind} with weights: it embeds each text once, and a head is trained on that",
    )
    has = f"has a head for {one.head} classes" if one.head else "has no head"
    findings.leave_open(
        f"whether {one.shown} itself is to be analysed",
        f"it {has}, so it would have to be fine-tuned first",
        f'Remove [data.features] and write architecture = "{TRANSFORMERS}{one.name}" to do that; better with a GPU',
    )


def _transformers(root: Path, findings: Findings) -> list[Transformer]:
    """Returns what can be used in the folder, its folders and theirs; tells what is refused, and why."""
    found = []
    children = entries_of(root, root).folders
    grandchildren = [inner for child in children[:_MOST_FOLDERS] for inner in entries_of(child, root).folders]
    # Of several checkpoints of one training the last is likeliest meant.
    grandchildren.sort(key=_number, reverse=True)
    for folder in (root, *sorted(children, key=_number, reverse=True), *grandchildren[:_MOST_FOLDERS]):
        if not _says_kind(folder / CONFIG):
            continue
        name = folder.relative_to(root).as_posix()
        try:
            config = checked_folder(folder, needs_weights=False)
            has_weights = (folder / WEIGHTS).is_file()
            head = _head(folder / WEIGHTS) if has_weights else 0
        except RefusedInput as refusal:
            findings.leave_refused(f"what is in {name!a}", refusal)
            continue
        found.append(Transformer(folder, name, config, has_weights, head))
    return found


def _number(folder: Path) -> int:
    digits = re.findall(r"\d{1,9}", folder.name)
    return int(digits[-1]) if digits else -1


def _says_kind(path: Path) -> bool:
    """Says whether a file is a configuration of a transformer; many a program calls its own so."""
    try:
        return path.is_file() and b'"model_type"' in path.read_bytes()[:_LARGEST_HEAD]
    except OSError:
        return False


def _head(path: Path) -> int:
    """Returns for how many classes the head of a model's weights is, by the list at the beginning of its file."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LARGEST_HEAD:
                raise ValueError("the list of its tensors is too long")
            tensors = json.loads(file.read(length))
            shapes = [tensors[name]["shape"] for name in _HEADS if name in tensors]
        return int(shapes[0][0]) if shapes else 0
    except (OSError, ValueError, RecursionError, TypeError, KeyError, IndexError) as error:
        raise RefusedInput(
            f"{WEIGHTS} cannot be read: {str(error)[:80]}", "a whole file of safetensors", "Copy the file again"
        ) from None
