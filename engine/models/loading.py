"""A checkpoint into a model: every name, shape, number type and value is checked first.

The model is changed only when all of it fits, so a refused file leaves it as it was.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.architecture_names import SKLEARN_SUFFIX
from engine.errors import RefusedInput
from engine.models.tensor_files import read_tensors

PREFIXES = ("module.", "_orig_mod.", "model.")
"""What data-parallel wrappers, torch.compile and training frameworks put before every name."""

_SHOWN = 5
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def load_checkpoint(path: Path, model: nn.Module) -> tuple[str, ...]:
    """Loads parameters and buffers into ``model``, in place.

    Args:
        path: a safetensors file, a state dict written by ``torch.save``, or a skops file of scikit-learn.
        model: of the architecture that the checkpoint belongs to.

    Returns:
        Notices: what was accepted although it is not quite what was expected (a prefix
        before every name, half or double precision).

    Raises:
        RefusedInput: if the file cannot be read safely, if names or shapes differ from
            the model's, or if a value is not finite.
    """
    tensors, notices = _stored(path)
    if (known_tensors := getattr(model, "known_tensors", None)) is not None:
        tensors = known_tensors(tensors)
    expected = model.state_dict()
    tensors, prefix = _without_prefix(tensors, expected)
    if prefix:
        notices += (f"{path.name}: the prefix '{prefix}' before every name was left out",)
    _check_names(path, tensors, expected)
    _check_shapes(path, tensors, expected, model)
    converted, narrowed = converted_tensors(path, tensors, expected)
    model.load_state_dict(converted, strict=True)
    return notices + narrowed


def _stored(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    if path.suffix.lower() != SKLEARN_SUFFIX:
        return read_tensors(path)
    # Imported only where it is asked for: scikit-learn takes as long to import as torch.
    from engine.models.sklearn_models import SklearnModel

    return {name: tensor.float() for name, tensor in SklearnModel.read(path).tensors().items()}, ()


def converted_tensors(
    path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Returns the tensors in the number types of ``expected``, and notices of what that changed.

    Raises:
        RefusedInput: if a number type cannot be converted or a value is not finite.
    """
    converted: dict[str, Tensor] = {}
    others: set[str] = set()
    for name, wanted in expected.items():
        stored = tensors[name]
        kinds = _FLOATS if wanted.dtype.is_floating_point else _INTEGERS
        if stored.dtype not in kinds:
            raise RefusedInput(
                f"{path.name}: tensor '{name}' is of type {_plain(stored.dtype)}",
                f"{_plain(wanted.dtype)}",
                "Save the model's own parameters, not a quantised or packed copy",
            )
        if stored.dtype != wanted.dtype and wanted.dtype.is_floating_point:
            others.add(_plain(stored.dtype))
        converted[name] = stored.to(wanted.dtype)
        bad = converted[name].numel() - int(converted[name].isfinite().sum())
        if bad:
            raise RefusedInput(
                f"{path.name}: {bad:,} of {wanted.numel():,} values of tensor '{name}' are NaN or infinite",
                "finite numbers",
                "Use a checkpoint from before the training diverged",
            )
    return converted, tuple(f"{path.name}: {kind} was converted to float32" for kind in sorted(others))


def _without_prefix(tensors: dict[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Strips wrappers' prefixes, also nested ones, where every name has them and the model's do not."""
    stripped = ""
    while tensors:
        prefix = next((known for known in PREFIXES if all(name.startswith(known) for name in tensors)), None)
        if prefix is None or all(name.startswith(prefix) for name in expected):
            break
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        stripped += prefix
    return tensors, stripped


def _check_names(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    complaints = [f"lacks {_listed(missing)}"] if missing else []
    complaints += [f"has unknown {_listed(unexpected)}"] if unexpected else []
    if complaints:
        raise RefusedInput(
            f"{path.name} does not belong to this architecture: it {' and '.join(complaints)}",
            f"exactly the {len(expected)} tensors of the study's [model]",
            "Name the architecture (and its hidden and bias) that the checkpoint was trained with",
        )


def _check_shapes(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], model: nn.Module) -> None:
    differing = [name for name, wanted in expected.items() if tensors[name].shape != wanted.shape]
    if not differing:
        return
    head = _head(model)
    if head is not None and all(name.startswith(f"{head}.") for name in differing):
        stored, wanted = tensors[f"{head}.weight"].shape, expected[f"{head}.weight"].shape
        if stored[1:] == wanted[1:] and stored[0] != wanted[0]:
            raise RefusedInput(
                f"{path.name} was trained for {stored[0]} classes, but the data have {wanted[0]}",
                f"a checkpoint for {wanted[0]} classes",
                "Use the data that it was trained on, or check [data] label and class_names",
            )
    shapes = [f"{name} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}" for name in differing]
    raise RefusedInput(
        f"{path.name} has other shapes than this architecture on these data: {_listed(shapes)}",
        "the shapes of the study's [model] and [data]",
        "Check [model] hidden, the columns or picture size of [data], and the checkpoint",
    )


def _head(model: nn.Module) -> str | None:
    """Returns the name of the layer that computes the logits: the last linear one."""
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    return linear[-1] if linear else None


def _listed(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(name[:80] for name in names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
