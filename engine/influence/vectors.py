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
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.data import Samples
from engine.errors import RefusedInput
from engine.influence.curvature import Curvature
from engine.influence.operators import Operator
from engine.influence.precision import Precision
from engine.influence.probe import Stability
from engine.influence.rows import Rows
from engine.influence.scores import scoring
from engine.influence.strategies import Strategy
from engine.influence.tracked import TrackedModules
from engine.progress import Progress, silent
from engine.training.inputs import PreparedInputs

PART_SAMPLES = 4096
"""Training samples a part: small enough to lose little at a stop, large enough to store well."""


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
    _inputs: PreparedInputs

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
        parameter = next(self.model.parameters())
        with scoring(self.model, self.rows) as scoring_pass:
            for number in range(self.num_parts):
                if number in finished:
                    continue
                start = number * PART_SAMPLES
                stop = min(start + PART_SAMPLES, count)
                scores = torch.empty(stop - start, 2 * rows)
                for first in range(start, stop, self.batch_size):
                    last = min(first + self.batch_size, stop)
                    inputs = self._inputs.batch(torch.arange(first, last)).to(parameter)
                    # Within the loop: who takes the parts must not compute in this precision.
                    with self.precision.applied(parameter.device):
                        batch = scoring_pass.score(inputs, self._train.labels[first:last].to(parameter.device))
                    scores[first - start : last - start] = batch.float().cpu()
                    progress("scores", last, count)
                _check_finite(scores, start)
                yield InfluencePart(number, start, scores[:, :rows].numpy(), scores[:, rows:].numpy())


def _check_finite(scores: Tensor, start: int) -> None:
    if not bool(scores.isfinite().all()):
        bad = start + int((~scores.isfinite()).any(dim=1).nonzero()[0])
        raise RefusedInput(
            f"the influence of training sample {bad} is not finite",
            "gradients that float32 can hold",
            "Check the sample, normalise the inputs with mean and std in [data.transform], set [influence] damping "
            "to a number, or use an earlier checkpoint",
        )
