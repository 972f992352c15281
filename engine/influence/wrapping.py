"""What kronfluence is told of a model, and whether the model bears being wrapped by it."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from kronfluence.analyzer import prepare_model
from kronfluence.task import Task
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import RefusedInput, first_line


class ClassificationTask(Task):
    """Tells kronfluence what is trained: the summed cross-entropy of a batch.

    Args:
        modules: names of those that are tracked.
        token_mask: from inputs to 1 for the positions of a module's inputs that count and 0 for padding,
            ``(B, L)``; None where there is no padding. Without it the covariances of padding are taken in.
    """

    def __init__(self, modules: Sequence[str], token_mask: Callable[[Tensor], Tensor] | None = None) -> None:
        self._modules, self._token_mask = list(modules), token_mask

    def get_influence_tracked_modules(self) -> list[str]:
        """Returns the names of the modules that are wrapped."""
        return self._modules

    def get_attention_mask(self, batch: Any) -> Tensor | None:
        """Returns which positions of a batch count."""
        return None if self._token_mask is None else self._token_mask(batch[0]).long()

    def compute_train_loss(self, batch: Any, model: nn.Module, sample: bool = False) -> Tensor:
        """Returns the summed cross-entropy; with ``sample`` on labels drawn from the model.

        Drawing labels makes the second moments those of the true Fisher; they come from
        the global generator, which the caller seeds.
        """
        inputs, labels = batch
        logits = model(inputs)
        if sample:
            labels = torch.multinomial(logits.detach().softmax(dim=1), num_samples=1)[:, 0]
        return functional.cross_entropy(logits, labels, reduction="sum")

    def compute_measurement(self, batch: Any, model: nn.Module) -> Tensor:
        """Returns the summed cross-entropy on the given labels."""
        return self.compute_train_loss(batch, model)


def check_wrapping(model: nn.Module, example: Tensor, modules: Sequence[str]) -> None:
    """Checks that a model computes the same once kronfluence has put its own modules in place of the tracked ones.

    Args:
        model: in evaluation mode.
        example: a few prepared samples.
        modules: names of the tracked modules.

    Raises:
        RefusedInput: if the wrapped model fails or gives other logits.
    """
    expected = "a model that only calls its modules, and does not ask for their types or attributes"
    remedy = "Change its forward, set strategy = 'exact' or 'identity', or restrict [influence] modules"
    with torch.no_grad():
        logits = model(example)
        try:
            wrapped = prepare_model(copy.deepcopy(model), ClassificationTask(modules)).eval()(example)
        except (AttributeError, TypeError, RuntimeError, ValueError) as error:
            problem = f"the {type(model).__name__} fails when kronfluence wraps its modules: {first_line(error)}"
            raise RefusedInput(problem, expected, remedy) from error
    if not torch.allclose(logits, wrapped, rtol=0, atol=1e-3 * float(logits.abs().max())):
        raise RefusedInput(
            f"the {type(model).__name__} computes other logits when kronfluence wraps its modules", expected, remedy
        )
