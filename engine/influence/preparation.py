"""From a trained model to all that the scoring pass needs: the half of the work that comes before it.

The model is traced, the class gradients are computed, the curvature is fitted and the
gradients are preconditioned with it. Everything that can be refused is refused here, the
cheap checks first.
"""

import copy
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.data import StudyData
from engine.influence.class_gradients import fill_class_gradients
from engine.influence.curvature import precondition_in_place
from engine.influence.folds import stratified_folds
from engine.influence.linear_maps import matrix_shape
from engine.influence.operators import Horizon, Inverse, Operator
from engine.influence.precision import Precision, chosen_precision
from engine.influence.probe import (
    PROBE_BYTES,
    PROBE_SAMPLES,
    Probe,
    damping_stability,
    pooled_gradients,
    probed_classes,
)
from engine.influence.rows import Rows, allocate_rows, row_bytes
from engine.influence.strategies import Strategy, chosen_strategy, fitted_curvature
from engine.influence.tracked import TrackedModules, tracked_modules
from engine.influence.vectors import PreparedInfluence
from engine.progress import Progress, silent
from engine.study import Study
from engine.training.schedule import whole_horizon

TRACED_SAMPLES = 3
"""Samples that the model is traced with."""
_BATCH_BYTES = {"cpu": 96 * 2**20, "cuda": 1024 * 2**20}
"""Aim for inputs and outputs of the tracked modules of one batch: few products of many rows, and bounded memory."""
_BATCHES = (16, 1024)
"""Smallest and largest batch that is chosen."""


def prepare_influence(
    study: Study, data: StudyData, model: nn.Module, horizon: Horizon, progress: Progress = silent
) -> PreparedInfluence:
    """Traces the model, fits its curvature and preconditions the class gradients.

    Args:
        study: settings of influence, training and computation.
        data: training and validation samples.
        model: with its checkpoint loaded, on the device that is to be used; not changed.
        horizon: of the epoch operator: how far the next epoch goes, and under which weight decay.
        progress: called after every batch.

    Raises:
        RefusedInput: if the model cannot be tracked as the study asks, see
            :func:`engine.influence.tracked.tracked_modules`, or the disk has no room.
        Cancelled: when ``progress`` raises it.
    """
    model = copy.deepcopy(model).eval()
    device = next(model.parameters()).device
    # By default torch lets some products of a GPU be coarser; only the pass itself may be, where that is enough.
    with Precision("fp32").applied(device):
        return _prepared(study, data, model, horizon, progress)


def _prepared(
    study: Study, data: StudyData, model: nn.Module, horizon: Horizon, progress: Progress
) -> PreparedInfluence:
    tracked, strategy = planned(study, data, model)
    if strategy == "exact":
        model = model.double()
    device = next(model.parameters()).device
    dtype = next(model.parameters()).dtype
    batch_size = study.compute.batch_size or int(
        np.clip(_BATCH_BYTES[device.type] // max(1, tracked.sample_bytes), *_BATCHES)
    )
    budget = int(study.compute.memory_gb * 1e9)
    if device.type == "cuda":
        budget = max(budget, torch.cuda.mem_get_info(device)[0] // 2)
    shapes = {name: matrix_shape(model.get_submodule(name)) for name in tracked.names}

    fold_of, fold_counts = stratified_folds(data.validation.labels.numpy(), data.num_classes, study.seed)
    began = time.perf_counter()
    rows = allocate_rows(shapes, 2 * fold_counts.size, dtype, device, budget)
    fill_class_gradients(rows, model, data, fold_of, study.influence.measurement, batch_size, progress)
    gradient_seconds, began = time.perf_counter() - began, time.perf_counter()
    # Not the study's budget: the classes decide on how many samples the factors rest.
    classes = probed_classes(data.num_classes, PROBE_BYTES // row_bytes(shapes, dtype))
    probe = _probe(study, data, model, rows, fold_counts, classes, batch_size, progress)

    fitted = fitted_curvature(study, data, model, tracked, strategy, probe, progress)
    ceiling = ceiling_operator(study, len(data.train))
    stability = None if strategy == "identity" else damping_stability(probe, fitted.curvature, ceiling)
    precision = chosen_precision(study.compute.precision, probe, fitted.curvature, ceiling)
    factor_seconds, began = time.perf_counter() - began, time.perf_counter()
    precondition_in_place(rows, fold_counts.size, fitted.curvature, [ceiling, horizon], budget // 4)
    return PreparedInfluence(
        tracked=tracked,
        strategy=strategy,
        factor_examples=fitted.examples,
        factor_agreement=fitted.agreement,
        stability=stability,
        precision=precision,
        fold_of=fold_of,
        fold_counts=fold_counts,
        factor_seconds=factor_seconds,
        gradient_seconds=gradient_seconds + time.perf_counter() - began,
        rows=rows,
        model=model,
        curvature=fitted.curvature,
        ceiling=ceiling,
        batch_size=batch_size,
        budget=budget,
        _train=data.train,
        _transform=data.transform,
    )


def ceiling_operator(study: Study, samples: int) -> Operator:
    """Returns the operator of the ceiling: what predicts training from scratch with other weights.

    By default it goes as far as the study's whole training does; a damping, or ``"heuristic"``, asks for
    the damped inverse, which predicts the optimum however long the way to it is.

    Args:
        study: ``[influence] damping`` and ``[training]``.
        samples: N, of the training split.

    Raises:
        ValueError: if the damping is still to be calibrated.
    """
    damping, training = study.influence.damping, study.training
    if damping == "calibrated":
        raise ValueError("a calibrated damping is looked up before influence is prepared")
    if damping == "training":
        return Horizon(whole_horizon(training, samples), training.weight_decay)
    return Inverse(None if damping == "heuristic" else damping, training.weight_decay)


def planned(study: Study, data: StudyData, model: nn.Module) -> tuple[TrackedModules, Strategy]:
    """Decides which modules are tracked and which curvature is used, from one traced batch.

    Args:
        study: ``[influence] modules``, ``untrackable`` and ``strategy``.
        data: of whose training samples a few are passed.
        model: the study's, trained or not; its mode is restored.

    Raises:
        RefusedInput: if influence cannot be computed through the model as the study asks.
    """
    settings = study.influence
    training = model.training
    try:
        model.eval()
        # Spread over the samples: in files that are sorted by class, the first ones are all alike.
        chosen = torch.linspace(0, len(data.train) - 1, min(TRACED_SAMPLES, len(data.train))).long()
        example = data.transform.prepare(data.train.inputs[chosen]).to(next(model.parameters()))
        tracked = tracked_modules(
            model,
            example,
            data.num_classes,
            None if settings.modules == "auto" else settings.modules,
            settings.untrackable,
            needs_factors=settings.strategy in ("auto", "ekfac", "kfac"),
            default=getattr(model, "tracked_by_default", None),
        )
        return tracked, chosen_strategy(study, tracked, model, example)
    finally:
        model.train(training)


def _probe(
    study: Study,
    data: StudyData,
    model: nn.Module,
    rows: Rows,
    fold_counts: NDArray[np.int64],
    classes: tuple[int, ...],
    batch_size: int,
    progress: Progress,
) -> Probe:
    parameter = next(model.parameters())
    # Another seed than that of the factors' sample: what is fitted must not judge itself.
    generator = np.random.default_rng([study.seed, 1])
    count = min(PROBE_SAMPLES, len(data.train))
    chosen: Tensor = torch.from_numpy(np.sort(generator.choice(len(data.train), count, replace=False)))
    return Probe(
        model=model,
        inputs=data.transform.prepare(data.train.inputs[chosen]).to(parameter),
        labels=data.train.labels[chosen].to(parameter.device),
        classes=classes,
        gradients=pooled_gradients(rows, fold_counts, classes, parameter.device),
        batch_size=batch_size,
        progress=progress,
    )
