"""Tracked modules as linear maps: what went in, what came back, and how the two make a gradient.

For inputs a ``(B, T, i)`` and output gradients g ``(B, T, o)`` the gradient of sample b is
``G_b = Σ_t g_bt a_btᵀ``, shape ``(o, i)``. T counts the positions that share the map: the
pixels of a convolution's output, the tokens of a sequence, 1 for a plain vector. The bias
counts as one more input that is always 1.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

Take = Callable[[str, nn.Module, Tensor, Tensor], None]
"""Told a module's name, the module, its inputs and the gradient by its output, as they are."""


@contextmanager
def observed(model: nn.Module, names: Sequence[str], take: Take) -> Iterator[None]:
    """Calls ``take`` for each named module as soon as a backward pass reaches its output.

    Meanwhile no parameter asks for a gradient: the graph begins at the first named
    module's output, which saves a third of an ordinary step. Requests are restored.

    Args:
        model: in evaluation mode.
        names: of its modules, each called once in a forward pass.
        take: called in the order of the backward pass, without gradients.
    """
    asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
    model.requires_grad_(False)

    def hook(name: str, module: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            # The model itself keeps gradients from passing here: a frozen part.
            return output
        # The graph begins at the first named module, which has a leaf as output. A leaf
        # must not be changed in place, as nn.ReLU(inplace=True) would: hence the clone.
        if not output.requires_grad:
            output = output.detach().requires_grad_(True)
        output = output.clone()
        inputs = inputs.detach()
        output.register_hook(lambda gradient: take(name, module, inputs, gradient))
        return output

    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: hook(name, module, inputs[0], output)
        )
        for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for parameter, wants in asked.items():
            parameter.requires_grad_(wants)


def positions(module: nn.Module, inputs: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Lays inputs out as ``(B, T, i)`` and output gradients as ``(B, T, o)``.

    Args:
        module: the ``nn.Linear`` or ``nn.Conv2d``.
        inputs: of the module, ``(B, ..., i)`` or ``(B, C, H, W)``.
        gradient: by the module's output, ``(B, ..., o)`` or ``(B, o, h, w)``.
    """
    if isinstance(module, nn.Conv2d):
        patches = functional.unfold(
            inputs, module.kernel_size, module.dilation, symmetric_padding(module), module.stride
        )
        activations, outputs = patches.transpose(1, 2), gradient.flatten(2).transpose(1, 2)
    else:
        activations = inputs.flatten(1, -2) if inputs.dim() > 2 else inputs[:, None]
        outputs = gradient.flatten(1, -2) if gradient.dim() > 2 else gradient[:, None]
    if module.bias is not None:
        activations = torch.cat([activations, activations.new_ones(*activations.shape[:2], 1)], dim=2)
    return activations, outputs


def per_sample_gradients(module: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
    """Returns ``G_b`` of each sample, shape ``(B, o, i)``; arguments as for :func:`positions`."""
    activations, outputs = positions(module, inputs, gradient)
    return torch.bmm(outputs.transpose(1, 2), activations)


def symmetric_padding(module: nn.Conv2d) -> tuple[int, ...]:
    """Returns the padding in numbers, the same on both sides.

    Raises:
        ValueError: for ``padding = "same"`` with an even span, which pads one side more.
    """
    if not isinstance(module.padding, str):
        return module.padding
    if module.padding == "valid":
        return (0, 0)
    spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    if any(span % 2 for span in spans):
        raise ValueError("padding = 'same' with an even kernel pads one side more than the other")
    return tuple(span // 2 for span in spans)


def matrix_shape(module: nn.Module) -> tuple[int, int]:
    """Returns ``(o, i)`` of a tracked module."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.shape[0], weight[0].numel() + (module.bias is not None)


def parameter_gradients(value: Tensor, layers: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Returns autograd's gradient of a number by each module, ``(o, i)`` by name; zero where none reaches."""
    parameters = [parameter for layer in layers.values() for parameter in layer.parameters(recurse=False)]
    gradients = iter(torch.autograd.grad(value, parameters, materialize_grads=True))
    return {
        name: as_matrix(next(gradients), None if layer.bias is None else next(gradients))
        for name, layer in layers.items()
    }


def as_matrix(weight: Tensor, bias: Tensor | None) -> Tensor:
    """Returns a weight (or its gradient) and its bias as one matrix ``(o, i)``."""
    matrix = weight.flatten(1)
    return matrix if bias is None else torch.cat([matrix, bias[:, None]], dim=1)
