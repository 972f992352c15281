"""Category-wise influence vectors P, from a trained model to parts that can be stored.

``P_jk = g_kᵀ H⁻¹ ∇ℓ(z_j; θ)`` (the paper's Eq. 1, class by class, divided by n_k): the
influence of training sample j on class k. **Higher = its presence lowers the class's
loss.** Weights ``1 + δ_j`` change the mean loss of class k by ``-(1/N) Σ_j δ_j P_jk`` to
first order.

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
from torch import nn

from engine.data import InputTransform, Samples, StudyData
from engine.influence.class_gradients import Rows, class_gradients
from engine.influence.curvature import FACTOR_BATCH, Curvature, fit_curvature, identity_curvature
from engine.influence.folds import stratified_folds
from engine.influence.operators import Horizon
from engine.influence.scores import scoring, stacked
from engine.influence.tracked import TrackedModules, tracked_modules
from engine.progress import Progress, silent
from engine.study import Study

PART_SAMPLES = 4096
"""Training samples a part: small enough to lose little at a stop, large enough to store well."""
AUTO_FACTOR_EXAMPLES = 2000
"""Samples that ``factor_examples = "auto"`` fits the curvature on, at most."""
_BATCH_BYTES = 128 * 2**20
"""Aim for the patches of one scoring batch in the widest module."""


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
        fold_of: fold of each validation sample, shape ``(V,)``.
        fold_counts: n_fk, shape ``(F, K)``.
        factor_seconds: time that curvature and class gradients took.
    """

    tracked: TrackedModules
    strategy: str
    fold_of: NDArray[np.int64]
    fold_counts: NDArray[np.int64]
    factor_seconds: float
    _model: nn.Module
    rows: Rows
    _train: Samples
    _transform: InputTransform
    _batch_size: int
    _bf16: bool

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
        device = next(self._model.parameters()).device
        rows = self.fold_counts.size
        with scoring(self._model, self.rows) as scoring_pass:
            for number in range(self.num_parts):
                if number in finished:
                    continue
                start = number * PART_SAMPLES
                stop = min(start + PART_SAMPLES, len(self._train))
                scores = torch.empty(stop - start, 2 * rows)
                for first in range(start, stop, self._batch_size):
                    last = min(first + self._batch_size, stop)
                    inputs = self._transform.prepare(self._train.inputs[first:last]).to(device)
                    with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
                        batch = scoring_pass.score(inputs, self._train.labels[first:last].to(device))
                    scores[first - start : last - start] = batch.float().cpu()
                    progress("scores", last, len(self._train))
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
        RefusedInput: if a requested module cannot be tracked.
        Cancelled: when ``progress`` raises it.
    """
    began = time.perf_counter()
    model = copy.deepcopy(model).eval()
    device = next(model.parameters()).device
    settings = study.influence
    requested = None if settings.modules == "auto" else settings.modules
    example = data.transform.prepare(data.train.inputs[:2]).to(device)
    tracked = tracked_modules(model, example, requested)
    strategy = "ekfac" if settings.strategy == "auto" else settings.strategy
    batch_size = study.compute.batch_size or int(np.clip(_BATCH_BYTES // tracked.largest_sample_bytes, 8, 512))

    curvature = _curvature(study, data, model, tracked, strategy, progress)
    fold_of, fold_counts = stratified_folds(data.validation.labels.numpy(), data.num_classes, study.seed)
    gradients = class_gradients(model, data, fold_of, tracked.names, batch_size, progress)
    damping = None if settings.damping == "heuristic" else settings.damping
    ceiling: Rows = {}
    epoch: Rows = {}
    for name in tracked.names:
        ceiling[name], epoch[name] = curvature[name].precondition(
            gradients[name], damping, study.training.weight_decay, horizon
        )
    return PreparedInfluence(
        tracked=tracked,
        strategy=strategy,
        fold_of=fold_of,
        fold_counts=fold_counts,
        factor_seconds=time.perf_counter() - began,
        _model=model,
        rows=stacked([ceiling, epoch]),
        _train=data.train,
        _transform=data.transform,
        _batch_size=batch_size,
        _bf16=study.compute.precision == "bf16",
    )


def _curvature(
    study: Study, data: StudyData, model: nn.Module, tracked: TrackedModules, strategy: str, progress: Progress
) -> Curvature:
    if strategy == "identity":
        return identity_curvature(tracked.names)
    wanted = study.influence.factor_examples
    limit = {"all": len(data.train), "auto": AUTO_FACTOR_EXAMPLES}.get(str(wanted), wanted)
    assert isinstance(limit, int)
    chosen = np.arange(len(data.train))
    if limit < len(chosen):
        chosen = np.sort(np.random.default_rng(study.seed).choice(chosen, size=limit, replace=False))
    device = next(model.parameters()).device
    return fit_curvature(
        model,
        data.transform.prepare(data.train.inputs[torch.from_numpy(chosen)]).to(device),
        data.train.labels[torch.from_numpy(chosen)].to(device),
        tracked.names,
        strategy,
        study.seed,
        study.compute.batch_size or FACTOR_BATCH,
        progress,
    )
