"""The ``[reweight]`` table of a study: what is to improve, how far weights may move, how they are searched."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.refusals import contradiction

Share = Annotated[float, Field(ge=0, le=1)]
LARGEST_WEIGHT = 1e6
"""No sample can weigh more: sums of influence must stay finite."""


class Settings(BaseModel):
    """A table of the study file: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Search(Settings):
    """The genetic search over thresholds, Table 2 of the paper."""

    iterations: int = Field(20, gt=0, le=10_000)
    population: int = Field(24, gt=1, le=10_000)
    elites: int = Field(6, gt=0)
    mutated_elites: int = Field(6, ge=0)
    randoms: int = Field(6, ge=0)
    crossover_children: int = Field(6, ge=0)
    mutation_rate: float = Field(0.25, ge=0, le=1)
    mutation_strength: float = Field(0.25, gt=0)
    patience: int = Field(3, gt=0)
    """Iterations without a better candidate after which the search stops."""
    informed: bool = True
    """Whether the first population begins with what is worth trying before any search; the paper's is all random."""
    orders: int = Field(4, gt=0, le=64)
    """Batch orders over which a candidate is averaged before it may lead; the paper trains each in one."""
    tolerance: float = Field(0.03, ge=0, lt=1)
    """Accuracy that another class may lose without counting, as a share; the paper: 0."""
    loss_weight: float = Field(3.0, ge=0)
    """What losses of other classes beyond the tolerance weigh against gains of targets; the paper: 1."""

    @model_validator(mode="after")
    def _parts_add_up(self) -> "Search":
        parts = self.elites + self.mutated_elites + self.randoms + self.crossover_children
        if parts != self.population:
            names = "elites + mutated_elites + randoms + crossover_children"
            problem = f"population is {self.population} but {names} is {parts}"
            raise contradiction(problem, "the two to be equal", "Change population or its parts")
        return self


class Reweight(Settings):
    """What is to improve and how far weights may move."""

    setting: Literal["direct_improvement", "course_correction", "all_classes"] = "direct_improvement"
    targets: tuple[str | int, ...] = ()
    """Classes to improve, by name or index."""
    weight_bounds: tuple[float, float] = (0.5, 1.5)
    budget: Annotated[float, Field(gt=0, le=1)] | None = None
    """The most that the mean of ``|w - 1|`` may be over all samples; by default the bounds alone limit it."""
    mean_preserving: bool = True
    """Keeps the mean weight at 1, so a gain is never just a larger learning rate."""
    objective: Literal["max_min", "sum"] = "max_min"
    """Over the targets: the smallest gain, or (the paper) their sum."""
    variables: Literal["auto", "groups", "samples"] = "auto"
    """One weight a group of similar samples, or (the paper) one a sample; ``auto`` searches both."""
    thresholds: Literal["attainable", "paper"] = "attainable"
    slack: Share | dict[str, Share] = 0.5
    """The most that the search lets each other class lose, as a share of what it could gain alone;
    one number, or one a class by name. Thresholds of the paper's form have their own range, and plain class weights,
    with which every search is compared, are bound by none."""
    preset: Literal["continue", "paper"] = "continue"
    """The study's own optimiser, or Table 2 (rate 1e-4, weight decay 1e-4, batch 512)."""
    search: Search = Search()

    @model_validator(mode="after")
    def _bounds_hold_one(self) -> "Reweight":
        low, high = self.weight_bounds
        if not 0 <= low <= 1 <= high or low == high:
            problem = f"weight_bounds is [{low:g}, {high:g}]"
            raise contradiction(problem, "[lo, hi] with 0 <= lo <= 1 <= hi and lo < hi", "Change weight_bounds")
        if high > LARGEST_WEIGHT:
            problem = f"weight_bounds is [{low:g}, {high:g}]"
            raise contradiction(problem, f"hi of at most {LARGEST_WEIGHT:,.0f}", "Change weight_bounds")
        if self.thresholds == "paper" and self.mean_preserving and "mean_preserving" in self.model_fields_set:
            problem = "mean_preserving is true for thresholds = 'paper'"
            expected = "it only for thresholds = 'attainable', as the paper has no mean constraint"
            raise contradiction(problem, expected, "Remove mean_preserving")
        if self.thresholds == "paper" and "slack" in self.model_fields_set:
            problem = "slack is set for thresholds = 'paper'"
            expected = "it only for thresholds = 'attainable', as the paper's thresholds range over 0 to 1"
            raise contradiction(problem, expected, "Remove slack")
        return self
