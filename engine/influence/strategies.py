"""From ``[influence] strategy`` and ``factor_examples`` to a fitted curvature."""

import copy
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from engine.data import StudyData
from engine.errors import RefusedInput, first_line
from engine.influence.curvature import Curvature, IdentityCurvature
from engine.influence.exact import EXACT_PARAMETERS, LARGEST_EXACT, exact_curvature, exact_sample_size
from engine.influence.factor_sample import (
    DIAGONAL_SAMPLES,
    MOMENT_SAMPLES,
    SampledFactors,
    random_order,
    sampled_factors,
)
from engine.influence.kronecker import KroneckerFit
from engine.influence.linear_maps import matrix_shape
from engine.influence.operators import Inverse
from engine.influence.probe import Probe
from engine.influence.tracked import TrackedModules
from engine.influence.wrapping import check_wrapping
from engine.progress import Progress
from engine.study import Study

Strategy = Literal["exact", "ekfac", "kfac", "diagonal", "identity"]
FACTOR_BATCH = 64
"""Samples a batch of a fit, where the study does not say: larger ones leave the processor's cache."""
_FACTOR_BYTES = 2**30
"""Aim for what a fit holds at once: the gradients of a batch in the widest module, and three copies of them."""


@dataclass(frozen=True)
class FittedCurvature:
    """A curvature and what it rests on.

    Attributes:
        curvature: of the tracked modules.
        examples: training samples that it was fitted on.
        agreement: Spearman between its two halves, where the sample was chosen by it.
    """

    curvature: Curvature
    examples: int
    agreement: float | None = None


def chosen_strategy(study: Study, tracked: TrackedModules, model: nn.Module, example: Tensor) -> Strategy:
    """Returns the strategy that is used: ``auto`` is exact where that is cheap, else EKFAC.

    Args:
        study: ``[influence] strategy`` and ``[compute] precision``.
        tracked: the modules.
        model: in evaluation mode.
        example: a few prepared samples, to see that the model bears what the strategy does to it.

    Raises:
        RefusedInput: if ``exact`` is asked for and the matrix would be too large or the model
            cannot compute in float64; if the model changes when kronfluence wraps it.
    """
    strategy = _wanted(study, tracked, model, example)
    if strategy in ("ekfac", "kfac", "diagonal"):
        check_wrapping(model, example, tracked.names)
    return strategy


def _wanted(study: Study, tracked: TrackedModules, model: nn.Module, example: Tensor) -> Strategy:
    asked = study.influence.strategy
    if asked == "exact" and tracked.parameters > LARGEST_EXACT:
        raise RefusedInput(
            f"[influence] strategy is 'exact' with {tracked.parameters:,} tracked parameters: the matrix would take "
            f"{8e-9 * tracked.parameters**2:,.0f} GB",
            f"at most {LARGEST_EXACT:,}",
            "Use strategy = 'ekfac', or restrict [influence] modules, e.g. to the last layer",
        )
    # Who asks for a coarser arithmetic does not ask for float64.
    is_cheap = tracked.parameters <= EXACT_PARAMETERS and study.compute.precision in ("auto", "fp32")
    if asked not in ("auto", "exact") or (asked == "auto" and not is_cheap):
        return "ekfac" if asked == "auto" else asked
    try:
        with torch.no_grad():
            copy.deepcopy(model).double()(example.double())
    except RuntimeError as error:
        if asked == "auto":
            return "ekfac"
        raise RefusedInput(
            f"[influence] strategy is 'exact', and the {type(model).__name__} cannot compute in float64: "
            f"{first_line(error)}",
            "a model that follows the number type of its inputs",
            "Use strategy = 'ekfac'",
        ) from error
    return "exact"


def fitted_curvature(
    study: Study,
    data: StudyData,
    model: nn.Module,
    tracked: TrackedModules,
    strategy: Strategy,
    probe: Probe,
    progress: Progress,
) -> FittedCurvature:
    """Fits the curvature of the tracked modules.

    Args:
        study: ``[influence] factor_examples`` and ``damping``, the seed, ``[compute] batch_size``.
        data: whose training samples are used.
        model: in evaluation mode; float64 for ``exact``.
        tracked: the modules.
        strategy: of :func:`chosen_strategy`.
        probe: that ``factor_examples = "auto"`` compares halves on.
        progress: called after every batch; may raise to stop.
    """
    if strategy == "identity":
        return FittedCurvature(IdentityCurvature(), examples=0)
    if strategy == "exact":
        indices = _indices(study, data, exact_sample_size(len(data.train), tracked.parameters, data.num_classes))
        exact = exact_curvature(
            model, data.train, data.transform, tracked.names, indices, tracked.sample_bytes, progress
        )
        return FittedCurvature(exact, len(indices))
    batch_size = study.compute.batch_size or _factor_batch(model, tracked)
    fit = KroneckerFit(model, data.train, data.transform, tracked.names, study.seed, batch_size, progress)
    if strategy == "diagonal":
        indices = _indices(study, data, DIAGONAL_SAMPLES)
        return FittedCurvature(fit.diagonal(indices), len(indices))
    if study.influence.factor_examples == "auto":
        inverse = Inverse(None, study.training.weight_decay)
        order = random_order(len(data.train), study.seed)
        sampled = sampled_factors(fit, order, lambda curvature: probe.scores(curvature, [inverse])[0])
        moments = sampled.indices[:MOMENT_SAMPLES]
    else:
        moments = _indices(study, data, len(data.train))
        sampled = SampledFactors(fit.covariances(moments), moments, None)
    examples = len(sampled.indices)
    curvature = (
        fit.kfac(sampled.covariances, examples) if strategy == "kfac" else fit.ekfac(sampled.covariances, moments)
    )
    return FittedCurvature(curvature, examples, sampled.agreement)


def _factor_batch(model: nn.Module, tracked: TrackedModules) -> int:
    widest = max(math.prod(matrix_shape(model.get_submodule(name))) for name in tracked.names)
    return max(1, min(FACTOR_BATCH, _FACTOR_BYTES // (4 * 4 * widest)))


def _indices(study: Study, data: StudyData, auto: int) -> Tensor:
    """Returns the samples of a fit: all in their order, or a random few in theirs."""
    asked, available = study.influence.factor_examples, len(data.train)
    wanted = {"all": available, "auto": auto}.get(str(asked), asked)
    assert isinstance(wanted, int)
    if wanted >= available:
        return torch.arange(available)
    return random_order(available, study.seed)[:wanted].sort().values
