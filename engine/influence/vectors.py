"""Category-wise influence vectors P, part by part: the pass over the training set.

``P_jk = g_kᵀ H⁻¹ ∇ℓ(z_j; θ)`` (the paper's Eq. 1, class by class, divided by n_k): the
influence of training sample j on class k. **Higher = its presence lowers what the class
is judged by**, its loss by default. Weights ``1 + δ_j`` change that mean of class k by
``-(1/N) Σ_j δ_j P_jk`` to first order.

:func:`engine.influence.preparation.prepare_influence` does what comes before. Parts are
scored in batches whose borders do not depend on where a run began, so a resumed run
equals an uninterrupted one bit for bit on the CPU.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from engine.data import InputTransform, Samples
from engine.influence.curvature import Curvature
from engine.influence.operators import Operator
from engine.influence.parts import InfluencePart, PartsOf, Scorer, count_parts, scored
from engine.influence.precision import Precision
from engine.influence.probe import Stability
from engine.influence.rows import Rows
from engine.influence.strategies import Strategy
from engine.influence.tracked import TrackedModules
from engine.models.importable import is_importable
from engine.progress import Progress, silent
from engine.tasks import Told, task_pool


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
        model: a copy in evaluation mode, of the number type that the strategy computes in.
        curvature: of its tracked modules.
        ceiling: the operator of the ceiling.
        batch_size: samples a pass.
        budget: bytes that further rows may take in memory.
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
    model: nn.Module
    curvature: Curvature
    ceiling: Operator
    batch_size: int
    budget: int
    _train: Samples
    _transform: InputTransform

    @property
    def num_parts(self) -> int:
        """How many parts the training set makes."""
        return count_parts(len(self._train))

    def all_parts(self, progress: Progress = silent) -> list[InfluencePart]:
        """Scores all training samples; returns the parts in the order of the samples, wherever they are scored.

        Args:
            progress: see :meth:`parts`.
        """
        return sorted(self.parts(progress=progress), key=lambda part: part.number)

    def parts(self, finished: Collection[int] = (), progress: Progress = silent) -> Iterator[InfluencePart]:
        """Scores the training samples part by part, here or on a cluster (:mod:`engine.tasks`).

        Args:
            finished: numbers of parts that are stored already and are passed over.
            progress: called after every batch; on a cluster after every part.

        Yields:
            The missing parts: in order where they are scored here, else as they come.

        Raises:
            RefusedInput: if a sample cannot be scored; it is named.
            Cancelled: when ``progress`` raises it; parts already yielded stay valid.
        """
        missing = [number for number in range(self.num_parts) if number not in finished]
        parts = PartsOf(self._train, missing)
        before = len(self._train) - sum(parts.sizes)
        told = Told("scores", parts.sizes, before, parts.name)
        scorer = Scorer(self.model, self.rows, self.precision, self.batch_size, self.fold_counts.size, self._transform)
        device = next(self.model.parameters()).device
        with task_pool(scored, scorer, device=device, stays=not is_importable(self.model)) as pool:
            for _, part in pool.completed(parts, told, progress):
                yield part
