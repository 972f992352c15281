"""Reads a study's data: opens every split, decides on the labels which rows are kept, decodes only these."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from engine.classes import listed
from engine.data.csv import CsvReader
from engine.data.duplicates import duplicate_notices
from engine.data.image_folder import ImageFolderReader
from engine.data.labels import Classes
from engine.data.locations import split_location
from engine.data.npz import NpzReader
from engine.data.parquet import ParquetReader
from engine.data.reader import Reader
from engine.data.samples import Samples, StudyData
from engine.data.splits import at_most_of_each_class, fraction_of_each_class
from engine.data.transform import InputTransform
from engine.errors import RefusedInput
from engine.progress import Progress, silent
from engine.study import SPLITS, Data, Study

_READERS: dict[str, Callable[[Path, Data], Reader]] = {
    "parquet": ParquetReader,
    "csv": CsvReader,
    "npz": NpzReader,
    "image_folder": ImageFolderReader,
}


def load_data(study: Study, progress: Progress = silent) -> StudyData:
    """Reads the splits of a study.

    The same study and files give the same samples in the same order. A split's limit
    does not move the draw of another split.

    Args:
        study: whose ``[data]`` is read.
        progress: told the samples read, under the stage ``"data"``.

    Raises:
        RefusedInput: if a file, a column, a row or a class is not as the study says; see the readers.
    """
    readers: dict[str, Reader] = {
        split: _READERS[study.data.format](split_location(study, split), study.data) for split in study.data_paths
    }
    _check_inputs(readers, study.data.label)
    raw = {split: reader.labels() for split, reader in readers.items()}
    classes = Classes.of(study.data.class_names, raw["train"], readers["train"].file)
    labels = {split: classes.encode(raw[split], reader.file) for split, reader in readers.items()}
    kept = _kept_rows(study, labels)
    _check_every_class(study, kept, classes.names)

    splits = _read(kept, readers, progress)
    transform = InputTransform.from_study(study.data.transform)
    transform.check(splits["train"].inputs)
    return StudyData(
        train=splits["train"],
        validation=splits["validation"],
        test=splits.get("test"),
        class_names=classes.names,
        transform=transform,
        notices=duplicate_notices(splits),
    )


# Of each split: the split whose file it comes from, its rows there, and their labels.
_Kept = dict[str, tuple[str, np.ndarray, np.ndarray]]


def _kept_rows(study: Study, labels: dict[str, np.ndarray]) -> _Kept:
    rows = {split: (split, np.arange(len(values))) for split, values in labels.items()}
    if isinstance(study.data.validation, float):
        train, validation = fraction_of_each_class(labels["train"], study.data.validation, (study.seed, len(SPLITS)))
        rows |= {"train": ("train", train), "validation": ("train", validation)}
    kept: _Kept = {}
    for number, split in enumerate(SPLITS):
        if split in rows:
            origin, numbers = rows[split]
            values = labels[origin][numbers]
            within = at_most_of_each_class(values, getattr(study.data.limit, split), (study.seed, number))
            kept[split] = (origin, numbers[within], values[within])
    return kept


def _check_every_class(study: Study, kept: _Kept, names: tuple[str, ...]) -> None:
    for split in ("train", "validation"):
        missing = np.flatnonzero(np.bincount(kept[split][2], minlength=len(names)) == 0)
        if len(missing):
            source = getattr(study.data, split)
            where = f"a fraction of {source:g} of {study.data.train}" if isinstance(source, float) else source
            raise RefusedInput(
                f"no {split} sample is of the class {listed([names[index] for index in missing])} ({where})",
                f"at least one {split} sample of each class",
                "Add samples of the class, or take it out of the labels and class_names",
            )
    if "test" in kept and not len(kept["test"][1]):
        raise RefusedInput(
            f"{study.data.test} has no samples", "test samples, or no [data] test", "Check the file or leave test out"
        )


def _read(kept: _Kept, readers: dict[str, Reader], progress: Progress) -> dict[str, Samples]:
    total, finished = sum(len(rows) for _, rows, _ in kept.values()), 0
    splits = {}
    for split, (origin, rows, labels) in kept.items():

        def done(count: int, split: str = split) -> None:
            nonlocal finished
            finished += count
            progress("data", finished, total, f"reading {split} samples")

        inputs = readers[origin].inputs(rows, done)
        splits[split] = Samples(inputs, torch.from_numpy(labels), readers[origin].sources(rows))
    return _of_one_shape(splits)


def _of_one_shape(splits: dict[str, Samples]) -> dict[str, Samples]:
    """Gives all pictures three channels when those of one split have three; else shapes must agree."""
    channels = max(samples.inputs.shape[1] for samples in splits.values())
    for split, samples in splits.items():
        inputs = samples.inputs
        if inputs.ndim == 4 and inputs.shape[1] == 1 < channels:
            splits[split] = Samples(inputs.repeat(1, channels, 1, 1), samples.labels, samples.sources)
    expected = tuple(splits["train"].inputs.shape[1:])
    for split, samples in splits.items():
        if (shape := tuple(samples.inputs.shape[1:])) != expected:
            raise RefusedInput(
                f"{split} inputs have the shape {shape} and training inputs {expected}",
                "inputs of one shape in all splits",
                "Set resize in [data.transform] for pictures, or mend the file",
            )
    return splits


def _check_inputs(readers: dict[str, Reader], label: str) -> None:
    expected = readers["train"].input_names
    if not expected or label in expected:
        raise RefusedInput(
            f"inputs of {readers['train'].file} are {listed(expected) or 'no column at all'}, its label is '{label}'",
            "inputs that do not hold the label",
            "Mend input and label in [data]",
        )
    for reader in readers.values():
        if reader.input_names != expected:
            raise RefusedInput(
                f"{reader.file} has the input columns {listed(reader.input_names)}",
                f"those of the training data in their order, {listed(expected)}",
                "List them as input in [data], or mend the file",
            )
