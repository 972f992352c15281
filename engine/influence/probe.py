"""A few hundred training samples that are scored again and again: how alike do two choices rank them?

Three choices are judged by it before the long pass: on how many samples the factors are
fitted, how much depends on the damping, and whether less precise arithmetic is enough.
Each asks only for a rank correlation over samples, class by class, so some hundred samples
and at most ten classes tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn

from engine.influence.curvature import Curvature
from engine.influence.operators import Operator
from engine.influence.rows import Rows
from engine.influence.scores import scoring
from engine.progress import Progress, silent

PROBE_SAMPLES = 300
PROBE_CLASSES = 10
"""Of many classes that many are looked at, evenly spread over their order."""
PROBE_BYTES = 200 * 2**20
"""What their gradients may take; under three dampings it is four times as much."""


@dataclass(frozen=True)
class Probe:
    """Samples to score and class gradients to score them with.

    Attributes:
        inputs: prepared, shape ``(n, ...)``, on the model's device and in its number type.
        labels: shape ``(n,)``.
        classes: which the gradients are of, ``k`` of them.
        gradients: mean over all folds, by module ``(k, o, i)``.
        batch_size: samples a pass.
        progress: called after every batch.
    """

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    classes: tuple[int, ...]
    gradients: Rows
    batch_size: int
    progress: Progress = silent

    def scores(self, curvature: Curvature, operators: Sequence[Operator]) -> list[NDArray[np.float32]]:
        """Returns the scores ``(n, k)`` under each operator."""
        told = curvature.precondition(self.gradients, operators)
        rows = {name: torch.cat([one[name] for one in told]) for name in self.gradients}
        with scoring(self.model, rows) as scoring_pass:
            scored: list[Tensor] = []
            for first in range(0, len(self.labels), self.batch_size):
                batch = slice(first, first + self.batch_size)
                scored.append(scoring_pass.score(self.inputs[batch], self.labels[batch]).float().cpu())
                self.progress("comparing", min(batch.stop, len(self.labels)), len(self.labels))
        return [part.numpy() for part in torch.cat(scored).split(len(self.classes), dim=1)]


def probed_classes(num_classes: int, affordable: int) -> tuple[int, ...]:
    """Returns at most PROBE_CLASSES classes, evenly spread, and no more than are affordable."""
    count = max(1, min(num_classes, PROBE_CLASSES, affordable))
    return tuple(int(k) for k in np.linspace(0, num_classes - 1, count).round())


def pooled_gradients(rows: Rows, fold_counts: NDArray[np.int64], classes: Sequence[int], device: torch.device) -> Rows:
    """Returns ``g_k = Σ_f n_fk g_fk / n_k`` of some classes, by module ``(k, o, i)``.

    Args:
        rows: class gradients, row ``f K + k``.
        fold_counts: n_fk, shape ``(F, K)``.
        classes: which ones.
        device: where they are wanted.
    """
    folds, total = fold_counts.shape
    shares = torch.as_tensor(fold_counts / np.maximum(fold_counts.sum(axis=0), 1), dtype=torch.float64)
    pooled = {}
    for name, values in rows.items():
        parts = [sum(shares[f, k].item() * values[f * total + k] for f in range(folds)) for k in classes]
        pooled[name] = torch.stack([torch.as_tensor(part) for part in parts]).to(device)
    return pooled


@dataclass(frozen=True)
class Stability:
    """How much the ranking of samples depends on the damping.

    Attributes:
        classes: that were looked at.
        tenth: Spearman with the scores under a tenth of the damping, class by class.
        tenfold: likewise under ten times the damping.
    """

    classes: tuple[int, ...]
    tenth: tuple[float, ...]
    tenfold: tuple[float, ...]


def damping_stability(probe: Probe, curvature: Curvature, operator: Operator) -> Stability:
    """Compares the ranking under the damping with those under a tenth and ten times of it."""
    operators = [operator.damped(multiple) for multiple in (1.0, 0.1, 10.0)]
    as_is, tenth, tenfold = probe.scores(curvature, operators)
    return Stability(probe.classes, tuple(rank_agreements(as_is, tenth)), tuple(rank_agreements(as_is, tenfold)))


def rank_agreements(first: NDArray[np.floating], second: NDArray[np.floating]) -> list[float]:
    """Returns the Spearman correlation of each column of two score matrices ``(n, k)``.

    A column in which all scores are equal agrees with an equal one and with no other.
    """

    def agreement(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
        flat = np.ptp(a) == 0 or np.ptp(b) == 0
        return float(np.array_equal(a, b)) if flat else float(spearmanr(a, b).statistic)

    return [agreement(first[:, k], second[:, k]) for k in range(first.shape[1])]
