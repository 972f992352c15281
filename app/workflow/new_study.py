"""From the answers of a form to a study file: its values, what is wrong with them, its text, and its place."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import tomli_w

from app.workflow.folder_browser import Roots
from app.workflow.named_folders import check_set, check_transformer
from engine.architecture_names import TRANSFORMERS, transformers_folder
from engine.errors import RefusedInput
from engine.study import FORMATS, Data, Model, Training, load_study, study_problems
from engine.text_settings import DEFAULT_COLUMN
from engine.torchvision_sets import SETS
from engine.whole_files import write_whole

STUDY_FILE = "study.toml"
PATHS = ("train", "validation", "test", "root", "encoder", "transformer", "checkpoints", "folder")
"""The answers that are paths."""
_FORM_KNOWS = ("csv", "npz", "parquet", "image_folder", "torchvision")
_CHECKPOINTS = Model.model_fields["checkpoints"].default
_DEFAULTS = Training()


@dataclass(frozen=True)
class Answers:
    """What was filled in. Empty text stands for no answer; lists are written with commas."""

    name: str = ""
    folder: str = ""
    format: str = "csv"
    modality: str = "tabular"
    train: str = ""
    validation: str = ""
    """A path; where it is empty, ``fraction`` of the training samples is set aside."""
    fraction: float = 0.2
    test: str = ""
    dataset: str = next(iter(SETS))
    """Of torchvision, which has its own splits: it takes the place of the paths."""
    root: str = ""
    download: bool = False
    input: tuple[str, ...] = ()
    label: str = ""
    delimiter: str = ""
    header: tuple[str, ...] = ()
    """Names of the columns of a CSV file whose first line is a sample; none where it names them."""
    class_names: tuple[str, ...] = ()
    """In the order of the model's outputs; none for the order of the alphabet."""
    features: str = "tfidf"
    """How texts become numbers: ``tfidf``, ``encoder``, or ``none`` where a transformer is analysed itself."""
    encoder: str = ""
    """The folder of the encoder."""
    transformer: str = ""
    """The folder of the transformer that is analysed itself: it takes the place of ``architecture``."""
    resize: int = 0
    """0 for none."""
    mean: str = ""
    std: str = ""
    augment: tuple[str, ...] = ()
    architecture: str = "mlp"
    hidden: str = "64"
    bias: bool = True
    checkpoints: str = ""
    learning_rate: float = _DEFAULTS.learning_rate
    momentum: float = _DEFAULTS.momentum
    weight_decay: float = _DEFAULTS.weight_decay
    batch_size: int = _DEFAULTS.batch_size
    epochs: int = _DEFAULTS.epochs
    schedule: str = _DEFAULTS.schedule
    seed: int = 0


def answered(held: dict[str, Any]) -> Answers:
    """Returns the answers from what the fields of a form hold, by name."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in held.items()}
    if values.get("format") == "torchvision":
        # A file of texts may have been named before; what a sample is, is not asked of a set.
        values["modality"] = "image"
    return Answers(**values)


def formats() -> tuple[str, ...]:
    """Returns the data formats that the form offers: those that studies are read from today."""
    return tuple(name for name in _FORM_KNOWS if name in get_args(FORMATS))


def in_full(answers: Answers, roots: Roots) -> Answers:
    """Returns the answers with their paths in full; what leads out of the roots stays as it was written."""
    changes: dict[str, Any] = {}
    for field in PATHS:
        if text := getattr(answers, field):
            try:
                changes[field] = str(roots.resolved(text))
            except RefusedInput:
                continue  # Told by :func:`problems`.
    return replace(answers, **changes)


def study_values(answers: Answers, folder: Path | None) -> dict[str, Any]:
    """Returns the values of the study file, in its order; what was left open is left out.

    Args:
        answers: of the form.
        folder: that the file is to lie in: paths below it are written relative to it. ``None``: all in full.
    """
    of_torchvision = answers.format == "torchvision"
    tabular = answers.modality in ("tabular", "text") and not of_torchvision
    data: dict[str, Any] = {"format": answers.format}
    if of_torchvision:
        data |= {"dataset": answers.dataset}
        data |= {"root": _written(answers.root, folder)} if answers.root else {}
        data |= {"download": True} if answers.download else {}
    for split in () if of_torchvision else ("train", "validation", "test"):
        if path := getattr(answers, split):
            data[split] = _written(path, folder)
    data.setdefault("validation", answers.fraction)
    has_columns = answers.format not in ("image_folder", "torchvision")
    if answers.input and has_columns:
        data["input"] = answers.input[0] if _has_one_input(answers) and len(answers.input) == 1 else list(answers.input)
    if answers.label and has_columns:
        data["label"] = answers.label
    if answers.delimiter and answers.format == "csv":
        data["delimiter"] = answers.delimiter
    if answers.header and answers.format == "csv":
        data["header"] = False if _is_text_and_label(answers) else list(answers.header)
    if answers.format in ("npz", "parquet") or answers.modality == "text":
        data["modality"] = answers.modality
    data |= _features(answers, folder)
    if answers.class_names:
        data["class_names"] = list(answers.class_names)
    transform: dict[str, Any] = {} if tabular or not answers.resize else {"resize": answers.resize}
    named = () if answers.modality == "text" else ("mean", "std")
    transform |= {name: _numbers(getattr(answers, name)) for name in named if getattr(answers, name).strip()}
    if answers.augment and not tabular:
        transform["augment"] = list(answers.augment)
    if transform:
        data["transform"] = transform

    training = {
        name: getattr(answers, name)
        for name in ("learning_rate", "momentum", "weight_decay", "batch_size", "epochs", "schedule")
    }
    return {
        "name": answers.name,
        "seed": answers.seed,
        "data": data,
        "model": _model(answers, folder),
        "training": training,
    }


def problems(answers: Answers, roots: Roots) -> dict[str, RefusedInput]:
    """Returns all that is wrong with the answers, by the key of the study file.

    Args:
        answers: of the form.
        roots: where files may lie.
    """
    found = study_problems(study_values(answers, None), Path())
    folders = answers.format == "image_folder"
    if answers.format == "torchvision":
        if answers.root:
            _note(found, "data.root", lambda: check_set(answers.dataset, answers.root, answers.download, roots))
        else:
            # Under its own field, and not under the table.
            found.pop("data", None)
            found["data.root"] = RefusedInput("no folder is chosen", "the folder of the set's files", "Choose a folder")
    for split in () if answers.format == "torchvision" else ("train", "validation", "test"):
        if text := getattr(answers, split):
            _note(found, f"data.{split}", lambda text=text: roots.existing(text, folder=folders))
    if answers.modality == "text" and answers.features == "encoder" and answers.encoder:
        _note(found, "data.features.kind", lambda: check_transformer(answers.encoder, roots, needs_weights=True))
    _check_model(answers, roots, found)
    if answers.checkpoints:
        _note(found, "model.checkpoints", lambda: roots.resolved(answers.checkpoints))
    if _has_one_input(answers) and len(answers.input) > 1 and answers.format != "torchvision":
        found["data.input"] = RefusedInput(
            f"{len(answers.input)} inputs are chosen", "one array, or one column of pictures", "Take the others away"
        )
    if answers.folder:
        _note(found, "folder", lambda: has_study_file(roots.resolved(answers.folder)))
    else:
        found["folder"] = RefusedInput(
            "no folder is chosen for the study file", "a folder below the allowed ones", "Choose a folder"
        )
    return found


def toml_text(values: dict[str, Any]) -> str:
    """Returns values as TOML; names with quotes, line breaks or any letters are read back as they were."""
    # Each list on one line: the writer gives every item its own, and within a line there is no line break.
    return re.sub(r"\[\n((?:    .*,\n)*)\](?=\n|$)", _on_one_line, tomli_w.dumps(values))


def has_study_file(folder: Path) -> bool:
    """Says whether there is a study file, or anything else of its name, in a folder, which need not exist.

    Raises:
        RefusedInput: if the folder may not be looked into.
    """
    try:
        return (folder / STUDY_FILE).exists()
    except OSError as error:
        raise RefusedInput(
            f"{folder} cannot be looked into: {error.strerror}", "a folder that may be read", "Choose another folder"
        ) from error


def proposed_folder(train: str, name: str) -> str:
    """Returns where the study file would lie: beside the training data, or in a folder of its own if there is one."""
    if not train:
        return ""
    beside = Path(train).parent
    if not has_study_file(beside):
        return str(beside)
    return str(beside / (re.sub(r"[^\w-]+", "-", name).strip("-").lower() or "study"))


def write_study(answers: Answers, roots: Roots, may_replace: bool = False) -> Path:
    """Writes the study file, whole or not at all, and reads it back.

    Args:
        answers: of the form, in which nothing is wrong.
        roots: below which it may be written.
        may_replace: whether a study file that is there already may be replaced.

    Returns:
        The path of the file.

    Raises:
        RefusedInput: if something is wrong with the answers, the folder lies outside of the roots or cannot be
            written to, or there is a study file and it may not be replaced.
    """
    answers = in_full(answers, roots)
    for refusal in problems(answers, roots).values():
        raise refusal
    folder = roots.resolved(answers.folder)
    file = folder / STUDY_FILE
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise RefusedInput(f"{file} is a link or no file", "a folder without one", "Choose another folder")
    if file.exists() and not may_replace:
        raise RefusedInput(
            f"there is a study file in {folder} already", "a folder without one", "Choose another, or say to replace it"
        )
    write_text(file, toml_text(study_values(answers, folder)))
    load_study(file)
    return file


def _model(answers: Answers, folder: Path | None) -> dict[str, Any]:
    architecture = answers.architecture
    if _has_transformer(answers) and answers.transformer:
        architecture = TRANSFORMERS + _written(answers.transformer, folder)
    model: dict[str, Any] = {"architecture": architecture}
    model["checkpoints"] = _written(answers.checkpoints, folder) if answers.checkpoints else _CHECKPOINTS
    if architecture in ("logistic_regression", "mlp") and not answers.bias:
        model["bias"] = False
    if architecture == "mlp":
        model["hidden"] = _numbers(answers.hidden)
    return model


def _features(answers: Answers, folder: Path | None) -> dict[str, Any]:
    if answers.modality != "text" or answers.features == "none":
        return {}
    encoder = _written(answers.encoder, folder) if answers.encoder else ""
    return {"features": {"kind": f"encoder:{encoder}" if answers.features == "encoder" else answers.features}}


def _is_text_and_label(answers: Answers) -> bool:
    """Says whether the lines of a file are a text and its label, for which a study has a word of its own."""
    text = answers.input[0] if len(answers.input) == 1 else DEFAULT_COLUMN
    return answers.modality == "text" and answers.header == (text, answers.label or Data.model_fields["label"].default)


def _has_transformer(answers: Answers) -> bool:
    """Says whether texts are given to a transformer that is the model itself."""
    return answers.modality == "text" and answers.features == "none" and answers.format != "torchvision"


def _has_one_input(answers: Answers) -> bool:
    return answers.modality != "tabular" or answers.format == "npz"


def _check_model(answers: Answers, roots: Roots, found: dict[str, RefusedInput]) -> None:
    """Adds what is wrong with the folder of a transformer that is the model, chosen or written as the architecture."""
    written = transformers_folder(answers.architecture)
    if _has_transformer(answers) and answers.transformer:
        _note(found, "model.architecture", lambda: check_transformer(answers.transformer, roots, needs_weights=False))
    elif written:
        # Relative to the study file, as it is read there.
        place = str(Path(answers.folder) / written)
        _note(found, "model.architecture", lambda: check_transformer(place, roots, needs_weights=False))
    elif _has_transformer(answers):
        found.pop("", None)
        found["model.architecture"] = RefusedInput(
            "no folder is chosen", "the folder of a transformer", "Choose a folder, or another way to read the texts"
        )


def _on_one_line(written: re.Match[str]) -> str:
    return f"[{', '.join(line.strip().removesuffix(',') for line in written[1].splitlines())}]"


def write_text(file: Path, text: str) -> None:
    """Writes a file, whole or not at all; refuses a place that cannot be written to."""
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise RefusedInput(
            f"{file} cannot be written: {error.strerror}", "a folder that may be written to", "Choose another folder"
        ) from error


def _note(found: dict[str, RefusedInput], key: str, check: Any) -> None:
    try:
        check()
    except RefusedInput as refusal:
        found.setdefault(key, refusal)


def _written(path: str, folder: Path | None) -> str:
    """Returns a path as the study file has it: relative to the file where it lies below its folder."""
    full = Path(path)
    return full.relative_to(folder).as_posix() if folder is not None and full.is_relative_to(folder) else path


def _numbers(text: str) -> Any:
    """Returns numbers that are divided by commas; what is no number stays as it is, for the reader to refuse."""
    found: list[Any] = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        try:
            found.append(int(part) if re.fullmatch(r"[+-]?\d+", part) else float(part))
        except ValueError:
            found.append(part)
    return found
