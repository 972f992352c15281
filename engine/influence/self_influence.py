r"""Self-influence: how strongly a training sample acts on its own loss.

.. math:: s_j = \nabla \ell_j^\top A \, \nabla \ell_j \ge 0,

with A the operator of the ceiling on the fitted curvature (:math:`H^{-1}`, or how far the study's training
goes). A large value marks a sample that the model fits by itself, against all others: an outlier, a rare case or
a wrong label. It has no sign that tells harm from help, and no class.

In the eigenbasis of the curvature A is a product with one factor an eigenvalue, so :math:`s_j` is a sum of squares:
the gradient is rotated once and never back. Where a Kronecker block has few positions, inputs and output gradients
are rotated before the gradient is formed from them, which costs a fraction of rotating the gradient itself.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.data import StudyData
from engine.errors import RefusedInput
from engine.influence.curvature import (
    HEURISTIC_DAMPING_SHARE,
    BlockCurvature,
    Curvature,
    IdentityCurvature,
    ModuleCurvature,
)
from engine.influence.exact import EXACT_DAMPING, ExactCurvature
from engine.influence.linear_maps import matrix_shape, observed, per_sample_gradients, positions
from engine.influence.operators import Operator
from engine.influence.precision import Precision
from engine.influence.vectors import PreparedInfluence
from engine.progress import Progress, silent

_CHUNK_BYTES = 64 * 2**20
"""What gradients, patches and their rotations of the samples that are looked at together may take."""

_OfModule = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""From a module, its inputs and the gradient by its output to each sample's share of s, ``(B,)``."""


class _Form(Protocol):
    """Collects one backward pass, module by module, into each sample's value."""

    def take(self, name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        """Adds what one module contributes."""

    def taken(self) -> Tensor:
        """Returns the values of the batch, ``(B,)`` float64, and forgets them."""


def self_influence(prepared: PreparedInfluence, data: StudyData, progress: Progress = silent) -> NDArray[np.float64]:
    """Returns the self-influence of every training sample.

    Args:
        prepared: of the same data; holds the model, its curvature and the operator of the ceiling.
        data: whose training samples are looked at.
        progress: called after every batch; may raise to stop.

    Returns:
        s, shape ``(N,)``, at least 0, in the unit of the influence vectors (loss × samples). The batches change
        the last bits alone.

    Raises:
        RefusedInput: if a value is not finite.
        Cancelled: when ``progress`` raises it.
    """
    model, samples = prepared.model, data.train
    parameter = next(model.parameters())
    form = _form(prepared)
    size = prepared.batch_size
    if isinstance(form, _Joint):
        size = max(1, min(size, _CHUNK_BYTES // (form.parameters * parameter.itemsize)))
    values = torch.empty(len(samples), dtype=torch.float64)
    with Precision("fp32").applied(parameter.device), observed(model, prepared.tracked.names, form.take):
        for batch in torch.arange(len(samples)).split(size):
            inputs = data.transform.prepare(samples.inputs[batch]).to(parameter)
            labels = samples.labels[batch].to(inputs.device)
            functional.cross_entropy(model(inputs), labels, reduction="sum").backward()
            values[batch] = form.taken().cpu()
            progress("self-influence", int(batch[-1]) + 1, len(samples))
    if not bool(values.isfinite().all()):
        bad = int((~values.isfinite()).nonzero()[0])
        raise RefusedInput(
            f"the self-influence of training sample {bad} is not finite",
            "gradients whose squares float32 can hold",
            "Check the sample, normalise the inputs with mean and std in [data.transform], or use an earlier epoch",
        )
    return values.numpy()


def _form(prepared: PreparedInfluence) -> _Form:
    curvature, operator = prepared.curvature, prepared.ceiling
    if isinstance(curvature, ExactCurvature):
        modules = {name: prepared.model.get_submodule(name) for name in prepared.tracked.names}
        return _Joint(curvature, operator, sum(math.prod(matrix_shape(module)) for module in modules.values()))
    return _Blocks({name: _of_module(curvature, operator, name) for name in prepared.tracked.names})


class _Joint:
    """One matrix over all modules: gradients are joined before they are rotated."""

    def __init__(self, curvature: ExactCurvature, operator: Operator, parameters: int) -> None:
        self.parameters = parameters
        self._basis, self._order = curvature.eigenvectors, curvature.modules
        self._factor = operator.factor(curvature.eigenvalues, EXACT_DAMPING)
        self._gradients: dict[str, Tensor] = {}

    def take(self, name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        self._gradients[name] = per_sample_gradients(module, inputs, gradient).flatten(1)

    def taken(self) -> Tensor:
        joined = torch.cat([self._gradients[name] for name in self._order], dim=1).to(self._basis)
        self._gradients.clear()
        return ((joined @ self._basis) ** 2 @ self._factor).double()


class _Blocks:
    """A block a module: what each contributes is summed."""

    def __init__(self, forms: dict[str, _OfModule]) -> None:
        self._forms = forms
        self._values: Tensor | None = None

    def take(self, name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        form, size = self._forms[name], _chunk(module, inputs, gradient)
        parts = zip(inputs.split(size), gradient.split(size), strict=True)
        # Squares of float32 gradients are summed over modules of very different size.
        values = torch.cat([form(module, *part).double() for part in parts])
        self._values = values if self._values is None else self._values + values

    def taken(self) -> Tensor:
        values, self._values = self._values, None
        assert values is not None, "no tracked module took part in the backward pass"
        return values


def _of_module(curvature: Curvature, operator: Operator, name: str) -> _OfModule:
    if isinstance(curvature, IdentityCurvature):
        scale = operator.at_identity
        return lambda module, inputs, gradient: scale * _squared(per_sample_gradients(module, inputs, gradient))
    assert isinstance(curvature, BlockCurvature), "every curvature is exact, of blocks or the identity"
    return _kronecker(curvature.modules[name], operator)


def _kronecker(block: ModuleCurvature, operator: Operator) -> _OfModule:
    factor = operator.factor(block.eigenvalues, HEURISTIC_DAMPING_SHARE * float(block.eigenvalues.mean()))
    left, right = block.gradient_basis, block.activation_basis

    def value(module: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
        activations, outputs = (part.to(factor) for part in positions(module, inputs, gradient))
        if left is None or right is None:
            return _squared(torch.bmm(outputs.transpose(1, 2), activations), factor)
        count, (width_out, width_in) = activations.shape[1], factor.shape
        if count == 1:
            # The gradient is an outer product, and so are its squares.
            return ((outputs[:, 0] @ left) ** 2 @ factor * (activations[:, 0] @ right) ** 2).sum(dim=1)
        if count * (width_in**2 + width_out**2) < width_in * width_out * (width_in + width_out):
            rotated = torch.bmm((outputs @ left).transpose(1, 2), activations @ right)
        else:
            rotated = left.T @ torch.bmm(outputs.transpose(1, 2), activations) @ right
        return _squared(rotated, factor)

    return value


def _squared(gradients: Tensor, factor: Tensor | None = None) -> Tensor:
    squares = gradients**2 if factor is None else gradients**2 * factor
    return squares.flatten(1).sum(dim=1)


def _chunk(module: nn.Module, inputs: Tensor, gradient: Tensor) -> int:
    """Returns for how many samples patches, gradients and their rotations are laid out at once."""
    outputs, width = matrix_shape(module)
    count = gradient[0].numel() // outputs
    sample = 2 * (count * (width + outputs) + outputs * width) * inputs.itemsize
    return max(1, _CHUNK_BYTES // sample)
