"""The cases of bad inputs fail where what protects from them is taken out, so none of them passes by itself."""

import hashlib
import html
import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
import torch
from PIL import ImageFile
from safetensors.torch import load_file

from app.report import page
from app.workflow import improvement, reweight, study_roots
from cache import fingerprints
from engine import text_folder
from engine.data import csv, image_folder, labels, load, npz, parquet, pictures, table
from engine.data.reader import RawLabels
from engine.models import loading, tensor_files
from engine.reweight.gain_model import GainModel
from engine.training import NextEpoch
from tests.hostile import questions
from tests.hostile.cases import CASES, Bench

Patch = tuple[Any, str, Any]
_TORCH_LOAD, _PARSE, _MAXIMISE, _REPORT = (
    torch.load,
    pyarrow.csv.ParseOptions,
    GainModel.maximise,
    page.report_page,
)


def nothing(*_: object, **__: object) -> None:
    """Stands in for a check."""


def fault(*_: object) -> ValueError:
    """Stands in for a refusal."""
    return ValueError("nobody foresaw this")


class AnyNpz:
    """Reads arrays as NumPy does where it is told to trust a file."""

    def __init__(self, path: Path, data: Any) -> None:
        self.file, self.input_names = path.name, (data.input,)
        arrays = np.load(path, allow_pickle=True)
        self._inputs, self._labels = arrays[data.input], arrays[data.label]

    def labels(self) -> RawLabels:
        return RawLabels(self._labels)

    def inputs(self, rows: np.ndarray, done: Any) -> torch.Tensor:
        return torch.from_numpy(self._inputs[rows][:, None])

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        return tuple(map(str, rows))


def converted(path: Path, tensors: dict, expected: dict) -> tuple[dict, tuple[str, ...]]:
    return {name: tensors[name].to(wanted.dtype) for name, wanted in expected.items()}, ()


def classes_of(chosen: tuple[str, ...] | None, train: RawLabels, file: str) -> labels.Classes:
    return labels.Classes(chosen or tuple(map(str, np.unique(train.values))), bool(chosen), bool(chosen))


def hash_without_waiting(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return hashlib.sha256(os.read(descriptor, 1 << 24)).hexdigest()
    finally:
        os.close(descriptor)


def any_maximum(model: GainModel, required: np.ndarray, go_on: bool = False) -> np.ndarray:
    shifts = _MAXIMISE(model, required, go_on)
    return np.zeros(model._shift_columns.shape) if shifts is None else shifts


def trusting(*arguments: Any, **options: Any) -> Any:
    return _TORCH_LOAD(*arguments, **options | {"weights_only": False})


def of_class(self: image_folder.ImageFolderReader, folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


CHECKPOINTS: dict[str, tuple[Patch, ...]] = {
    "the kinds of files": ((tensor_files, "_unknown_kind", fault),),
    "no pickle": ((tensor_files, "_unknown_kind", lambda path, _: pickle.loads(path.read_bytes())),),
    "weights only": ((torch, "load", trusting),),
    "the archive": ((tensor_files, "_check_archive", nothing),),
    "the reader of safetensors": ((tensor_files, "_safetensors", load_file),),
    "the reader of state dicts": (
        (tensor_files, "_torch_load", lambda path, mapped: _TORCH_LOAD(path)),
        (tensor_files, "_check_archive", nothing),
    ),
    "dense": ((tensor_files, "_check_dense", nothing),),
    "names": ((loading, "_check_names", nothing),),
    "shapes": ((loading, "_check_shapes", nothing),),
    "prefix": ((loading, "_without_prefix", lambda tensors, _: (tensors, "")),),
    "numbers": ((loading, "converted_tensors", converted),),
    "code of a folder": ((text_folder, "_refuse_code", nothing), (text_folder, "_check_weights", nothing)),
}
DATA: dict[str, tuple[Patch, ...]] = {
    "where splits lie": ((load, "split_location", lambda study, split: study.data_paths[split]),),
    "refusals of CSV": ((csv, "RefusedInput", fault),),
    "ragged rows": ((pyarrow.csv, "ParseOptions", partial(_PARSE, invalid_row_handler=lambda _: "skip")),),
    "text": ((csv.CsvReader, "_check_text", nothing),),
    "classes": ((labels.Classes, "of", classes_of),),
    "labels": ((labels.Classes, "encode", lambda self, raw, _: raw.values.clip(0, len(self.names) - 1)),),
    "finite": ((table, "check_finite", nothing), (npz, "check_finite", nothing)),
    "arrays": ((load, "_READERS", load._READERS | {"npz": AnyNpz}),),
    "pictures": ((pictures, "_decoded", lambda *_: torch.zeros(1, 8, 8, dtype=torch.uint8)),),
    "whole pictures": ((ImageFile, "LOAD_TRUNCATED_IMAGES", True),),
    "roots": ((study_roots, "refuse_outside", nothing),),
    "files of a folder": ((image_folder.ImageFolderReader, "_pictures_of", of_class),),
    "regular files": ((fingerprints, "file_sha256", hash_without_waiting),),
    "every class": ((load, "_check_every_class", nothing),),
    "columns": ((parquet, "check_columns", nothing),),
    "duplicates": ((load, "duplicate_notices", lambda _: ()),),
}
PARAMETERS: dict[str, tuple[Patch, ...]] = {
    "thresholds": ((GainModel, "maximise", any_maximum),),
    "text in a report": ((questions, "report_page", lambda findings: html.unescape(_REPORT(findings))),),
    "targets": ((reweight, "RefusedInput", fault),),
    "notices of a reweighting": ((improvement, "_notices", lambda *_: []),),
    "notices of an epoch": ((NextEpoch, "_warnings", lambda *_: []),),
}
PROTECTIONS = CHECKPOINTS | DATA | PARAMETERS
NEEDED = {
    "01 an empty file": "the kinds of files",
    "02 safetensors cut off": "the reader of safetensors",
    "02 a state dict cut off": "the reader of state dicts",
    "03 random bytes": "the kinds of files",
    "04 a web page": "the kinds of files",
    "05 a payload in a zip checkpoint": "weights only",
    "05 a payload in a checkpoint of old": "weights only",
    "06 a raw pickle": "no pickle",
    "07 a whole module": "weights only",
    "07 a whole module of its own": "weights only",
    "08 TorchScript": "the archive",
    "09 an exported program": "the archive",
    "10 a namespace of arguments": "weights only",
    "11 a deflate bomb": "the archive",
    "12 a tensor of stride 0": "dense",
    "13 a missing key": "names",
    "14 an extra key": "names",
    "15 a wrong shape": "shapes",
    "16 the prefix of a wrapper": "prefix",
    "17 weights that are NaN": "numbers",
    "18 half precision": "numbers",
    "18 whole numbers": "numbers",
    "19 a header that is no JSON": "the reader of safetensors",
    "20 fewer classes than labels": "shapes",
    "21 a transformer with its own code": "code of a folder",
    "21 a transformer with pickled weights": "code of a folder",
    "22 an empty CSV file": "where splits lie",
    "23 a header only": "refusals of CSV",
    "24 a ragged row": "ragged rows",
    "25 a NUL byte": "text",
    "26 one class only": "classes",
    "27 a label beyond the classes": "labels",
    "28 NaN in a table": "finite",
    "28 NaN in an array": "finite",
    "29 objects as inputs": "arrays",
    "30 more pictures than there are": "arrays",
    "31 a picture of a billion pixels": "pictures",
    "32 a JPEG cut off": "whole pictures",
    "33 a member that leads out of the archive": "arrays",
    "34 data beside the allowed folder": "roots",
    "35 a link to a system file as a table": "roots",
    "35 a link to a system file among pictures": "files of a folder",
    "36 a pipe as data": "regular files",
    "37 a class with no validation sample": "every class",
    "38 a Parquet file without the named column": "columns",
    "39 samples that are in training and validation": "duplicates",
    "41 thresholds that no weights meet": "thresholds",
    "43 HTML in the name of a study": "text in a report",
    "44 no target class": "targets",
    "45 all classes as targets": "notices of a reweighting",
    "47 a batch larger than the data": "notices of an epoch",
}
"""By case the protection without which it must fail. Those of 40, 42 and 46 are the study file's types themselves."""
EXECUTED = frozenset(("05", "06", "29"))
"""Rows of which the payload runs then."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("identity", "protection"), NEEDED.items())
def test_without_its_protection_a_bad_input_is_not_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, identity: str, protection: str
) -> None:
    (case,) = (case for case in CASES if case.id == identity)
    for owner, name, replacement in PROTECTIONS[protection]:
        monkeypatch.setattr(owner, name, replacement)

    answer = bench.run(case, "here")

    assert not answer.named, answer.message
    assert answer.code_executed == (identity[:2] in EXECUTED or identity == "07 a whole module of its own")


def test_every_protection_is_needed_by_a_case() -> None:
    assert set(NEEDED.values()) == set(PROTECTIONS)
    assert {int(identity[:2]) for identity in NEEDED} | {40, 42, 46} == {case.row for case in CASES}
