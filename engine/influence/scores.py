"""One pass over the training samples: the product of every row with every sample.

``P_jr = <u_r, ∇ℓ_j>`` summed over the tracked modules, with u_r a preconditioned class
gradient. For a linear map with inputs a ``(B, T, i)`` and output gradients g ``(B, T, o)``
the gradient of sample b is ``Σ_t g_bt a_btᵀ``. The backward pass computes output
gradients only: no parameter asks for one, which saves a third of an ordinary step.
Per-sample gradients ``(B, o, i)`` are formed only where samples share the map over
positions (T > 1); for T = 1 the row is contracted with the input first.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.influence.class_gradients import Rows


@contextmanager
def scoring(model: nn.Module, rows: Rows) -> Iterator["ScoringPass"]:
    """Hooks the tracked modules for as long as the context lasts.

    Args:
        model: in evaluation mode; its parameters ask for no gradient meanwhile.
        rows: preconditioned, by module ``(R, o, i)``.
    """
    asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
    model.requires_grad_(False)
    scoring_pass = ScoringPass(model, rows)
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: scoring_pass.watch(name, module, inputs[0], output)
        )
        for name in rows
    ]
    try:
        yield scoring_pass
    finally:
        for handle in handles:
            handle.remove()
        for parameter, wants in asked.items():
            parameter.requires_grad_(wants)


class ScoringPass:
    """Scores one batch after the other; made by :func:`scoring`."""

    def __init__(self, model: nn.Module, rows: Rows) -> None:
        self._model, self._rows = model, rows
        self._scores: Tensor | None = None

    def score(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Returns the scores of a batch, shape ``(B, R)``.

        Args:
            inputs: prepared, shape ``(B, ...)``.
            labels: shape ``(B,)``.
        """
        self._scores = None
        logits = self._model(inputs)
        functional.cross_entropy(logits, labels, reduction="sum").backward()
        return self._taken()

    def _taken(self) -> Tensor:
        # A method of its own: the hooks fill the scores behind the reader's, and the checker's, back.
        assert self._scores is not None, "no tracked module took part in the forward pass"
        return self._scores

    def watch(self, name: str, module: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
        """Follows a tracked module's output; its gradient is scored as soon as it is known."""
        # The graph begins at the first tracked module, which has a leaf as output. A leaf
        # must not be changed in place, as nn.ReLU(inplace=True) would: hence the clone.
        if not output.requires_grad:
            output = output.detach().requires_grad_(True)
        output = output.clone()
        inputs = inputs.detach()

        def take(gradient: Tensor) -> None:
            # Autocast reaches into the backward pass; the sum over parameters stays in float32.
            with torch.autocast(gradient.device.type, enabled=False):
                part = contract(self._rows[name], module, inputs, gradient)
            self._scores = part if self._scores is None else self._scores + part

        output.register_hook(take)
        return output


def contract(rows: Tensor, module: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
    """Returns ``<u_r, ∇ℓ_b>`` for one module, shape ``(B, R)``.

    Args:
        rows: shape ``(R, o, i)``.
        module: the ``nn.Linear`` or ``nn.Conv2d``.
        inputs: of the module, detached.
        gradient: of the summed loss by the module's output.
    """
    activations, outputs = _positions(module, inputs.float(), gradient.float())
    if activations.shape[1] == 1:
        projected = activations[:, 0] @ rows.flatten(0, 1).T
        return torch.einsum("bro,bo->br", projected.unflatten(1, rows.shape[:2]), outputs[:, 0])
    per_sample = torch.bmm(outputs.transpose(1, 2), activations)
    return per_sample.flatten(1) @ rows.flatten(1).T


def _positions(module: nn.Module, inputs: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Lays inputs out as ``(B, T, i)`` and gradients as ``(B, T, o)``, the bias as last input."""
    if isinstance(module, nn.Conv2d):
        padding = module.padding
        if isinstance(padding, str):
            padding = tuple(
                0 if padding == "valid" else d * (k - 1) // 2
                for d, k in zip(module.dilation, module.kernel_size, strict=True)
            )
        patches = functional.unfold(inputs, module.kernel_size, module.dilation, padding, module.stride)
        activations, outputs = patches.transpose(1, 2), gradient.flatten(2).transpose(1, 2)
    else:
        activations = inputs.flatten(1, -2) if inputs.dim() > 2 else inputs[:, None]
        outputs = gradient.flatten(1, -2) if gradient.dim() > 2 else gradient[:, None]
    if module.bias is not None:
        activations = torch.cat([activations, activations.new_ones(*activations.shape[:2], 1)], dim=2)
    return activations, outputs


def stacked(rows: Sequence[Rows]) -> Rows:
    """Returns several sets of rows as one, in order, so that one pass scores them all."""
    return {name: torch.cat([some[name] for some in rows]) for name in rows[0]}
