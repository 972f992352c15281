"""The two operators that turn a class gradient into a preconditioned row.

In the eigenbasis of the curvature both are element-wise functions of the eigenvalue
sigma, so they share the factors and one scoring pass (method: ``docs/method.md``):

- *ceiling*: ``1 / (sigma + damping)``, the inverse that predicts retraining to the optimum;
- *epoch*: ``(1 - exp(-tau sigma)) / sigma`` with ``tau = sum_t lr_t / (1 - momentum)``, which
  predicts one more epoch of SGD (unrolled gradient descent, cf. Bae et al. 2024, arXiv
  2405.12186). ``tau -> inf`` gives the inverse, ``tau -> 0`` gives ``tau`` times the identity.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

HEURISTIC_DAMPING_SHARE = 0.1
"""Heuristic damping as a share of a module's mean eigenvalue, kronfluence's choice too."""


def ceiling_factor(eigenvalues: Tensor, damping: float | None, weight_decay: float) -> Tensor:
    """Returns ``1 / (sigma + weight_decay + damping)`` element by element.

    Args:
        eigenvalues: of one module's curvature, shape ``(o, i)``.
        damping: a number, or ``None`` for a tenth of the mean eigenvalue.
        weight_decay: of the training; part of the curvature of the regularised loss.
    """
    if damping is None:
        damping = HEURISTIC_DAMPING_SHARE * float(eigenvalues.mean())
    return 1.0 / (eigenvalues + (damping + weight_decay))


@dataclass(frozen=True)
class Horizon:
    """How far one more epoch goes.

    Attributes:
        tau: learning rate × steps / (1 - momentum).
        weight_decay: of that epoch, which a preset may choose unlike the study's own.
    """

    tau: float
    weight_decay: float


def epoch_factor(eigenvalues: Tensor, horizon: Horizon) -> Tensor:
    """Returns ``(1 - exp(-tau sigma)) / sigma`` element by element, sigma with weight decay.

    Args:
        eigenvalues: of one module's curvature, shape ``(o, i)``.
        horizon: of the epoch. No damping: a finite horizon bounds the operator by tau.
    """
    sigma = (eigenvalues + horizon.weight_decay).clamp_min(0.0)
    product = sigma * horizon.tau
    # expm1 keeps the small products exact; at zero the limit is tau itself.
    return torch.where(product > 1e-12, -torch.expm1(-product) / sigma.clamp_min(1e-30), horizon.tau)
