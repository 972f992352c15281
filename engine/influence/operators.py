"""The operators that turn a class gradient into a preconditioned row.

In the eigenbasis of the curvature each is an element-wise function of the eigenvalue
sigma (weight decay included), so any number of them share one fit and one scoring pass
(method: ``docs/method.md``):

- :class:`Inverse`: ``1 / (sigma + damping)``, which predicts retraining to the optimum;
- :class:`Horizon`: ``(1 - exp(-tau sigma)) / sigma`` with ``tau = sum_t lr_t / (1 - momentum)``,
  which predicts training that goes so far: one more epoch of SGD, or all of them from scratch
  (unrolled gradient descent, cf. Bae et al. 2024, arXiv 2405.12186). ``tau -> inf`` gives the
  inverse, ``tau -> 0`` gives ``tau`` times the identity: ``1 / tau`` is what damping is to the inverse.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


class Operator(Protocol):
    """A function of the curvature, applied to class gradients."""

    def factor(self, eigenvalues: Tensor, heuristic: float) -> Tensor:
        """Returns the operator's value at each eigenvalue, the shape unchanged.

        Args:
            eigenvalues: of the curvature of the loss without weight decay.
            heuristic: damping that the curvature proposes where the study names none.
        """

    @property
    def at_identity(self) -> float:
        """What a gradient is multiplied by where the curvature is the identity."""

    def damped(self, multiple: float) -> "Operator":
        """Returns the operator with so many times its damping, for looking at how much depends on it."""


@dataclass(frozen=True)
class Inverse:
    """The damped inverse.

    Attributes:
        damping: a number; ``None`` takes what the curvature proposes.
        weight_decay: of the training that led to the optimum; part of the curvature of
            the regularised loss.
        multiple: of the damping, for looking at how much depends on it.
    """

    damping: float | None
    weight_decay: float
    multiple: float = 1.0

    def damped(self, multiple: float) -> "Inverse":
        """Returns it with ``multiple`` times the damping."""
        return replace(self, multiple=multiple * self.multiple)

    def factor(self, eigenvalues: Tensor, heuristic: float) -> Tensor:
        """Returns ``1 / (sigma + weight_decay + multiple × damping)``.

        A module that no sample's gradient reaches has no curvature and no heuristic damping
        either; its rows become 0 rather than NaN.
        """
        damping = heuristic if self.damping is None else self.damping
        total = eigenvalues + (self.multiple * damping + self.weight_decay)
        return torch.where(total > 0, total.clamp_min(torch.finfo(total.dtype).tiny).reciprocal(), 0.0)

    @property
    def at_identity(self) -> float:
        """1: damping would only scale every row alike."""
        return 1.0


@dataclass(frozen=True)
class Horizon:
    """How far a training goes.

    Attributes:
        tau: learning rate × steps / (1 - momentum).
        weight_decay: of that training, which a preset may choose unlike the study's own.
    """

    tau: float
    weight_decay: float

    def damped(self, multiple: float) -> "Horizon":
        """Returns the horizon that is shorter by ``multiple``."""
        return replace(self, tau=self.tau / multiple)

    def factor(self, eigenvalues: Tensor, heuristic: float) -> Tensor:
        """Returns ``(1 - exp(-tau sigma)) / sigma``. No damping: a finite horizon bounds it by tau."""
        del heuristic
        sigma = (eigenvalues + self.weight_decay).clamp_min(0.0)
        product = sigma * self.tau
        # expm1 keeps the small products exact; at zero the limit is tau itself.
        return torch.where(product > 1e-12, -torch.expm1(-product) / sigma.clamp_min(1e-30), self.tau)

    @property
    def at_identity(self) -> float:
        """Tau: the distance that plain descent goes."""
        return self.tau
