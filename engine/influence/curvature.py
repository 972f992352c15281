"""Curvatures H of the mean training loss, and what operators make of class gradients in them.

For a linear map with inputs a and output gradients g the Fisher block is approximated
as ``(Q_g ⊗ Q_a) Λ (Q_g ⊗ Q_a)ᵀ``; EKFAC (George et al. 2018) fits Λ as the second
moments of the gradients in that basis, K-FAC takes the outer product of the two
spectra. Shapes: Q_g ``(o, o)``, Q_a ``(i, i)``, Λ ``(o, i)``, where i counts the bias
as one more input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from engine.influence.operators import Operator
from engine.influence.rows import Rows

HEURISTIC_DAMPING_SHARE = 0.1
"""Heuristic damping as a share of a module's mean eigenvalue, kronfluence's choice too."""


class Curvature(Protocol):
    """An approximation of the curvature of the tracked parameters."""

    def precondition(self, gradients: Rows, operators: Sequence[Operator]) -> list[Rows]:
        """Returns the gradients ``(R, o, i)`` under each operator, shapes unchanged."""


class IdentityCurvature:
    """H = I: no curvature at all, which needs no fit."""

    def precondition(self, gradients: Rows, operators: Sequence[Operator]) -> list[Rows]:
        """Returns the gradients, scaled alike."""
        return [{name: operator.at_identity * rows for name, rows in gradients.items()} for operator in operators]


@dataclass(frozen=True)
class ModuleCurvature:
    """Eigenbasis and spectrum of one module's block.

    Attributes:
        eigenvalues: Λ, shape ``(o, i)``.
        gradient_basis: Q_g, shape ``(o, o)``; ``None`` where the basis is the parameters' own.
        activation_basis: Q_a, shape ``(i, i)``; likewise.
    """

    eigenvalues: Tensor
    gradient_basis: Tensor | None = None
    activation_basis: Tensor | None = None

    def precondition(self, gradient: Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """Applies operators to gradients ``(R, o, i)``."""
        heuristic = HEURISTIC_DAMPING_SHARE * float(self.eigenvalues.mean())
        factors = [operator.factor(self.eigenvalues, heuristic) for operator in operators]
        gradient = gradient.to(self.eigenvalues)
        if self.gradient_basis is None or self.activation_basis is None:
            return [gradient * factor for factor in factors]
        rotated = self.gradient_basis.T @ gradient @ self.activation_basis
        return [self.gradient_basis @ (rotated * factor) @ self.activation_basis.T for factor in factors]


@dataclass(frozen=True)
class BlockCurvature:
    """One block a module, nothing between modules: EKFAC, K-FAC and the diagonal.

    Attributes:
        modules: the blocks by module name.
    """

    modules: Mapping[str, ModuleCurvature]

    def precondition(self, gradients: Rows, operators: Sequence[Operator]) -> list[Rows]:
        """Applies operators module by module."""
        told = {name: self.modules[name].precondition(rows, operators) for name, rows in gradients.items()}
        return [{name: values[number] for name, values in told.items()} for number in range(len(operators))]


def precondition_in_place(
    rows: Rows, count: int, curvature: Curvature, operators: Sequence[Operator], budget: int
) -> None:
    """Replaces class gradients by what the operators make of them, block by block.

    Args:
        rows: ``(len(operators) × count, o, i)``; the class gradients are the first ``count``.
        count: R.
        curvature: of the tracked modules.
        operators: operator n fills the rows from ``n × count``.
        budget: bytes that a block and its copies may take.
    """
    one = sum(values[0].nbytes for values in rows.values())
    size = max(1, budget // (one * (len(operators) + 2)))
    for start in range(0, count, size):
        stop = min(start + size, count)
        block = {name: values[start:stop].clone() for name, values in rows.items()}
        for number, result in enumerate(curvature.precondition(block, operators)):
            for name, values in rows.items():
                values[number * count + start : number * count + stop] = result[name]
