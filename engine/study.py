"""The study file: one trained classifier and its data, validated once and then trusted.

A study is read from TOML by :func:`load_study`. Every table is a frozen pydantic
model; unknown keys, wrong types and contradictions are refused with the key, what
was expected and the nearest valid choice. Paths are relative to the study file.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.architecture_names import builder_name, check_form
from engine.errors import RefusedInput
from engine.judged_by import DEFAULT, Measurement
from engine.refusals import contradiction, refusal, unknown_key

FORMATS = Literal["parquet", "csv", "npz", "image_folder"]
SPLITS = ("train", "validation", "test")
_Path = Annotated[str, Field(pattern=r"^[^\x00]+$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Limit(_Settings):
    """At most this many samples of each class, drawn by the study's seed."""

    train: int | None = Field(None, gt=0)
    validation: int | None = Field(None, gt=0)
    test: int | None = Field(None, gt=0)


class Transform(_Settings):
    """From stored inputs to what the model was trained on."""

    resize: int | None = Field(None, ge=4, le=1024)
    """Side in pixels to which images are resized."""
    mean: tuple[float, ...] | None = Field(None, min_length=1)
    """Subtracted from each channel (images, on the scale 0..1) or column (tables)."""
    std: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(None, min_length=1)
    """Divides each channel or column after ``mean`` was subtracted."""
    augment: tuple[Literal["crop", "flip"], ...] = ()
    """Random changes of training images; never used for influence."""

    @model_validator(mode="after")
    def _mean_goes_with_std(self) -> "Transform":
        if (self.mean is None) != (self.std is None):
            raise contradiction("only one of mean and std is given", "both or neither", "Add or remove one of them")
        if self.mean is not None and self.std is not None and len(self.mean) != len(self.std):
            problem = f"mean has {len(self.mean)} values and std {len(self.std)}"
            raise contradiction(problem, "one of each for every channel or column", "Give both the same number")
        return self


class Data(_Settings):
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
    modality: Literal["image", "tabular"]
    class_names: tuple[str, ...] | None = Field(None, min_length=2)
    """In the order of the labels; by default what the files say, else the distinct labels."""
    limit: Limit = Limit()
    transform: Transform = Transform()

    @model_validator(mode="before")
    @classmethod
    def _modality_follows_format(cls, values: Any) -> Any:
        if isinstance(values, dict) and "modality" not in values:
            values = {**values, "modality": "tabular" if values.get("format") == "csv" else "image"}
        return values

    @model_validator(mode="after")
    def _no_contradictions(self) -> "Data":
        if self.delimiter is not None and self.format != "csv":
            problem = f"delimiter is given for format = '{self.format}'"
            raise contradiction(problem, "it only for format = 'csv'", "Remove delimiter")
        only = {"csv": "tabular", "image_folder": "image"}.get(self.format, self.modality)
        if self.modality != only:
            problem = f"modality is '{self.modality}' for format = '{self.format}'"
            raise contradiction(problem, f"modality = '{only}'", "Change one of the two")
        if self.modality == "tabular" and (self.transform.augment or self.transform.resize):
            problem = "transform has resize or augment for modality = 'tabular'"
            raise contradiction(problem, "these for pictures only", "Remove them")
        if self.modality == "image" and isinstance(self.input, tuple):
            problem = "input is a list for modality = 'image'"
            raise contradiction(problem, "one column or array", "Name the one that holds the pictures")
        names = self.class_names or ()
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            problem = f"class_names has '{repeated[0]}' more than once"
            raise contradiction(problem, "every class once", "Remove or rename one of them")
        return self


class Model(_Settings):
    """The classifier and the checkpoints of its training."""

    architecture: str
    """One of ours, ``torchvision:NAME``, or ``file:PATH.py:FUNCTION``; see ``docs/architectures.md``."""
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
        for option, owners in {"bias": ("logistic_regression", "mlp"), "hidden": ("mlp",)}.items():
            if option in self.model_fields_set and self.architecture not in owners:
                problem = f"{option} is given for architecture = '{self.architecture}'"
                expected = " or ".join(f"'{owner}'" for owner in owners)
                raise contradiction(problem, f"it only for architecture = {expected}", f"Remove {option}")
        return self


class Training(_Settings):
    """How the model was, and is, trained: mean weighted cross-entropy + weight decay."""

    optimizer: Literal["sgd"] = "sgd"
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    batch_size: int = Field(128, gt=0)
    epochs: int = Field(20, gt=0, le=100_000)
    schedule: Literal["constant", "one_cycle", "cosine"] = "constant"


class Influence(_Settings):
    """How influence vectors are computed."""

    strategy: Literal["auto", "exact", "ekfac", "kfac", "diagonal", "identity"] = "auto"
    """The curvature H; ``auto`` is ``exact`` for small models (up to 5,000 tracked parameters), else ``ekfac``."""
    damping: Literal["training", "heuristic"] | Annotated[float, Field(gt=0)] = "training"
    """What bounds the inverse of H in the operator of the ceiling: how far the whole ``[training]`` goes, or a number
    added to the eigenvalues; ``heuristic`` is a tenth of their mean in each module, and 0.01 for ``exact``."""
    factor_examples: Literal["auto", "all"] | Annotated[int, Field(gt=0)] = "auto"
    """Training samples that the curvature is fitted on; ``auto`` takes as many as it needs to settle."""
    modules: Literal["auto"] | Annotated[tuple[str, ...], Field(min_length=1)] = "auto"
    """Names of the modules that are tracked; ``auto`` is every one that can be."""
    untrackable: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of a model with modules through which influence would be wrong."""
    measurement: Measurement = DEFAULT
    """What a class is judged by, and so what its gains are gains of: cross-entropy, margin
    ``-log(p_y / (1 - p_y))``, or ``1 - p_y``; lower is better for each."""


class Search(_Settings):
    """The genetic search over thresholds, Table 2 of the paper."""

    iterations: int = Field(20, gt=0, le=10_000)
    population: int = Field(24, gt=1, le=10_000)
    elites: int = Field(6, gt=0)
    mutated_elites: int = Field(6, ge=0)
    randoms: int = Field(6, ge=0)
    crossover_children: int = Field(6, ge=0)
    mutation_rate: float = Field(0.25, ge=0, le=1)
    mutation_strength: float = Field(0.25, gt=0)
    patience: int = Field(5, gt=0)
    """Iterations without a better candidate after which the search stops."""

    @model_validator(mode="after")
    def _parts_add_up(self) -> "Search":
        parts = self.elites + self.mutated_elites + self.randoms + self.crossover_children
        if parts != self.population:
            names = "elites + mutated_elites + randoms + crossover_children"
            problem = f"population is {self.population} but {names} is {parts}"
            raise contradiction(problem, "the two to be equal", "Change population or its parts")
        return self


class Reweight(_Settings):
    """What is to improve and how far weights may move."""

    setting: Literal["direct_improvement", "all_classes"] = "direct_improvement"
    targets: tuple[str | int, ...] = ()
    """Classes to improve, by name or index."""
    weight_bounds: tuple[float, float] = (0.5, 1.5)
    mean_preserving: bool = True
    """Keeps the mean weight at 1, so a gain is never just a larger learning rate."""
    objective: Literal["max_min", "sum"] = "max_min"
    """Over the targets: the smallest gain, or (the paper) their sum."""
    variables: Literal["auto", "groups", "samples"] = "auto"
    """One weight a group of similar samples, or (the paper) one a sample."""
    thresholds: Literal["attainable", "paper"] = "attainable"
    slack: Share | dict[str, Share] = 0.5
    """The most that the search lets each other class lose, as a share of what it could gain alone;
    one number, or one a class by name. Thresholds of the paper's form have their own range."""
    preset: Literal["continue", "paper"] = "continue"
    """The study's own optimiser, or Table 2 (rate 1e-4, weight decay 1e-4, batch 512)."""
    search: Search = Search()

    @model_validator(mode="after")
    def _bounds_hold_one(self) -> "Reweight":
        low, high = self.weight_bounds
        if not 0 <= low <= 1 <= high or low == high:
            problem = f"weight_bounds is [{low:g}, {high:g}]"
            raise contradiction(problem, "[lo, hi] with 0 <= lo <= 1 <= hi and lo < hi", "Change weight_bounds")
        if self.thresholds == "paper" and self.mean_preserving and "mean_preserving" in self.model_fields_set:
            problem = "mean_preserving is true for thresholds = 'paper'"
            expected = "it only for thresholds = 'attainable', as the paper has no mean constraint"
            raise contradiction(problem, expected, "Remove mean_preserving")
        if self.thresholds == "paper" and "slack" in self.model_fields_set:
            problem = "slack is set for thresholds = 'paper'"
            expected = "it only for thresholds = 'attainable', as the paper's thresholds range over 0 to 1"
            raise contradiction(problem, expected, "Remove slack")
        return self


class Compute(_Settings):
    """Where the work runs."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "tf32", "bf16"] = "auto"
    """Of the scoring pass; ``auto`` is fp32 on a CPU and, on a GPU, the fastest that ranks samples like it."""
    threads: int = Field(0, ge=0, le=1024)
    """CPU threads of torch; 0: all. Recorded with the result, whose last bits depend on it."""
    batch_size: int = Field(0, ge=0)
    """Samples a scoring batch; 0: chosen."""
    memory_gb: float = Field(2.0, gt=0)
    """What class gradients may take in memory; beyond it they are read from a temporary file."""


class Study(_Settings):
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
        """The files or folders of the splits that have their own, by split."""
        named = {split: getattr(self.data, split) for split in SPLITS}
        return {split: self.path(value) for split, value in named.items() if isinstance(value, str)}

    @property
    def input_paths(self) -> list[Path]:
        """What a result depends on but the checkpoints: the data, and the user's own code where it builds the model."""
        builder = builder_name(self.model.architecture)
        return [*self.data_paths.values(), *([self.path(builder.path)] if builder else [])]

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
        RefusedInput: if the file is missing, is not TOML, or is not a valid study.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    if not path.is_file():
        expected = "a study.toml, or a folder with one"
        raise RefusedInput(f"there is no file {path}", expected, "Check the path, or copy a study from sample_data")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedInput(f"{path} is not TOML: {error}", "a study file in TOML", "Mend what is named") from error
    except OSError as error:
        raise RefusedInput(f"{path}: {error.strerror}", "a file that can be read", "Change its permissions") from error
    return _validated(values, path.resolve().parent, source=str(path))


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
