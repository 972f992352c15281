"""The ``[data]`` of a study from what lies in a folder: format, splits, label, inputs, and the sides of pictures."""

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

from app.workflow.data_columns import Columns, columns_of
from app.workflow.init_study_columns import Column, chosen_label, columns_by_rows
from app.workflow.init_study_dialect import dialect_of
from app.workflow.init_study_files import Candidate, candidates, entries_of, holds_pictures
from app.workflow.init_study_findings import Findings
from app.workflow.init_study_pictures import sides_of_folder, sides_of_parquet
from app.workflow.init_study_refusals import no_data, no_numbers
from app.workflow.init_study_sets import torchvision_set
from app.workflow.init_study_text import tell_text, text_column
from engine.errors import RefusedInput

FRACTION = 0.2
"""Of the training data that is set aside where there are no validation data."""
_LARGEST_SIDE = 256
_USUAL_SIDES = (32, 64, 96, 128, 224)
_HIDDEN_CHECKPOINTS = ".checkpoints"
_LABEL = "label"


@dataclass(frozen=True)
class DataFound:
    """What the model is chosen by, beyond what is told in the findings.

    Attributes:
        modality: ``image``, ``tabular`` or ``text``.
        labels: of a table of texts, those that differ.
        rows: of a table of texts that were looked at.
        numbers: columns of numbers of a table, in their order.
        indices: of these, those that only number the rows and were left out.
    """

    modality: str
    numbers: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    rows: int = 0


def find_data(root: Path, findings: Findings) -> DataFound:
    """Tells ``[data]`` of the likeliest data in a folder.

    Args:
        root: the folder, resolved.
        findings: that are added to.

    Raises:
        RefusedInput: if there is nothing that can be read as data.
    """
    kept = torchvision_set(root, findings)
    if kept:
        return DataFound("image")
    found = candidates(root, findings)
    refusals: list[RefusedInput] = []
    for place, candidate in enumerate(found):
        tried = Findings()
        try:
            result = _told(candidate, root, tried)
        except RefusedInput as refusal:
            refusals.append(refusal)
            continue
        _tell_rivals(candidate, found[place + 1 :], refusals, root, tried)
        for one in tried.inferred:
            findings.infer(one.key, one.value, one.why)
        for open_one in tried.unknown:
            findings.leave_open(open_one.what, open_one.why, open_one.remedy)
        return result
    if refusals:
        told = "; ".join(refusal.problem for refusal in refusals[:5])
        raise RefusedInput(f"nothing in {root} can be read as data: {told}", refusals[0].expected, refusals[0].remedy)
    raise no_data(root)


def _told(candidate: Candidate, root: Path, findings: Findings) -> DataFound:
    train = candidate.splits["train"]
    # Looked at before anything is told: what cannot be read is no data.
    head = columns_of(train, candidate.format)
    kinds = {"image_folder": "a folder of class folders with pictures", "csv": "a table in a text file"}
    kind = kinds.get(candidate.format, f"it ends in .{candidate.format}")
    findings.infer(
        "data.format", candidate.format, f"{_quoted(train, root)} is {kind}" if kind in kinds.values() else kind
    )
    _splits(candidate, root, findings)
    if candidate.format == "image_folder":
        return _folders(train, head, root, findings)
    if candidate.format == "npz":
        return _arrays(train, head, findings)
    return _table(train, candidate.format, root, findings)


def _splits(candidate: Candidate, root: Path, findings: Findings) -> None:
    train = candidate.splits["train"]
    why = "its name says so" if candidate.is_named else "the only data without another split's name"
    findings.infer("data.train", _written(train, root), why)
    if "validation" in candidate.splits:
        findings.infer("data.validation", _written(candidate.splits["validation"], root), "its name says so")
    else:
        findings.infer(
            "data.validation", FRACTION, "there is no file or folder of this name: a fifth of each class is set aside"
        )
    if "test" in candidate.splits:
        findings.infer("data.test", _written(candidate.splits["test"], root), "its name says so")
    else:
        findings.leave_open(
            "test data",
            "no file or folder is called test",
            "Add test = ... to [data] if there are any: results are then told on them as well",
        )


def _folders(train: Path, head: Columns, root: Path, findings: Findings) -> DataFound:
    empty = [path.name for path in entries_of(train, root).folders if not _has_pictures(path, root)]
    if empty:
        findings.leave_open(
            f"whether {', '.join(map(ascii, empty[:5]))} {'is a class' if len(empty) == 1 else 'are classes'}",
            f"every folder in {train.name} counts as a class, and no picture was found there",
            "Move what is no class elsewhere, for instance the class folders into a folder train",
        )
    if train == root:
        findings.infer(
            "model.checkpoints",
            _HIDDEN_CHECKPOINTS,
            "folders beside the classes count as classes unless they are hidden",
        )
    _sides(sides_of_folder(train, root), findings)
    return DataFound("image")


def _has_pictures(folder: Path, root: Path) -> bool:
    return holds_pictures(folder) or any(holds_pictures(inner) for inner in entries_of(folder, root).folders)


def _arrays(train: Path, head: Columns, findings: Findings) -> DataFound:
    if head.input is None or head.label is None:
        raise RefusedInput(
            f"{train.name} has no array of inputs beside one of labels, but {', '.join(map(ascii, head.names[:8]))}",
            "one array of inputs (N x ...) and one of labels (N)",
            "Write it with numpy.savez(path, x=inputs, label=labels)",
        )
    what = "pictures" if head.modality == "image" else "rows of numbers"
    findings.infer("data.input", head.input, f"the first array of {what} by its shape and type")
    findings.infer("data.label", head.label, "an array with one value a row" + _by_name(head.label))
    findings.infer("data.modality", head.modality, f"'{head.input}' holds {what}")
    others = [name for name in head.names if name not in (head.input, head.label)]
    if others:
        findings.leave_open(
            f"what {', '.join(map(ascii, others[:5]))} in {train.name} is for",
            "a study reads one array of inputs and one of labels from each file",
            "If it is another split, write it to a file of its own and name that; else nothing is to be done",
        )
    return DataFound(head.modality)


def _table(train: Path, data_format: str, root: Path, findings: Findings) -> DataFound:
    dialect = dialect_of(train) if data_format == "csv" else None
    columns = columns_by_rows(train, data_format, dialect)
    if dialect is not None and dialect.delimiter != ",":
        findings.infer(
            "data.delimiter", dialect.delimiter, "it divides all lines that were looked at into as many columns"
        )
    choice = chosen_label([column for column in columns if column.kind != "picture"])
    if choice is None:
        raise RefusedInput(
            f"no column of {train.name} can be the label: none of {', '.join(ascii(one.name) for one in columns[:8])} "
            "has few distinct words or whole numbers",
            "a column of classes, each in several rows",
            "Add one, or write the study file by hand",
        )
    label, text = choice.column, text_column(columns, choice.column)
    if dialect is not None and dialect.names is None:
        columns = _named(columns, label, None if text is None else text[0], findings)
        label = next(column for column in columns if column.name == _LABEL)
        text = text_column(columns, label)
    pictures = [column for column in columns if column.kind == "picture"]
    if data_format == "parquet" and text is None:
        modality = "image" if pictures else "tabular"
        why = f"'{pictures[0].name}' holds bytes" if pictures else "no column holds bytes"
        findings.infer("data.modality", modality, why)
    findings.infer("data.label", label.name, choice.why)
    if choice.rivals:
        findings.leave_open(
            "which column is the label",
            f"{', '.join(ascii(one.name) for one in choice.rivals[:5])} could be it as well as {label.name!a}",
            "Check label in [data]; a column that would give the label away must not be among the inputs",
        )
    if pictures:
        findings.infer(
            "data.input", pictures[0].name, "the only column of bytes" if len(pictures) == 1 else "the first"
        )
        if len(pictures) > 1:
            findings.leave_open(
                "which column holds the pictures",
                f"{', '.join(ascii(one.name) for one in pictures)} hold bytes",
                "Check input in [data]",
            )
        _sides(sides_of_parquet(train, pictures[0].name), findings)
        return DataFound("image")
    if text is not None:
        others = [column for column in columns if column.name not in (label.name, text[0].name)]
        tell_text(*text, others, findings)
        return DataFound("text", labels=label.values, rows=label.rows)
    return _numbers(train, columns, label, findings)


def _named(columns: list[Column], label: Column, text: Column | None, findings: Findings) -> list[Column]:
    """Gives names to the columns of a file that has none."""
    names = {label.name: _LABEL} | ({} if text is None else {text.name: "text"})
    named = [replace(column, name=names.get(column.name, f"column_{column.name}")) for column in columns]
    plain = [column.name for column in named] == ["text", _LABEL]
    why = "the first line is a sample like the others"
    findings.infer("data.header", False if plain else [column.name for column in named], why)
    return named


def _numbers(train: Path, columns: list[Column], label: Column, findings: Findings) -> DataFound:
    rest = [column for column in columns if column.name != label.name]
    named = next((column for column in rest if column.names_pictures), None)
    if named is not None:
        findings.leave_open(
            "pictures that are named in a table",
            f"{named.name!a} holds names of files, for instance {named.example!a}",
            "Sort the pictures into one folder a class, or write them into a Parquet file",
        )
    indices = [column for column in rest if column.is_index]
    numeric = [column for column in rest if column.kind in ("number", "whole") and not column.is_index]
    others = [column for column in rest if column not in numeric and column not in indices]
    if not numeric:
        raise no_numbers(train, label, named, others)
    if indices or others:
        why = "the columns of numbers"
        if indices:
            why += f" but {', '.join(ascii(one.name) for one in indices)}, which only numbers the rows"
        findings.infer("data.input", [column.name for column in numeric], why)
    if others:
        findings.leave_open(
            f"how to use {', '.join(ascii(one.name) for one in others[:5])}",
            "it holds no numbers" if len(others) == 1 else "they hold no numbers",
            "Turn it into numbers in the files and add it to input, if the model was trained with it",
        )
    gaps = [column for column in numeric if column.missing]
    if gaps:
        findings.leave_open(
            f"what stands for missing values of {', '.join(ascii(one.name) for one in gaps[:5])}",
            f"{gaps[0].missing:,} of {gaps[0].rows:,} rows have none in {gaps[0].name!a}",
            "Fill the gaps in the file, or leave the column out of input in [data]",
        )
    kept = tuple(column.name for column in rest if column in numeric or column in indices)
    return DataFound("tabular", kept, tuple(column.name for column in indices))


def _sides(sides: list[tuple[int, int]], findings: Findings) -> None:
    """Tells the size that pictures are brought to, where they have several or are large."""
    if not sides:
        return
    middle = statistics.median_low(min(size) for size in sides)
    side = max((usual for usual in _USUAL_SIDES if usual <= middle), default=max(8, middle))
    if len(set(sides)) > 1:
        shown = " and ".join(f"{width} x {height}" for width, height in sorted(set(sides))[:: len(set(sides)) - 1 or 1])
        why = f"the {len(sides)} pictures that were looked at have several sizes, from {shown}"
    elif middle > _LARGEST_SIDE:
        why = f"the pictures have {sides[0][0]} x {sides[0][1]} pixels, more than most networks take"
    else:
        return
    findings.infer("data.transform.resize", side, why)
    findings.leave_open(
        "the size of pictures that the model was trained on",
        why,
        "Set resize in [data.transform] to that side in pixels",
    )


def _tell_rivals(
    candidate: Candidate, later: list[Candidate], refusals: list[RefusedInput], root: Path, findings: Findings
) -> None:
    for refusal in refusals:
        findings.leave_refused("data that cannot be read", refusal)
    if candidate.rivals:
        shown = ", ".join(_quoted(path, root) for path in candidate.rivals[:5])
        findings.leave_open(
            "which file is which split",
            f"beside {', '.join(_quoted(path, root) for path in candidate.splits.values())} there is {shown}",
            "Check train, validation and test in [data]; a split is one file, so parts of one are to be joined first",
        )
    equals = [one for one in later if one.is_named == candidate.is_named and len(one.splits) == len(candidate.splits)]
    if equals:
        shown = ", ".join(_quoted(one.splits["train"], root) for one in equals[:5])
        findings.leave_open(
            "which data the model was trained on",
            f"{shown} could be the training data as well as {_quoted(candidate.splits['train'], root)}",
            "Check format and train in [data]",
        )


def _by_name(name: str) -> str:
    return ", and labels are mostly called so" if name.lower() in ("label", "labels", "y", "target") else ""


def _written(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _quoted(path: Path, root: Path) -> str:
    return ascii(_written(path, root))
