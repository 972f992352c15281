"""A model that a function in the user's own Python file builds: ``file:model.py:build``.

This runs the user's code with the user's rights, which nothing else in the project
does. So it is off until the environment names the folders whose code may run: a study
file that somebody else wrote cannot name them. Links are followed before the place
of a file is judged.
"""

import hashlib
import importlib.machinery
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import RefusedInput, first_line

CODE_ROOT = "PARETOSCOPE_CODE_ROOT"
"""The environment variable that names the folders, separated as in ``PATH``."""

_LONGEST_CAUSE = 200


def model_from_file(path: Path, function: str, input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Loads the file as it is now and calls ``function(input_shape, num_classes)``.

    Args:
        path: of the Python file.
        function: the builder's name; it returns a module from ``(B, *input_shape)`` to logits ``(B, K)``.
        input_shape: of one prepared sample, ``(C, H, W)`` or ``(D,)``.
        num_classes: K.

    Returns:
        The network, in training mode.

    Raises:
        RefusedInput: if the file may not be run, if its code fails, or if what it
            builds is no classifier of these samples.
    """
    where = f"[model] architecture names {path.name}:{function}"
    source = allowed_file(path)
    module = _attempt(lambda: _loaded(source), source, f"{where}, but the file cannot be loaded")
    builder = getattr(module, function, None)
    if not callable(builder):
        raise RefusedInput(
            f"{where}, but the file has no function of that name",
            f"def {function}(input_shape, num_classes)",
            "Mend the name in [model] architecture, or the file",
        )
    model = _attempt(lambda: builder(input_shape, num_classes), source, f"{where}, which failed")
    if not isinstance(model, nn.Module):
        raise RefusedInput(
            f"{where}, which returned {_kind(model)}", "a torch.nn.Module", f"Return the model from {function}"
        )
    _check_logits(model, source, where, input_shape, num_classes)
    _check_state(model, where)
    return model.train()


def allowed_file(path: Path) -> Path:
    """Returns the file with all links followed, if its code may be run.

    Raises:
        RefusedInput: if it is no regular ``.py`` file or lies in no folder whose code may run.
    """
    try:
        source = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise RefusedInput(
            f"[model] architecture names {path}, which does not exist",
            "a Python file",
            "Check the path: it is relative to the study file",
        ) from None
    if not source.is_file() or source.suffix != ".py":
        leads = "" if source == path else f", which leads to {source}"
        raise RefusedInput(
            f"[model] architecture names {path}{leads}", "a regular file that ends in .py", "Name the file itself"
        )
    roots = _code_roots()
    if not any(root.is_dir() and source.is_relative_to(root) for root in roots):
        named = f"names only {', '.join(map(str, roots))}" if roots else "is not set"
        raise RefusedInput(
            f"[model] architecture asks for more trust than other studies: this runs the code of {source} with your "
            f"rights, and {CODE_ROOT} {named}",
            f"the environment variable {CODE_ROOT} to name a folder above the file, all of whose code you trust",
            f"Read the file, and if you trust it, set {CODE_ROOT}={source.parent} and start again",
        )
    return source


def _code_roots() -> list[Path]:
    named = [Path(entry) for entry in os.environ.get(CODE_ROOT, "").split(os.pathsep) if entry]
    for root in named:
        # Jobs run in another folder than commands, where a relative path would allow other code.
        if not root.is_absolute():
            raise RefusedInput(f"{CODE_ROOT} names {str(root)!r}", "folders by their full paths", "Write the full path")
    return [root.resolve() for root in named]


class _AsItIsNow(importlib.machinery.SourceFileLoader):
    """Compiles the file each time: stored bytecode is told apart by size and second only."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _loaded(source: Path) -> ModuleType:
    # No import statement can name it, so it hides no other module and none is taken for it.
    name = f"paretoscope-builder-{hashlib.sha256(str(source).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_loader(name, _AsItIsNow(name, str(source)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look the module of a class up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _attempt(step: Callable[[], Any], source: Path, problem: str) -> Any:
    """Runs a step of the user's code; whatever it raises becomes a refusal with the first line of the cause."""
    try:
        return step()
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(source)]
        place = f" (line {lines[-1]})" if lines else ""
        cause = f"{type(error).__name__}: {first_line(error, _LONGEST_CAUSE)}"
        raise RefusedInput(
            f"{problem}: {cause}{place}", "code that runs without an error", f"Mend {source.name}"
        ) from error


def _check_logits(model: nn.Module, source: Path, where: str, input_shape: tuple[int, ...], num_classes: int) -> None:
    """Passes two samples of zeros through the model in evaluation mode."""
    samples = torch.zeros(2, *input_shape)
    model.eval()
    with torch.no_grad():
        logits = _attempt(lambda: model(samples), source, f"{where}, whose model fails on {tuple(samples.shape)}")
    expected = f"one tensor of logits of shape (2, {num_classes}) for two samples of shape {input_shape}"
    remedy = f"Mend what the model in {source.name} returns"
    if not isinstance(logits, Tensor):
        raise RefusedInput(f"{where}, whose model returns {_kind(logits)}", expected, remedy)
    if logits.shape != (2, num_classes) or not logits.is_floating_point():
        returned = f"a tensor of shape {tuple(logits.shape)} and type {str(logits.dtype).removeprefix('torch.')}"
        raise RefusedInput(f"{where}, whose model returns {returned}", expected, remedy)


def _check_state(model: nn.Module, where: str) -> None:
    """Checks that the model can be trained and that its checkpoints can be written."""
    parameters = dict(model.named_parameters())
    frozen = [name for name, parameter in parameters.items() if not parameter.requires_grad]
    if frozen or not parameters:
        # Influence and the next epoch would move what the original training did not.
        problem = f"parameter {frozen[0]} is frozen" if frozen else "model has no parameters"
        raise RefusedInput(f"{where}, whose {problem}", "parameters that are all trained", "Mend the model")
    owners: dict[tuple[int, torch.Size], str] = {}
    for name, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise RefusedInput(
                f"{where}, whose state '{name}' is {_kind(value)}", "a state_dict of tensors", "Mend the model"
            )
        if value.numel() and owners.setdefault((value.data_ptr(), value.shape), name) != name:
            raise RefusedInput(
                f"{where}, in which {owners[value.data_ptr(), value.shape]} and {name} are the same tensor",
                "a tensor of its own for each name, since influence and checkpoints are by module",
                "Give each module its own weights",
            )


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
