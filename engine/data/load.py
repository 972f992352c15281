"""Reads a study's data: opens every split, decides on the labels which rows are kept, decodes only these."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

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
from engine.data.reader import PictureReader, Reader, TextReader
from engine.data.samples import Samples, StudyData
from engine.data.splits import at_most_of_each_class, fraction_of_each_class
from engine.data.text_inputs import text_inputs, text_notices
from engine.data.torchvision_reader import TorchvisionReader
from engine.data.transform import InputTransform
from engine.errors import RefusedInput
from engine.progress import Progress, silent
from engine.study import SPLITS, Data, Study
from engine.torchvision_sets import refuse_missing

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
    readers, classes, kept = _opened(study)
    splits = _samples(study, kept, kept["train"], readers, classes, progress)
    data = _of_splits(study, splits, classes, readers["train"])
    return replace(data, notices=(*duplicate_notices(splits), *_text_notices(study, splits)))


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some samples of a study, and what is known of all of them.

    Args:
        data: the chosen samples; its notices are not looked for, since these need all samples.
        counts: samples of each class by split, ``(K,)``, of all that the study uses.
    """

    data: StudyData
    counts: dict[str, np.ndarray]


def load_excerpt(study: Study, most: dict[str, int], progress: Progress = silent) -> Excerpt:
    """Reads all labels of a study and the inputs of a few samples, which is cheap where inputs are pictures.

    Args:
        study: whose ``[data]`` is read.
        most: by split how many samples are read; they are drawn by the study's seed, and of splits that
            are not named none is read. ``train`` and ``validation`` must be.
        progress: told the samples read, under the stage ``"data"``.

    Raises:
        RefusedInput: as :func:`load_data` does, but for what is wrong with samples that are not read.
    """
    readers, classes, kept = _opened(study)
    counts = {split: np.bincount(labels, minlength=len(classes.names)) for split, (_, _, labels) in kept.items()}
    chosen: _Kept = {}
    for split, limit in most.items():
        origin, rows, labels = kept[split]
        generator = np.random.default_rng((study.seed, SPLITS.index(split)))
        places = np.sort(generator.permutation(len(rows))[:limit])
        chosen[split] = (origin, rows[places], labels[places])
    splits = _samples(study, chosen, kept["train"], readers, classes, progress)
    return Excerpt(_of_splits(study, splits, classes, readers["train"]), counts)


def _of_splits(study: Study, splits: dict[str, Samples], classes: Classes, training: Reader) -> StudyData:
    """Returns the data of a study from its splits, without notices, after a look whether the transform fits them."""
    transform = InputTransform.from_study(study.data.transform)
    transform.check(splits["train"].inputs)
    return StudyData(
        train=splits["train"],
        validation=splits["validation"],
        test=splits.get("test"),
        class_names=classes.names,
        transform=transform,
        notices=(),
        input_names=training.input_names,
    )


# Of a split: the split whose file it comes from, its rows there, and their labels.
_Rows = tuple[str, np.ndarray, np.ndarray]
_Kept = dict[str, _Rows]


def _opened(study: Study) -> tuple[dict[str, Reader], Classes, _Kept]:
    """Opens every split and decides on the labels which rows are kept."""
    readers = _readers(study)
    _check_inputs(readers, study.data.label)
    raw = {split: reader.labels() for split, reader in readers.items()}
    classes = Classes.of(study.data.class_names, raw["train"], readers["train"].file)
    labels = {split: classes.encode(raw[split], reader.file) for split, reader in readers.items()}
    kept = _kept_rows(study, labels)
    _check_every_class(study, kept, classes.names)
    return readers, classes, kept


def _readers(study: Study) -> dict[str, Reader]:
    if study.data.dataset is not None and study.data.root is not None:
        refuse_missing(study.data.dataset, study.path(study.data.root), study.data.download)
        return {split: TorchvisionReader(study.data.dataset, split, files) for split, files in study.set_files.items()}
    return {split: _READERS[study.data.format](split_location(study, split), study.data) for split in study.data_paths}


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


def _samples(
    study: Study, kept: _Kept, training: _Rows, readers: dict[str, Reader], classes: Classes, progress: Progress
) -> dict[str, Samples]:
    """Reads the kept rows.

    Args:
        study: the study.
        kept: by split.
        training: all training rows, of which ``kept`` may have a few only.
        readers: of the files.
        classes: of the study.
        progress: told the samples that are read.
    """
    if study.data.modality != "text":
        return _read(study, kept, readers, progress)
    opened = cast(dict[str, TextReader], readers)
    features = study.data.features
    needed = kept if features is None or features.encoder is not None else {**kept, "train": training}
    read = {split: opened[origin].texts(rows, lambda _: None) for split, (origin, rows, _) in needed.items()}
    if needed is not kept:
        # The words are those of all training texts, also where the samples are few.
        every, rows = read["train"], training[1]
        read["train"] = tuple(every[place] for place in np.searchsorted(rows, kept["train"][1]))
    else:
        every = read["train"]
    made = text_inputs(study, read, every, classes.names, progress)
    return {
        split: Samples(made[split].inputs, torch.from_numpy(labels), readers[origin].sources(rows), made[split].texts)
        for split, (origin, rows, labels) in kept.items()
    }


def _text_notices(study: Study, splits: dict[str, Samples]) -> tuple[str, ...]:
    return text_notices(study, {split: samples.texts for split, samples in splits.items() if samples.texts is not None})


def _read(study: Study, kept: _Kept, readers: dict[str, Reader], progress: Progress) -> dict[str, Samples]:
    total, finished = sum(len(rows) for _, rows, _ in kept.values()), 0
    splits = {}
    for split, (origin, rows, labels) in kept.items():

        def done(count: int, split: str = split) -> None:
            nonlocal finished
            finished += count
            progress("data", finished, total, f"reading {split} samples")

        reader, sizes = readers[origin], None
        if study.data.transform.resize is not None and study.data.format in ("parquet", "image_folder"):
            pictures = cast(PictureReader, reader).pictures(rows, done)
            inputs, sizes = pictures.pixels, pictures.sizes
        else:
            inputs = reader.inputs(rows, done)
        splits[split] = Samples(inputs, torch.from_numpy(labels), reader.sources(rows), sizes=sizes)
    return _of_one_shape(splits)


def _of_one_shape(splits: dict[str, Samples]) -> dict[str, Samples]:
    """Gives all pictures three channels when those of one split have three; else shapes must agree."""
    channels = max(samples.inputs.shape[1] for samples in splits.values())
    for split, samples in splits.items():
        inputs = samples.inputs
        if inputs.ndim == 4 and inputs.shape[1] == 1 < channels:
            splits[split] = replace(samples, inputs=inputs.repeat(1, channels, 1, 1))
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
