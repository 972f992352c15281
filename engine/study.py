"""The study file: one trained classifier and its data, validated once and then trusted.

A study is read from TOML by :func:`load_study`. Every table is a frozen pydantic
model; unknown keys, wrong types and contradictions are refused with the key, what
was expected and the nearest valid choice. Paths are relative to the study file.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from engine.architecture_names import SKLEARN, builder_name, check_form, check_sklearn, transformers_folder
from engine.data_settings import Limit, Transform
from engine.errors import RefusedInput
from engine.judged_by import DEFAULT, Measurement
from engine.refusals import contradiction, refusal, refusals, unknown_key
from engine.reweight_settings import Reweight, Settings
from engine.text_folder import text_folder_files
from engine.text_settings import Features, check_text, check_text_model
from engine.toml_files import toml_values
from engine.torchvision_sets import DEFAULTS as OF_TORCHVISION
from engine.torchvision_sets import SETS, DatasetName, check_keys

FORMATS = Literal["parquet", "csv", "npz", "image_folder", "torchvision"]
SPLITS = ("train", "validation", "test")
_Path = Annotated[str, Field(pattern=r"^[^\x00]+$")]


def _is_unset(value: Any) -> bool:
    return not value


def _is_none(value: Any) -> bool:
    return value is None


class Data(Settings):
    """Where the samples are and how they are read."""

    format: FORMATS
    train: _Path
    validation: _Path | Annotated[float, Field(gt=0, lt=1)]
    """A file, or the fraction of each class of ``train`` that is set aside."""
    test: _Path | None = None
    """Never seen by influence or search."""
    input: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Column(s) or array that hold the inputs; tables: all but the label by default."""
    label: str = "label"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    modality: Literal["image", "tabular", "text"]
    class_names: tuple[str, ...] | None = Field(None, min_length=2)
    """In the order of the labels; by default what the files say, else the distinct labels."""
    # Left out of dumps where they say nothing, so that the keys of all other studies stay as they were.
    dataset: DatasetName | None = Field(None, exclude_if=_is_unset)
    """Of torchvision, with its own training and test split."""
    root: _Path | None = Field(None, exclude_if=_is_unset)
    """The folder that torchvision was, or is, given for it."""
    download: bool = Field(False, exclude_if=_is_unset)
    """Whether torchvision may fetch files that are missing; nothing is ever fetched without it."""
    header: bool | Annotated[tuple[str, ...], Field(min_length=2)] | None = Field(None, exclude_if=_is_none)
    """Whether a CSV file begins with the names of its columns, as it does by default; false: text, then label;
    or the names themselves, in the order of the columns."""
    max_length: int | None = Field(None, ge=2, le=8192, exclude_if=_is_none)
    """Tokens of a text that a transformer sees at most, 128 by default."""
    features: Features | None = Field(None, exclude_if=_is_none)
    """How texts become rows of numbers, where no transformer is analysed itself."""
    limit: Limit = Limit()
    transform: Transform = Transform()

    @model_validator(mode="before")
    @classmethod
    def _modality_follows_format(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("format") == "torchvision":
            return {**OF_TORCHVISION, **values}
        if isinstance(values, dict) and "modality" not in values:
            likely = "tabular" if values.get("format") == "csv" else "image"
            values = {**values, "modality": "text" if values.get("features") else likely}
        return values

    @model_validator(mode="after")
    def _no_contradictions(self) -> "Data":
        check_keys({key: getattr(self, key) for key in self.model_fields_set})
        if self.delimiter is not None and self.format != "csv":
            problem = f"delimiter is given for format = '{self.format}'"
            raise contradiction(problem, "it only for format = 'csv'", "Remove delimiter")
        check_text(self)
        only = {"csv": "tabular", "image_folder": "image", "torchvision": "image"}.get(self.format, self.modality)
        only = "text" if self.modality == "text" else only
        if self.modality != only:
            problem = f"modality is '{self.modality}' for format = '{self.format}'"
            raise contradiction(problem, f"modality = '{only}'", "Change one of the two")
        if self.modality == "tabular" and (self.transform.augment or self.transform.resize):
            problem = "transform has resize or augment for modality = 'tabular'"
            raise contradiction(problem, "these for pictures only", "Remove them")
        if self.modality == "image" and isinstance(self.input, tuple):
            problem = "input is a list for modality = 'image'"
            raise contradiction(problem, "one column or array", "Name the one that holds the pictures")
        repeated = next((name for name, count in Counter(self.class_names or ()).items() if count > 1), None)
        if repeated is not None:
            problem = f"class_names has '{repeated}' more than once"
            raise contradiction(problem, "every class once", "Remove or rename one of them")
        return self


class Model(Settings):
    """The classifier and the checkpoints of its training."""

    architecture: str
    """One of ours, ``torchvision:NAME``, ``transformers:FOLDER``, ``file:PATH.py:FUNCTION``, or ``sklearn``; see
    ``docs/architectures.md`` and ``docs/text.md``."""
    checkpoints: _Path = "checkpoints"
    """A folder of ``epoch-NNN.safetensors`` (or ``.pt`` state dicts), or one file."""
    epoch: int | None = Field(None, ge=0)
    """Which one is analysed; by default the last."""
    bias: bool = True
    """Whether linear layers have an intercept (logistic_regression, mlp)."""
    hidden: tuple[Annotated[int, Field(gt=0, le=65536)], ...] = (64,)
    """Widths of the hidden layers (mlp)."""

    @model_validator(mode="after")
    def _options_belong(self) -> "Model":
        check_form(self.architecture)
        check_sklearn(self.architecture, self.checkpoints)
        for option, owners in {"bias": ("logistic_regression", "mlp"), "hidden": ("mlp",)}.items():
            if option in self.model_fields_set and self.architecture not in owners:
                problem = f"{option} is given for architecture = '{self.architecture}'"
                expected = " or ".join(f"'{owner}'" for owner in owners)
                raise contradiction(problem, f"it only for architecture = {expected}", f"Remove {option}")
        return self


class Training(Settings):
    """How the model was, and is, trained: mean weighted cross-entropy + weight decay."""

    optimizer: Literal["sgd"] = "sgd"
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    batch_size: int = Field(128, gt=0)
    epochs: int = Field(20, gt=0, le=100_000)
    schedule: Literal["constant", "one_cycle", "cosine"] = "constant"


class Influence(Settings):
    """How influence vectors are computed."""

    strategy: Literal["auto", "exact", "ekfac", "kfac", "diagonal", "identity"] = "auto"
    """The curvature H; ``auto`` is ``exact`` for small models (up to 5,000 tracked parameters), else ``ekfac``."""
    damping: Literal["training", "heuristic", "calibrated"] | Annotated[float, Field(gt=0)] = "training"
    """What bounds the inverse of H in the operator of the ceiling: how far the whole ``[training]`` goes, or a number
    added to the eigenvalues; ``heuristic`` is a tenth of their mean in each module, and 0.01 for ``exact``;
    ``calibrated`` is whichever of these predicts a few trainings of this study best."""
    factor_examples: Literal["auto", "all"] | Annotated[int, Field(gt=0)] = "auto"
    """Training samples that the curvature is fitted on; ``auto`` takes as many as it needs to settle."""
    modules: Literal["auto"] | Annotated[tuple[str, ...], Field(min_length=1)] = "auto"
    """Names of the modules that are tracked; ``auto`` is every one that can be."""
    untrackable: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of a model with modules through which influence would be wrong."""
    measurement: Measurement = DEFAULT
    """What a class is judged by, and so what its gains are gains of: cross-entropy, margin
    ``-log(p_y / (1 - p_y))``, or ``1 - p_y``; lower is better for each."""


class Compute(Settings):
    """Where the work runs."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "tf32", "bf16"] = "auto"
    """Of the scoring pass; ``auto`` is fp32 on a CPU and, on a GPU, the fastest that ranks samples like it."""
    threads: int = Field(0, ge=0, le=1024)
    """CPU threads of torch; 0: all. Recorded with the result, whose last bits depend on it."""
    batch_size: int = Field(0, ge=0)
    """Samples a scoring batch; 0: chosen."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that train candidates side by side, and share the threads; networks that are small are trained as one
    in any case."""
    memory_gb: float = Field(2.0, gt=0)
    """What class gradients may take in memory; beyond it they are read from a temporary file."""


class Study(Settings):
    """One model and its data. ``folder`` is where the study file lies."""

    name: str = Field(min_length=1, max_length=200)
    seed: int = Field(0, ge=0, lt=2**31)
    data: Data
    model: Model
    training: Training = Training()
    influence: Influence = Influence()
    reweight: Reweight = Reweight()
    compute: Compute = Compute()
    folder: Path = Field(exclude=True)

    @model_validator(mode="after")
    def _text_and_model_agree(self) -> "Study":
        check_text_model(self.data, self.model.architecture)
        return self

    @model_validator(mode="after")
    def _exact_is_float64(self) -> "Study":
        if self.influence.strategy == "exact" and self.compute.precision in ("bf16", "tf32"):
            problem = f"[compute] precision is '{self.compute.precision}' for [influence] strategy = 'exact'"
            raise contradiction(problem, "precision = 'auto', as it computes in float64", "Remove precision")
        return self

    def path(self, relative: str) -> Path:
        """Returns a path of the study file as a path of this machine."""
        return self.folder / relative

    @property
    def data_paths(self) -> dict[str, Path]:
        """The files or folders of the splits that have their own, by split; a set of torchvision has several each."""
        if self.data.format == "torchvision":
            return {}
        named = {split: getattr(self.data, split) for split in SPLITS}
        return {split: self.path(value) for split, value in named.items() if isinstance(value, str)}

    @property
    def set_files(self) -> dict[str, tuple[Path, ...]]:
        """The files of a set of torchvision, by split; of other formats none."""
        if self.data.dataset is None or self.data.root is None:
            return {}
        known, root = SETS[self.data.dataset], self.path(self.data.root)
        return {split: known.files(root, split) for split in ("train", "test")}

    @property
    def input_paths(self) -> list[Path]:
        """What a result depends on but the weights: the data, and the file that says how the model is built."""
        builder = builder_name(self.model.architecture)
        of_set = [file for files in self.set_files.values() for file in files]
        of_model = [self.path(builder.path)] if builder else []
        of_model += [self.checkpoints_path] if self.model.architecture == SKLEARN else []
        of_model += [] if self.text_folder is None else text_folder_files(self.text_folder)
        return [*self.data_paths.values(), *of_set, *of_model]

    @property
    def text_folder(self) -> Path | None:
        """The folder of the transformer that reads the texts, whether it is analysed or embeds; or None."""
        embedding = self.data.features.encoder if self.data.features else None
        named = embedding or transformers_folder(self.model.architecture)
        return None if named is None else self.path(named)

    @property
    def checkpoints_path(self) -> Path:
        """The folder or file of the checkpoints."""
        return self.path(self.model.checkpoints)

    def canonical(self, *tables: str) -> str:
        """Returns the named tables as JSON with sorted keys: what a fingerprint is taken of."""
        values = self.model_dump(mode="json")
        return json.dumps({table: values[table] for table in tables}, sort_keys=True, separators=(",", ":"))

    def with_changes(self, **tables: dict[str, Any]) -> "Study":
        """Returns a copy with some keys of some tables changed and validated again.

        Args:
            **tables: by table the keys to change, those of a table within it as a
                dictionary of their own; top-level keys under ``study``.

        Raises:
            RefusedInput: if the changed study is not valid.
        """
        changes = {**tables.pop("study", {}), **tables}
        values = _merged(self, changes)
        return _validated(values, self.folder, source=f"study '{self.name}'")


def load_study(path: Path | str) -> Study:
    """Reads and validates a study file.

    Args:
        path: the TOML file, or the folder that holds its ``study.toml``.

    Raises:
        RefusedInput: if the file is missing, is not TOML, is too large, or is not a valid study.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    if not path.is_file():
        expected = "a study.toml, or a folder with one"
        raise RefusedInput(f"there is no file {path}", expected, "Check the path, or copy a study from sample_data")
    return _validated(toml_values(path), path.resolve().parent, source=str(path))


def study_of(values: dict[str, Any], folder: Path) -> Study:
    """Returns the study of the values of a study file that need not be written yet.

    Args:
        values: as TOML has them.
        folder: that the study file is to lie in.

    Raises:
        RefusedInput: if they are not valid.
    """
    return _validated(values, folder, source="study.toml")


def study_problems(values: dict[str, Any], folder: Path) -> dict[str, RefusedInput]:
    """Returns all that is wrong with the values of a study file, where a reader stops at the first.

    Args:
        values: as TOML has them.
        folder: that the study file is to lie in.

    Returns:
        By key with its tables before it, e.g. ``data.train``; a contradiction within a table stands under the
        table's name. Empty where :func:`load_study` would take them.
    """
    try:
        Study.model_validate({**_with_tuples(values), "folder": folder}, strict=True)
    except ValidationError as error:
        return refusals(error, Study, "study.toml")
    return {}


def _merged(table: BaseModel, changes: dict[str, Any]) -> dict[str, Any]:
    # Only what was written: a check that asks which keys were must not take a default for one.
    values = table.model_dump(exclude_unset=True)
    for key, change in changes.items():
        old = getattr(table, key, None)
        values[key] = _merged(old, change) if isinstance(old, BaseModel) and isinstance(change, dict) else change
    return values


def _validated(values: dict[str, Any], folder: Path, source: str) -> Study:
    if "folder" in values:
        raise unknown_key("folder", [], Study, source)
    try:
        # Strict: "3" is not 3, and true is not 1.
        return Study.model_validate({**_with_tuples(values), "folder": folder}, strict=True)
    except ValidationError as error:
        raise refusal(error, Study, source) from None


def _with_tuples(value: Any) -> Any:
    """TOML's lists as tuples, which is what the frozen tables hold."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(_with_tuples(item) for item in value) if isinstance(value, list | tuple) else value
