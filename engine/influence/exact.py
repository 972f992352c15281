r"""The exact curvature of small models: a dense Gauss-Newton matrix in float64.

For the cross-entropy over logits z(θ) with probabilities p

    H = (1/n) Σ_j J_jᵀ (diag(p_j) - p_j p_jᵀ) J_j,      J_j = ∂z_j/∂θ, shape (K, P),

over the tracked parameters. It is the Hessian of the mean loss where the logits are
linear in θ (logistic regression), and the Hessian without the curvature of the network
itself elsewhere: never negative, and equal to the Fisher of the model's own labels. With
``S = diag(√p) - p √pᵀ`` one has ``S Sᵀ = diag(p) - p pᵀ``, so column c of S, taken as
output gradient, gives every sample's row of one factor in one backward pass.

One eigendecomposition ``H = Q Λ Qᵀ`` serves every operator: ``u = Q f(Λ) Qᵀ g``.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.data import InputTransform, Samples
from engine.influence.linear_maps import matrix_shape, observed, per_sample_gradients
from engine.influence.operators import Operator
from engine.influence.rows import Rows
from engine.progress import Progress, silent

EXACT_PARAMETERS = 5_000
"""Tracked parameters up to which ``strategy = "auto"`` takes the exact curvature."""
LARGEST_EXACT = 12_000
"""Beyond it the matrix (8 P² bytes) and its eigenvectors are no longer for one machine's patience."""
EXACT_DAMPING = 1e-2
"""Where the study names none: of those tried it predicts retraining best (docs/benchmarks.md)."""
EXACT_WORK = 4e12
"""Multiplications that ``factor_examples = "auto"`` spends on the matrix, about a minute of two cores."""
FEWEST_EXACT = 1_000
"""Samples that the matrix is a mean over at least, whatever they cost."""
_BATCHES = (1, 256)
_BATCH_BYTES = 64 * 2**20
"""Aim for the float64 inputs and outputs of one batch; a 3 × 3 convolution lays its inputs out nine times."""


class ExactCurvature:
    """Eigenvectors and eigenvalues of the whole matrix, over all tracked modules at once.

    Args:
        eigenvalues: shape ``(P,)``, not negative.
        eigenvectors: Q, shape ``(P, P)``, one a column; parameters module by module, each
            ``(o, i)`` row by row.
        shapes: ``(o, i)`` by module, in the order of the parameters.
    """

    def __init__(self, eigenvalues: Tensor, eigenvectors: Tensor, shapes: Mapping[str, tuple[int, int]]) -> None:
        self.eigenvalues, self.eigenvectors, self._shapes = eigenvalues, eigenvectors, dict(shapes)

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules, in the order of the parameters."""
        return tuple(self._shapes)

    def precondition(self, gradients: Rows, operators: Sequence[Operator]) -> list[Rows]:
        """Applies operators to the gradients of all modules together."""
        joined = torch.cat([gradients[name].flatten(1) for name in self._shapes], dim=1).to(self.eigenvectors)
        rotated = joined @ self.eigenvectors
        told = []
        for operator in operators:
            rows = (rotated * operator.factor(self.eigenvalues, EXACT_DAMPING)) @ self.eigenvectors.T
            told.append(self._by_module(rows))
        return told

    def _by_module(self, rows: Tensor) -> Rows:
        parts = rows.split([math.prod(shape) for shape in self._shapes.values()], dim=1)
        return {name: part.unflatten(1, shape) for (name, shape), part in zip(self._shapes.items(), parts, strict=True)}


def exact_curvature(
    model: nn.Module,
    samples: Samples,
    transform: InputTransform,
    modules: Sequence[str],
    indices: Tensor,
    sample_bytes: int = 1,
    progress: Progress = silent,
) -> ExactCurvature:
    """Computes the Gauss-Newton matrix and its eigendecomposition.

    Args:
        model: in evaluation mode and float64.
        samples: the training samples.
        transform: from stored to prepared inputs.
        modules: names of the tracked modules.
        indices: of the samples that the matrix is a mean over, shape ``(n,)``.
        sample_bytes: what inputs and outputs of the modules take for one sample in float32.
        progress: called after every backward pass; may raise to stop.
    """
    shapes = {name: matrix_shape(model.get_submodule(name)) for name in modules}
    total = sum(math.prod(shape) for shape in shapes.values())
    device = next(model.parameters()).device
    matrix = torch.zeros(total, total, dtype=torch.float64, device=device)
    taken: dict[str, Tensor] = {}

    def take(name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        taken[name] = per_sample_gradients(module, inputs, gradient).flatten(1)

    done = 0
    size = min(max(_BATCH_BYTES // (2 * 9 * max(1, sample_bytes)), _BATCHES[0]), _BATCHES[1])
    with observed(model, modules, take):
        for batch in indices.split(size):
            logits = model(transform.prepare(samples.inputs[batch]).to(device, torch.float64))
            factor = _root(logits.detach().softmax(dim=1))
            classes = logits.shape[1]
            for column in range(classes):
                logits.backward(factor[:, :, column], retain_graph=column + 1 < classes)
                jacobian = torch.cat([taken[name] for name in shapes], dim=1)
                matrix.addmm_(jacobian.T, jacobian)
                progress("factors", done * classes + (column + 1) * len(batch), len(indices) * classes)
            done += len(batch)
    eigenvalues, eigenvectors = torch.linalg.eigh(matrix / len(indices))
    # Rounding leaves tiny negative ones, whose inverse would be large.
    return ExactCurvature(eigenvalues.clamp_min(0.0), eigenvectors, shapes)


def exact_sample_size(available: int, parameters: int, classes: int) -> int:
    """Returns on how many samples the matrix is fitted under ``factor_examples = "auto"``."""
    affordable = int(EXACT_WORK / (classes * parameters**2))
    return min(available, max(affordable, FEWEST_EXACT))


def _root(probabilities: Tensor) -> Tensor:
    """Returns S ``(B, K, K)`` with ``S Sᵀ = diag(p) - p pᵀ``."""
    roots = probabilities.sqrt()
    return torch.diag_embed(roots) - probabilities[:, :, None] * roots[:, None, :]
