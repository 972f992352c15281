"""Category-wise influence vectors P, from a trained model to parts that can be stored.

``P_jk = g_kᵀ H⁻¹ ∇ℓ(z_j; θ)`` (the paper's Eq. 1, class by class, divided by n_k): the
influence of training sample j on class k. **Higher = its presence lowers what the class
is judged by**, its loss by default. Weights ``1 + δ_j`` change that mean of class k by
``-(1/N) Σ_j δ_j P_jk`` to first order.

The work has two halves. :func:`prepare_influence` traces the model, fits the
curvature and preconditions the class gradients; :meth:`PreparedInfluence.parts` streams
over the training set. Parts are scored in batches whose borders do not depend on where
a run began, so a resumed run equals an uninterrupted one bit for bit on the CPU.
"""

import copy
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.data import Samples, StudyData
from engine.errors import RefusedInput
from engine.influence.class_gradients import fill_class_gradients
from engine.influence.curvature import precondition_in_place
from engine.influence.folds import stratified_folds
from engine.influence.linear_maps import matrix_shape
from engine.influence.operators import Horizon, Inverse
from engine.influence.precision import Precision, chosen_precision
from engine.influence.probe import (
    PROBE_BYTES,
    PROBE_SAMPLES,
    Probe,
    Stability,
    damping_stability,
    pooled_gradients,
    probed_classes,
)
from engine.influence.rows import Rows, allocate_rows, row_bytes
from engine.influence.scores import scoring
from engine.influence.strategies import Strategy, chosen_strategy, fitted_curvature
from engine.influence.tracked import TrackedModules, tracked_modules
from engine.progress import Progress, silent
from engine.study import Study
from engine.training.inputs import PreparedInputs

PART_SAMPLES = 4096
"""Training samples a part: small enough to lose little at a stop, large enough to store well."""
TRACED_SAMPLES = 3
"""Samples that the model is traced with."""
_BATCH_BYTES = {"cpu": 96 * 2**20, "cuda": 1024 * 2**20}
"""Aim for inputs and outputs of the tracked modules of one batch: few products of many rows, and bounded memory."""
_BATCHES = (16, 1024)
"""Smallest and largest batch that is chosen."""


@dataclass(frozen=True)
class InfluencePart:
    """Scores of some consecutive training samples.

    Attributes:
        number: of the part, from 0.
        start: index of its first training sample.
        ceiling: under H⁻¹, shape ``(n, F K)``, column ``f K + k``, float32.
        epoch: under the epoch operator, likewise.
    """

    number: int
    start: int
    ceiling: NDArray[np.float32]
    epoch: NDArray[np.float32]


@dataclass(frozen=True)
class PreparedInfluence:
    """Everything that a scoring pass needs, and what is known before it.

    Attributes:
        tracked: which modules influence passes through.
        strategy: the curvature that was used.
        factor_examples: training samples that the curvature was fitted on.
        factor_agreement: Spearman between the two halves of that sample, where it was chosen by it.
        stability: how much the ranking depends on the damping; ``None`` without curvature.
        precision: of the scoring pass.
        fold_of: fold of each validation sample, shape ``(V,)``.
        fold_counts: n_fk, shape ``(F, K)``.
        factor_seconds: time that the curvature took, and what was compared to choose it.
        gradient_seconds: time that class gradients and their preconditioning took.
        rows: preconditioned class gradients, ceiling then epoch, ``(2 F K, o, i)`` by module.
    """

    tracked: TrackedModules
    strategy: Strategy
    factor_examples: int
    factor_agreement: float | None
    stability: Stability | None
    precision: Precision
    fold_of: NDArray[np.int64]
    fold_counts: NDArray[np.int64]
    factor_seconds: float
    gradient_seconds: float
    rows: Rows
    _model: nn.Module
    _train: Samples
    _inputs: PreparedInputs
    _batch_size: int

    @property
    def num_parts(self) -> int:
        """How many parts the training set makes."""
        return -(-len(self._train) // PART_SAMPLES)

    def parts(self, finished: Collection[int] = (), progress: Progress = silent) -> Iterator[InfluencePart]:
        """Scores the training samples part by part.

        Args:
            finished: numbers of parts that are stored already and are passed over.
            progress: called after every batch.

        Yields:
            The missing parts, in order.

        Raises:
            Cancelled: when ``progress`` raises it; parts already yielded stay valid.
        """
        rows, count = self.fold_counts.size, len(self._train)
        parameter = next(self._model.parameters())
        with scoring(self._model, self.rows) as scoring_pass:
            for number in range(self.num_parts):
                if number in finished:
                    continue
                start = number * PART_SAMPLES
                stop = min(start + PART_SAMPLES, count)
                scores = torch.empty(stop - start, 2 * rows)
                for first in range(start, stop, self._batch_size):
                    last = min(first + self._batch_size, stop)
                    inputs = self._inputs.batch(torch.arange(first, last)).to(parameter)
                    # Within the loop: who takes the parts must not compute in this precision.
                    with self.precision.applied(parameter.device):
                        batch = scoring_pass.score(inputs, self._train.labels[first:last].to(parameter.device))
                    scores[first - start : last - start] = batch.float().cpu()
                    progress("scores", last, count)
                _check_finite(scores, start)
                yield InfluencePart(number, start, scores[:, :rows].numpy(), scores[:, rows:].numpy())


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
    damping = None if study.influence.damping == "heuristic" else study.influence.damping
    inverse = Inverse(damping, study.training.weight_decay)
    stability = None if strategy == "identity" else damping_stability(probe, fitted.curvature, inverse)
    precision = chosen_precision(study.compute.precision, probe, fitted.curvature, inverse)
    factor_seconds, began = time.perf_counter() - began, time.perf_counter()
    precondition_in_place(rows, fold_counts.size, fitted.curvature, [inverse, horizon], budget // 4)
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
        _model=model,
        _train=data.train,
        _inputs=PreparedInputs(data.train, data.transform, device, kept_bytes=_kept_bytes(device)),
        _batch_size=batch_size,
    )


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


def _check_finite(scores: Tensor, start: int) -> None:
    if not bool(scores.isfinite().all()):
        bad = start + int((~scores.isfinite()).any(dim=1).nonzero()[0])
        raise RefusedInput(
            f"the influence of training sample {bad} is not finite",
            "gradients that float32 can hold",
            "Check the sample, normalise the inputs with mean and std in [data.transform], set a larger [influence] "
            "damping, or use an earlier checkpoint",
        )


def _kept_bytes(device: torch.device) -> int:
    """Returns how much of the prepared data may be kept on the device: half of what is free, nothing on a CPU."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else 0
