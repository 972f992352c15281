"""What a class is judged by: a number per sample that is lower when the model is better.

Influence is the change of the mean of this number over the validation samples of a
class (method of Koh and Liang 2017, Eq. 1, taken class by class).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Measurement = Callable[[Tensor, Tensor], Tensor]
"""``(logits (B, K), labels (B,)) -> (B,)``, lower is better."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns -log p_y in nats, shape ``(B,)``."""
    return functional.cross_entropy(logits, labels, reduction="none")


def negative_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns -log(p_y / (1 - p_y)), shape ``(B,)``: unlike the loss it does not saturate."""
    true_class = functional.one_hot(labels, logits.shape[1]).bool()
    others = logits.masked_fill(true_class, -torch.inf)
    return others.logsumexp(dim=1) - logits[true_class]


def soft_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns 1 - p_y, shape ``(B,)``: the smooth form of the error rate."""
    return 1 - logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]


MEASUREMENTS: dict[str, Measurement] = {
    "loss": cross_entropy,
    "margin": negative_margin,
    "soft_accuracy": soft_error,
}
