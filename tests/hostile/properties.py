"""All properties: drawn inputs of every reader, of the study file, of the linear programme and of the cache.

Each case ends in a sound result or in a refusal; anything else is an unhandled error. Tests run :data:`DEFAULT_CASES`
in all, or as many as :data:`VARIABLE` names; a benchmark asks :func:`count_cases`.
"""

import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.errors import RefusedInput
from tests.hostile import property_readers as readers
from tests.hostile import property_values as values
from tests.hostile.property_readers import Files
from tests.hostile.property_values import StoredRuns

VARIABLE = "PARETOSCOPE_PROPERTY_CASES"
DEFAULT_CASES = 500
Drawn = tuple[st.SearchStrategy[Any], Callable[[Any], None]]


class Grounds:
    """What properties work with: sound files and an open cache, in a folder that is removed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "files").mkdir()
        self.files = Files(folder / "files")
        self.runs = StoredRuns(folder / "store")


@dataclass(frozen=True)
class Property:
    """One thing that is given drawn inputs.

    Args:
        name: in a few words.
        draw: makes the strategy and the check of what it draws.
        weight: share of the cases, in relation to that of others.
    """

    name: str
    draw: Callable[[Grounds], Drawn]
    weight: int = 2

    def cases(self, total: int) -> int:
        """Returns how many of all cases this property has; together they are at least as many."""
        return -(-total * self.weight // sum(property_.weight for property_ in PROPERTIES))


def _reads(name: str, **data: object) -> Callable[[Grounds], Drawn]:
    return lambda grounds: readers.reads(grounds.files, name, **data)


def _of_files(make: Callable[..., Drawn], *names: str) -> Callable[[Grounds], Drawn]:
    return lambda grounds: make(grounds.files, *names)


PROPERTIES = (
    Property("a CSV table", _reads("table.csv", format="csv"), 4),
    Property(
        "texts in CSV", _reads("texts.csv", format="csv", modality="text", features={"kind": "tfidf", "components": 0})
    ),
    Property(
        "texts in Parquet",
        _reads("texts.parquet", format="parquet", modality="text", features={"kind": "tfidf", "components": 0}),
    ),
    Property("a Parquet table", _reads("table.parquet", format="parquet", modality="tabular"), 4),
    Property("texts for numbers", _reads("texts.parquet", format="parquet", modality="tabular"), 1),
    Property("pictures in Parquet", _reads("pictures.parquet", format="parquet")),
    Property("arrays of pictures", _reads("arrays.npz", format="npz"), 4),
    Property("arrays that are packed", _reads("packed.npz", format="npz", modality="tabular")),
    Property("a PNG of a folder", _of_files(readers.reads_picture, "one.png")),
    Property("a JPEG of a folder", _of_files(readers.reads_picture, "one.jpg")),
    Property("a batch of CIFAR", _of_files(readers.reads_set, "CIFAR10", "cifar-10-batches-py/data_batch_1")),
    Property("class names of CIFAR", _of_files(readers.reads_set, "CIFAR10", "cifar-10-batches-py/batches.meta")),
    Property("pictures of MNIST", _of_files(readers.reads_set, "MNIST", "MNIST/raw/train-images-idx3-ubyte")),
    Property("SVHN", _of_files(readers.reads_set, "SVHN", "train_32x32.mat")),
    Property("labels of STL", _of_files(readers.reads_set, "STL10", "stl10_binary/train_y.bin"), 1),
    Property("safetensors", _of_files(readers.loads, "model.safetensors"), 4),
    Property("a state dict", _of_files(readers.loads, "model.pt"), 4),
    Property("a state dict of old", _of_files(readers.loads, "old.pt"), 4),
    Property("a logistic regression of scikit-learn", _of_files(readers.fits, "logistic.skops"), 1),
    Property("layers of scikit-learn", _of_files(readers.fits, "layers.skops"), 1),
    Property("a transformer's configuration", _of_files(readers.transforms, "config.json"), 1),
    Property("a transformer's tokenizer", _of_files(readers.transforms, "tokenizer.json"), 1),
    Property("a transformer's weights", _of_files(readers.transforms, "model.safetensors"), 1),
    Property("values of a study file", lambda _: values.study_tables(), 6),
    Property("bytes of a study file", lambda grounds: values.study_files(grounds.folder), 4),
    Property("the linear programme", lambda _: values.programmes(), 6),
    Property("a run for the cache", lambda grounds: grounds.runs.arrays(), 4),
    Property("bytes of a run for the cache", lambda grounds: grounds.runs.bytes(), 4),
    Property("questions to the cache", lambda grounds: grounds.runs.questions(), 4),
)


def asked_cases() -> int:
    """Returns how many cases the tests are to run in all."""
    return int(os.environ.get(VARIABLE) or DEFAULT_CASES)


@contextmanager
def grounds() -> Iterator[Grounds]:
    """Makes sound files and a cache, for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        made = Grounds(Path(folder))
        log = logging.getLogger("cache.ingest")
        before = log.level
        # It tells of every run that is left out, and here they are thousands.
        log.setLevel(logging.ERROR)
        try:
            yield made
        finally:
            log.setLevel(before)
            made.runs.close()


def answered(check: Callable[[Any], None], drawn: Any) -> None:
    """Checks one drawn input; a refusal with all its parts is an answer as well."""
    try:
        check(drawn)
    except RefusedInput as refusal:
        if not all((refusal.problem, refusal.expected, refusal.remedy)):
            raise AssertionError(f"a part of the refusal is missing: {refusal}") from refusal


def run_property(drawn: Drawn, cases: int, case: Callable[[Callable[[Any], None], Any], None], **options: Any) -> None:
    """Gives a property its cases.

    Args:
        drawn: the strategy and the check.
        cases: how many.
        case: is called with the check and each drawn input.
        **options: of hypothesis.
    """
    strategy, check = drawn
    held = settings(
        max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck), **options
    )

    def one(drawn: Any) -> None:
        case(check, drawn)

    held(given(strategy)(one))()


def count_cases(total: int) -> tuple[int, int, tuple[str, ...]]:
    """Runs at least so many cases over all properties; returns how many, how many unhandled, and what these were.

    A hypothesis strategy can be exhausted, so that a property has fewer cases than its share: then it is run again.
    """
    counted = 0
    faults: list[str] = []

    def case(name: str, check: Callable[[Any], None], drawn: Any) -> None:
        nonlocal counted
        counted += 1
        try:
            answered(check, drawn)
        # The count of what nobody foresaw: whatever it is.
        except Exception:
            faults.append(f"{name}: {traceback.format_exc(limit=-1).strip()}")

    with grounds() as made:
        drawn = [(known, known.draw(made)) for known in PROPERTIES]
        for known, pair in drawn:
            before, share = counted, known.cases(total)
            for _ in range(3):
                if counted - before >= share:
                    break
                run_property(pair, share - (counted - before), partial(case, known.name), phases=[Phase.generate])
    return counted, len(faults), tuple(faults)
